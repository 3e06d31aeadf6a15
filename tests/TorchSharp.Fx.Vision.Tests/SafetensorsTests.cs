using System.Buffers.Binary;
using System.Text;
using TorchSharp.Fx.Testing;
using Xunit;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision.Tests;

/// <summary>The safetensors reader and writer against files of the original writer, and against broken ones.</summary>
public sealed class SafetensorsTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();
    private readonly string file = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.safetensors");

    public void Dispose()
    {
        scope.Dispose();
        File.Delete(file);
    }

    [Theory]
    [InlineData("net.safetensors")]
    [InlineData("dtypes.safetensors")]
    public void Tensors_have_the_values_that_were_saved(string name)
    {
        var expected = Golden.Json("checkpoints", "expected.json").GetProperty(name);
        var tensors = Safetensors.load_file(Golden.PathOf("checkpoints", name));
        Assert.Equal(expected.EnumerateObject().Count(), tensors.Count);
        foreach (var item in expected.EnumerateObject())
        {
            var tensor = tensors[item.Name];
            Assert.Equal(item.Value.GetProperty("dtype").GetString(), TypeName(tensor.dtype));
            Assert.Equal(item.Value.GetProperty("shape").EnumerateArray().Select(size => size.GetInt64()), tensor.shape);
            Assert.Equal(item.Value.GetProperty("values").EnumerateArray().Select(value => value.GetDouble()), tensor.to(ScalarType.Float64).reshape(-1).data<double>().ToArray());
        }
    }

    [Theory]
    [InlineData("net.safetensors")]
    [InlineData("dtypes.safetensors")]
    public void Written_file_has_the_original_writers_bytes(string name)
    {
        var original = Golden.PathOf("checkpoints", name);
        var metadata = Safetensors.metadata(original);
        Safetensors.save_file(Safetensors.load_file(original), file, metadata.Count > 0 ? metadata : null);
        Assert.Equal(File.ReadAllBytes(original), File.ReadAllBytes(file));
    }

    [Fact]
    public void Metadata_is_read() => Assert.Equal([new("format", "pt")], Safetensors.metadata(Golden.PathOf("checkpoints", "net.safetensors")));

    [Fact]
    public void Views_scalars_and_empty_tensors_come_back()
    {
        var matrix = torch.arange(6, dtype: ScalarType.Float32).reshape(2, 3);
        Safetensors.save_file(new Dictionary<string, Tensor> { ["transposed"] = matrix.t(), ["scalar"] = torch.tensor(3.5f), ["empty"] = torch.zeros(0, 3) }, file);
        var loaded = Safetensors.load_file(file);
        Assert.Equal([0, 3, 1, 4, 2, 5], loaded["transposed"].data<float>().ToArray());
        Assert.Equal(3.5f, loaded["scalar"].item<float>());
        Assert.Equal([0, 3], loaded["empty"].shape);
    }

    [Fact]
    public void Tensor_the_format_cannot_hold_leaves_the_old_file()
    {
        File.WriteAllText(file, "old");
        var error = Assert.Throws<ArgumentException>(() => Safetensors.save_file(new Dictionary<string, Tensor> { ["c"] = torch.zeros([1], dtype: ScalarType.ComplexFloat64) }, file));
        Assert.StartsWith("Tensor 'c' has the type ComplexFloat64, which safetensors files can't hold; convert it first.", error.Message, StringComparison.Ordinal);
        Assert.Equal("old", File.ReadAllText(file));
    }

    [Fact]
    public void Write_that_fails_midway_leaves_the_old_file_and_nothing_else()
    {
        File.WriteAllText(file, "old");
        Assert.ThrowsAny<Exception>(() => Safetensors.save_file(new Dictionary<string, Tensor> { ["no memory"] = torch.zeros(1, device: META) }, file));
        Assert.Equal("old", File.ReadAllText(file));
        Assert.Equal([file], Directory.GetFiles(Path.GetTempPath(), Path.GetFileName(file) + "*"));
    }

    [Theory]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 7, "ends within tensor 'a': it is truncated.")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 9, "has 1 bytes after its last tensor.")]
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}""", 8, "has tensor 'a' of type F32 and shape [3] in 8 bytes, which don't fit each other.")]
    [InlineData("""{"a":{"dtype":"U8","shape":[-1,-8],"data_offsets":[0,8]}}""", 8, "has tensor 'a' of type U8 and shape [-1, -8] in 8 bytes, which don't fit each other.")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}""", 0, "has tensor 'a' of type F32 and shape [4611686018427387904, 4] in 0 bytes, which don't fit each other.")]
    [InlineData("""{"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}}""", 8, "has tensor 'b' overlapping the one before it.")]
    [InlineData("""{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}}""", 8, "has tensor 'b' after a gap.")]
    [InlineData("""{"a":{"dtype":"U8","shape":[2],"data_offsets":[2,0]}}""", 8, "has tensor 'a' with data_offsets [2, 0].")]
    [InlineData("""{"a":{"dtype":"F8_E5M2","shape":[8],"data_offsets":[0,8]}}""", 8, "has tensor 'a' of type F8_E5M2, which TorchSharp does not have.")]
    [InlineData("""[]""", 0, "has a header that is no JSON object.")]
    public void Broken_file_is_refused(string header, int dataLength, string sentence)
    {
        var bytes = Encoding.UTF8.GetBytes(header);
        Write((ulong)bytes.Length, [.. bytes, .. new byte[dataLength]]);
        AssertRefused(sentence);
    }

    [Fact]
    public void Header_larger_than_the_file_is_refused()
    {
        Write(1000, "{}"u8);
        AssertRefused("gives its header 1000 bytes and has only 2 more: it is truncated or of another format.");
        Write(ulong.MaxValue, "{}"u8);
        AssertRefused("gives its header 18446744073709551615 bytes, more than the 100000000 the format allows.");
        File.WriteAllBytes(file, [1, 2, 3]);
        AssertRefused("has 3 bytes, too few for a header.");
    }

    [Theory]
    [InlineData("""{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}""")]
    [InlineData("""{"a":{"dtype":"U8","shape":[0]}}""")]
    [InlineData("""{"a":{"dtype":"U8","shape":[1e99],"data_offsets":[0,0]}}""")]
    [InlineData("""{"a":7}""")]
    [InlineData("""{"__metadata__":[]}""")]
    [InlineData("""{"a":""")]
    public void Header_that_is_not_the_formats_json_is_refused(string header)
    {
        var bytes = Encoding.UTF8.GetBytes(header);
        Write((ulong)bytes.Length, bytes);
        Assert.StartsWith($"{file} has a header that is not safetensors' JSON (", Assert.Throws<InvalidDataException>(() => Safetensors.load_file(file)).Message, StringComparison.Ordinal);
    }

    private void Write(ulong headerLength, ReadOnlySpan<byte> rest)
    {
        var prefix = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(prefix, headerLength);
        File.WriteAllBytes(file, [.. prefix, .. rest]);
    }

    private void AssertRefused(string sentence) => Assert.Equal($"{file} {sentence}", Assert.Throws<InvalidDataException>(() => Safetensors.load_file(file)).Message);

    private static string TypeName(ScalarType type) => type == ScalarType.Byte ? "uint8" : type.ToString().ToLowerInvariant();
}
