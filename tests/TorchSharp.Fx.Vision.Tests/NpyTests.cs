using System.Text;
using Xunit;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision.Tests;

/// <summary>.npy files byte for byte as NumPy's format description (version 1.0) wants them.</summary>
public sealed class NpyTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();
    private readonly string file = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.npy");

    public void Dispose()
    {
        scope.Dispose();
        File.Delete(file);
    }

    [Theory]
    [InlineData(ScalarType.Float16, "<f2", 2)]
    [InlineData(ScalarType.BFloat16, "<f4", 4)]
    [InlineData(ScalarType.Float32, "<f4", 4)]
    [InlineData(ScalarType.Float64, "<f8", 8)]
    [InlineData(ScalarType.Int8, "|i1", 1)]
    [InlineData(ScalarType.Byte, "|u1", 1)]
    [InlineData(ScalarType.Int16, "<i2", 2)]
    [InlineData(ScalarType.Int32, "<i4", 4)]
    [InlineData(ScalarType.Int64, "<i8", 8)]
    [InlineData(ScalarType.Bool, "|b1", 1)]
    public void Header_says_type_and_shape_and_the_data_is_aligned(ScalarType type, string description, int size)
    {
        Npy.save(file, torch.ones([2, 3], dtype: type));
        var bytes = File.ReadAllBytes(file);
        var length = BitConverter.ToUInt16(bytes, 8);
        Assert.Equal([0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y', 1, 0], bytes[..8]);
        Assert.Equal(0, (10 + length) % 64);
        var header = Encoding.ASCII.GetString(bytes, 10, length);
        Assert.Equal($"{{'descr': '{description}', 'fortran_order': False, 'shape': (2, 3), }}", header.TrimEnd());
        Assert.EndsWith("\n", header, StringComparison.Ordinal);
        Assert.Equal(6 * size, bytes.Length - 10 - length);
    }

    [Theory]
    [InlineData(new long[] { }, "()")]
    [InlineData(new long[] { 5 }, "(5,)")]
    [InlineData(new long[] { 0, 2 }, "(0, 2)")]
    public void Shape_is_a_python_tuple(long[] shape, string tuple)
    {
        Npy.save(file, torch.zeros(shape));
        Assert.Contains($"'shape': {tuple}, ", File.ReadAllText(file), StringComparison.Ordinal);
    }

    [Fact]
    public void Elements_are_written_row_by_row()
    {
        Npy.save(file, torch.arange(6, dtype: ScalarType.Int16).reshape(2, 3).t());
        Assert.Equal([0, 0, 3, 0, 1, 0, 4, 0, 2, 0, 5, 0], File.ReadAllBytes(file)[^12..]);
    }

    [Fact]
    public void Complex_numbers_are_refused()
    {
        var error = Assert.Throws<ArgumentException>(() => Npy.save(file, torch.zeros([1], dtype: ScalarType.ComplexFloat32)));
        Assert.StartsWith("A tensor of the type ComplexFloat32 can't be written as .npy; convert it first.", error.Message, StringComparison.Ordinal);
    }
}
