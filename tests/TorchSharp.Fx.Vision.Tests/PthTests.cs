using System.Text;
using System.Text.Json;
using TorchSharp.Fx.Testing;
using Xunit;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision.Tests;

/// <summary>PyTorch's own files, as PyTorch wrote them and broken.</summary>
public sealed class PthTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();
    private readonly string file = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.pth");

    public void Dispose()
    {
        scope.Dispose();
        File.Delete(file);
    }

    public static TheoryData<string> Readable => [.. Golden.Json("checkpoints", "expected.json").EnumerateObject().Select(item => item.Name).Where(name => name.EndsWith(".pth", StringComparison.Ordinal))];

    [Theory]
    [MemberData(nameof(Readable))]
    public void Tensors_have_the_values_that_were_saved(string name)
    {
        var expected = Golden.Json("checkpoints", "expected.json").GetProperty(name).EnumerateObject().ToArray();
        var tensors = Pth.load_file(Golden.PathOf("checkpoints", name));
        Assert.Equal(expected.Select(item => item.Name), tensors.Keys);
        foreach (var item in expected)
        {
            var tensor = tensors[item.Name];
            Assert.Equal(item.Value.GetProperty("dtype").GetString(), tensor.dtype == ScalarType.Byte ? "uint8" : tensor.dtype.ToString().ToLowerInvariant());
            Assert.Equal(item.Value.GetProperty("shape").EnumerateArray().Select(size => size.GetInt64()), tensor.shape);
            Assert.Equal(item.Value.GetProperty("values").EnumerateArray().Select(value => value.GetDouble()), tensor.to(ScalarType.Float64).reshape(-1).data<double>().ToArray());
        }
    }

    /// <summary>Steps stand under the tensor's name, their scales and zero points beside it; the packed weights of linear layers are named as others.</summary>
    [Fact]
    public void Quantised_tensors_have_the_values_that_were_saved()
    {
        var tensors = Pth.load_file(Golden.PathOf("checkpoints", "quantized.pth"));
        var expected = Golden.Json("checkpoints", "quantized.expected.json");
        AssertQuantised("conv.weight", expected.GetProperty("conv.weight"));
        var packed = expected.GetProperty("fc._packed_params._packed_params");
        AssertQuantised("fc.weight", packed[0]);
        AssertEqual(packed[1], tensors["fc.bias"]);
        string[] plain = ["quant.scale", "quant.zero_point", "conv.bias", "conv.scale", "conv.zero_point", "fc.scale", "fc.zero_point", "add.scale", "add.zero_point"];
        Assert.All(plain, name => AssertEqual(expected.GetProperty(name), tensors[name]));

        void AssertQuantised(string name, JsonElement golden)
        {
            var (steps, scale, zero) = (tensors[name], tensors[name + "_scale"], tensors[name + "_zero_point"]);
            Assert.Equal((golden.GetProperty("dtype").GetString(), ScalarType.Int8), ("qint8", steps.dtype));
            Assert.Equal(golden.GetProperty("scales").EnumerateArray().Select(value => value.GetDouble()), scale.data<double>().ToArray());
            Assert.Equal(golden.GetProperty("zero_points").EnumerateArray().Select(value => value.GetInt64()), zero.data<long>().ToArray());
            AssertEqual(golden, quantized_decomposed.dequantize_per_channel(steps, scale.to(ScalarType.Float32), zero, golden.GetProperty("axis").GetInt64()));
        }

        static void AssertEqual(JsonElement golden, Tensor tensor)
        {
            Assert.Equal(golden.GetProperty("shape").EnumerateArray().Select(size => size.GetInt64()), tensor.shape);
            Assert.Equal(golden.GetProperty("values").EnumerateArray().Select(value => value.GetDouble()), tensor.to(ScalarType.Float64).reshape(-1).data<double>().ToArray());
        }
    }

    [Theory]
    [InlineData("malicious.pth")]
    [InlineData("malicious_legacy.pth")]
    public void Call_of_anything_else_is_refused_by_name(string name) => AssertRefused(Golden.PathOf("checkpoints", name),
        "asks to call 'posix.system', which no weights need: it was not called and nothing is loaded. Don't load this file with anything else either unless you trust who made it.");

    [Fact]
    public void Whole_model_is_refused() => AssertRefused(Golden.PathOf("checkpoints", "whole_model.pth"),
        "holds an object of the class '__main__.Net', probably a whole model, and not its weights; save them in Python with torch.save(model.state_dict(), path).");

    [Theory]
    [InlineData("tied.pth", "enc", "dec")]
    [InlineData("views.pth", "a", "c")]
    [InlineData("views_legacy.pth", "a", "c")]
    public void Tied_tensors_and_views_share_memory(string name, string first, string second)
    {
        var tensors = Pth.load_file(Golden.PathOf("checkpoints", name));
        tensors[first].fill_(-7);
        Assert.Equal(-7, tensors[second].reshape(-1)[1].item<float>());
    }

    [Fact]
    public void Views_keep_their_strides() => Assert.Equal([1, 6], Pth.load_file(Golden.PathOf("checkpoints", "views.pth"))["b"].stride());

    [Theory]
    [InlineData("zip.pth")]
    [InlineData("legacy.pth")]
    [InlineData("half.pth")]
    [InlineData("data_parallel.pth")]
    [InlineData("net.safetensors")]
    public void Model_reads_any_format(string name)
    {
        var source = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.bin");
        File.Copy(Golden.PathOf("checkpoints", name), source);
        try
        {
            var model = Net().load_weights(source);
            var expected = Golden.Json("checkpoints", "expected.json").GetProperty(name);
            foreach (var (key, tensor) in model.state_dict())
                Assert.Equal(expected.GetProperty(key).GetProperty("values").EnumerateArray().Select(value => value.GetDouble()), tensor.to(ScalarType.Float64).reshape(-1).data<double>().ToArray());
        }
        finally
        {
            File.Delete(source);
        }
    }

    [Fact]
    public void View_is_read_into_a_model_by_its_strides()
    {
        var model = new Holder(torch.zeros(6, 4));
        Assert.Equal(["a", "c", "scalar", "empty"], model.load_state_dict(Golden.PathOf("checkpoints", "views.pth"), strict: false).unexpected_keys.Select(key => key.key));
        Assert.Equal([0, 6, 12, 18, 1, 7], model.b.reshape(-1).data<float>().Take(6));
    }

    [Fact]
    public void Key_chooses_among_what_a_checkpoint_holds()
    {
        AssertRefused(() => Pth.load_file(Golden.PathOf("checkpoints", "data_parallel.pth"), key: "optimizer"), Golden.PathOf("checkpoints", "data_parallel.pth"),
            "has no tensors under 'optimizer'; its keys are 'epoch', 'best_acc1', 'args', 'state_dict', 'optimizer'.");
        Assert.Equal(9, Pth.load_file(Golden.PathOf("checkpoints", "data_parallel.pth"), key: "state_dict").Count);
    }

    [Fact]
    public void Byte_order_of_another_machine_is_turned()
    {
        // What a big-endian machine would have written: the same file with the elements' bytes reversed.
        var bytes = File.ReadAllBytes(Golden.PathOf("checkpoints", "zip.pth"));
        var order = Find(bytes, "little"u8);
        "big"u8.CopyTo(bytes.AsSpan(order));
        Patch(bytes, "zip/byteorder"u8, 3);
        var values = MemoryMarshalCast([.. Pth.load_file(Golden.PathOf("checkpoints", "zip.pth"))["fc.bias"].data<float>()]);
        var at = Find(bytes, values);
        bytes.AsSpan(at, 4).Reverse();
        bytes.AsSpan(at + 4, 4).Reverse();
        File.WriteAllBytes(file, bytes);
        Assert.Equal([0.09989142417907715f, -0.207747220993042f], Pth.load_file(file)["fc.bias"].data<float>().ToArray());
    }

    [Theory]
    [InlineData("\u0080\u0002cbuiltins\neval\n.", "mentions 'builtins.eval', which is nothing that weights consist of: it was not looked up and nothing is loaded.")]
    [InlineData("\u0080\u0004\u008c\u0008builtins\u008c\u0004eval\u0093\u008c\u00011\u0085R.", "asks to call 'builtins.eval', which no weights need: it was not called and nothing is loaded. Don't load this file with anything else either unless you trust who made it.")]
    [InlineData("\u0080\u0002ctorch.nn.modules.linear\nLinear\n)\u0081.", "holds an object of the class 'torch.nn.modules.linear.Linear', probably a whole model, and not its weights; save them in Python with torch.save(model.state_dict(), path).")]
    [InlineData("\u0080\u0002K\u0007.", "is a pickle, but not PyTorch's: it doesn't begin with PyTorch's magic number.")]
    [InlineData("\u0080\u0006.", "has pickle protocol 6; 2 to 5 are read.")]
    [InlineData("\u0080\u0002i", "has the pickle instruction 0x69, which no file of PyTorch has: it is damaged or of another format.")]
    [InlineData("\u0080\u0002", "ends in the middle of a value: it is truncated.")]
    [InlineData("\u0080\u0002X\u00ff\u00ff\u00ff\u007f", "gives a value 2147483647 bytes where 0 are left.")]
    [InlineData("\u0080\u0005\u0096\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff\u00ff", "gives a value 18446744073709551615 bytes where 0 are left.")]
    [InlineData("\u0080\u0002\u008b\u00ff\u0000\u0000\u0000", "has an integer of 255 bytes, more than the 64 allowed.")]
    [InlineData("\u0080\u0002u", "is a damaged pickle.")]
    [InlineData("hello", "is neither a .pth of PyTorch nor a safetensors file.")]
    public void Broken_pickle_is_refused(string bytes, string sentence)
    {
        File.WriteAllBytes(file, Encoding.Latin1.GetBytes(bytes));
        AssertRefused(file, sentence);
    }

    [Fact]
    public void Nesting_has_a_limit()
    {
        File.WriteAllBytes(file, [0x80, 2, .. Enumerable.Repeat((byte)'(', 2000)]);
        AssertRefused(file, "nests values more than 1000 deep.");
    }

    [Theory]
    [InlineData("zip.pth", "K\u0003K\u0003K\u0003", "K\u0003K\u0003K\u0009", "has a tensor of shape [4, 3, 3, 9]")]
    [InlineData("zip.pth", "K\u0004K\u0003K\u0003", "K\u00ffK\u0003K\u0003", "has a tensor of shape [255, 3, 3, 3]")]
    public void Tensor_beyond_its_storage_is_refused(string name, string from, string to, string sentence)
    {
        var bytes = File.ReadAllBytes(Golden.PathOf("checkpoints", name));
        Encoding.Latin1.GetBytes(to).CopyTo(bytes, Find(bytes, Encoding.Latin1.GetBytes(from)));
        File.WriteAllBytes(file, bytes);
        Assert.StartsWith($"{file} {sentence}", Assert.Throws<InvalidDataException>(() => Pth.load_file(file)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("zip.pth")]
    [InlineData("legacy.pth")]
    public void Truncated_file_is_refused_wherever_it_ends(string name)
    {
        var bytes = File.ReadAllBytes(Golden.PathOf("checkpoints", name));
        for (var length = 1; length < bytes.Length; length += 13)
        {
            File.WriteAllBytes(file, bytes[..length]);
            Assert.StartsWith(file, Assert.Throws<InvalidDataException>(() => Pth.load_file(file)).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Storages_that_lie_over_each_other_are_refused()
    {
        const int count = 30;
        const int elements = 2000;
        // Of a pickle with so many tensors, and as many entries of different lengths at one place.
        var pickle = new StringBuilder("\u0080\u0002}(");
        for (var i = 0; i < count; i++)
        {
            var size = $"M{(char)((elements - i) & 255)}{(char)((elements - i) >> 8)}";
            pickle.Append($"U\u0002{i:00}ctorch._utils\n_rebuild_tensor_v2\n((U\u0007storagectorch\nByteStorage\nU\u0002{i:00}U\u0003cpu{size}tQK\0{size}\u0085K\u0001\u0085\u0089NtR");
        }
        pickle.Append("u.");
        var entries = Enumerable.Range(0, count).Select(i => ($"x/data/{i:00}", elements - i));
        WriteZip(Encoding.Latin1.GetBytes(pickle.ToString()), entries, elements);
        // 2000 and the 29 numbers below it.
        AssertRefused(file, $"has {new FileInfo(file).Length} bytes and storages of 59565, which lie over each other.");
    }

    // A pickle, and entries that all begin where the one block of data does.
    private void WriteZip(byte[] pickle, IEnumerable<(string name, int length)> entries, int data)
    {
        using var zip = new MemoryStream();
        using var writer = new BinaryWriter(zip);
        var directory = new MemoryStream();
        using var rows = new BinaryWriter(directory);
        var second = Local("x/data.pkl", pickle);
        Row("x/data.pkl", pickle.Length, 0);
        Local("x/data/00", new byte[data]);
        var number = (short)1;
        foreach (var (name, length) in entries)
        {
            Row(name, length, second);
            number++;
        }
        var begin = (int)zip.Length;
        writer.Write(directory.ToArray());
        writer.Write(0x06054b50);
        writer.Write(0);
        writer.Write(number);
        writer.Write(number);
        writer.Write((int)directory.Length);
        writer.Write(begin);
        writer.Write((short)0);
        File.WriteAllBytes(file, zip.ToArray());

        int Local(string name, byte[] content)
        {
            writer.Write(0x04034b50);
            writer.Write(new byte[22]);
            writer.Write((short)name.Length);
            writer.Write((short)0);
            writer.Write(Encoding.ASCII.GetBytes(name));
            writer.Write(content);
            return (int)zip.Length;
        }

        void Row(string name, int length, int at)
        {
            rows.Write(0x02014b50);
            rows.Write(new byte[16]);
            rows.Write(length);
            rows.Write(length);
            rows.Write((short)name.Length);
            rows.Write(new byte[12]);
            rows.Write(at);
            rows.Write(Encoding.ASCII.GetBytes(name));
        }
    }

    private static void AssertRefused(string path, string sentence) => AssertRefused(() => Pth.load_file(path), path, sentence);

    private static void AssertRefused(Func<object> load, string path, string sentence)
    {
        Assert.Equal($"{path} {sentence}", Assert.Throws<InvalidDataException>(load).Message);
        Assert.False(File.Exists("torchfx-pwned.txt"));
    }

    private static int Find(byte[] bytes, ReadOnlySpan<byte> part) => bytes.AsSpan().IndexOf(part) is >= 0 and var at ? at : throw new InvalidOperationException("The part is not in the file.");

    private static byte[] MemoryMarshalCast(float[] values) => [.. values.SelectMany(BitConverter.GetBytes)];

    // The entry's two sizes in the directory at the end of the file.
    private static void Patch(byte[] bytes, ReadOnlySpan<byte> entry, byte length)
    {
        var header = bytes.AsSpan().LastIndexOf(entry) - 46;
        bytes[header + 20] = bytes[header + 24] = length;
    }

    private static nn.Module Net() => Sequential(("conv", Conv2d(3, 4, 3)), ("bn", BatchNorm2d(4)), ("fc", Linear(4, 2)));

    private sealed class Holder : nn.Module
    {
        public Tensor b;

        public Holder(Tensor b) : base(nameof(Holder))
        {
            this.b = b;
            register_buffer("b", b);
        }
    }
}
