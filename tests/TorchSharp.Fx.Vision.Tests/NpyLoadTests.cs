using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision.Tests;

/// <summary>.npy files as NumPy's description of the format has them.</summary>
public sealed class NpyLoadTests : IDisposable
{
    private readonly string file = Path.GetTempFileName();
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose()
    {
        scope.Dispose();
        File.Delete(file);
    }

    private void Write(string header, byte[] numbers, byte version = 1)
    {
        using var stream = File.Create(file);
        stream.Write([0x93, .. "NUMPY"u8, version, 0]);
        var text = System.Text.Encoding.ASCII.GetBytes(header);
        stream.Write(version == 1 ? BitConverter.GetBytes((ushort)text.Length) : BitConverter.GetBytes(text.Length));
        stream.Write(text);
        stream.Write(numbers);
    }

    [Theory]
    [InlineData(ScalarType.Float32), InlineData(ScalarType.Float16), InlineData(ScalarType.Float64), InlineData(ScalarType.Int8), InlineData(ScalarType.Byte)]
    [InlineData(ScalarType.Int16), InlineData(ScalarType.Int32), InlineData(ScalarType.Int64), InlineData(ScalarType.Bool)]
    public void What_is_written_is_read(ScalarType type)
    {
        foreach (var shape in new long[][] { [2, 3], [], [0, 4], [5] })
        {
            var tensor = (rand(shape) * 5).to(type);
            Npy.save(file, tensor);
            var read = Npy.load(file);
            Assert.Equal(type, read.dtype);
            Assert.Equal(tensor.shape, read.shape);
            Assert.Equal(tensor, read);
        }
    }

    [Theory, InlineData(1), InlineData(2), InlineData(3)]
    public void Fortrans_order_is_read_in_any_version(byte version)
    {
        // The columns of [[1, 2, 3], [4, 5, 6]] one after the other.
        Write("{'descr': '<i2', 'fortran_order': True, 'shape': (2, 3), }  \n", [1, 0, 4, 0, 2, 0, 5, 0, 3, 0, 6, 0], version);
        Assert.Equal(tensor(new short[] { 1, 2, 3, 4, 5, 6 }).reshape(2, 3), Npy.load(file));
    }

    [Theory]
    [InlineData("{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", "has numbers of the type '>f4', which no tensor has")]
    [InlineData("{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", "has numbers of the type '<c8', which no tensor has")]
    [InlineData("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", "has a header that says no type and shape of one array")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", "has 4 bytes of numbers, which are no [2] of '<f4'")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (9000000000, 9000000000), }", "has 4 bytes of numbers, which are no")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", "has the size 99999999999999999999, which is none")]
    [InlineData("", "has a damaged header")]
    public void What_is_no_array_of_numbers_is_refused(string header, string why)
    {
        Write(header, [0, 0, 128, 63]);
        Assert.Contains(why, Assert.Throws<InvalidDataException>(() => Npy.load(file)).Message, StringComparison.Ordinal);
        File.WriteAllText(file, "text");
        Assert.Contains("is no .npy file", Assert.Throws<InvalidDataException>(() => Npy.load(file)).Message, StringComparison.Ordinal);
    }
}
