using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Inference;

/// <summary>Work on libtorch's threads, and where oneDNN's functions are found.</summary>
[Collection(nameof(FeatureExtraction.Alone))] // they set the number of threads
public sealed class WorkTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void Every_element_is_in_one_part(int threads)
    {
        var before = get_num_threads();
        set_num_threads(threads);
        try
        {
            var seen = new int[1003];
            Work.Share(seen.Length, 10, (from, to) =>
            {
                for (var i = from; i < to; i++)
                    Interlocked.Increment(ref seen[i]);
            });
            Assert.All(seen, times => Assert.Equal(1, times));
        }
        finally
        {
            set_num_threads(before);
        }
    }

    [Fact]
    public void What_a_part_throws_arrives_after_the_others_have_run()
    {
        Assert.SkipUnless(OpenMp.IsAvailable, "there is no libgomp here");
        var done = 0;
        Assert.Equal("part 1", Assert.Throws<InvalidOperationException>(() => OpenMp.Run(4, part =>
        {
            if (part == 1)
                throw new InvalidOperationException("part 1");
            Interlocked.Increment(ref done);
        })).Message);
        Assert.InRange(done, 1, 3);
    }

    [Fact]
    public void The_symbol_table_has_the_functions_that_are_exported_too()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "libraries have another format here");
        TryInitializeDeviceType(DeviceType.CPU);
        var found = SymbolTable.Functions("libtorch_cpu.so", "aoti_torch_get_");
        Assert.True(System.Runtime.InteropServices.NativeLibrary.TryLoad("torch_cpu", typeof(OpenMp).Assembly, null, out var library));
        Assert.Contains("aoti_torch_get_data_ptr", found.Keys);
        Assert.All(found, function => Assert.True(!System.Runtime.InteropServices.NativeLibrary.TryGetExport(library, function.Key, out var address) || address == function.Value));
    }

    [Fact]
    public void A_table_that_reaches_beyond_its_file_is_refused()
    {
        var path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            var header = new byte[64];
            "\u007fELF\u0002\u0001"u8.CopyTo(header);
            (header[0x28], header[0x34], header[0x3A], header[0x3C]) = (0x30, 2, 0x40, 1);
            File.WriteAllBytes(path, header);
            using var file = File.OpenHandle(path);
            Assert.Throws<BadImageFormatException>(() => SymbolTable.Functions(file, 0, "dnnl_"));
            header[0] = 0;
            File.WriteAllBytes(path + "2", header);
            using var other = File.OpenHandle(path + "2");
            Assert.Empty(SymbolTable.Functions(other, 0, "dnnl_"));
        }
        finally
        {
            File.Delete(path);
            File.Delete(path + "2");
        }
    }
}
