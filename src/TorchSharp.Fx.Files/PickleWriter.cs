using System.Text;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Files;

/// <summary>
/// Writes a pickle of protocol 2, as PyTorch's files have them. What is in a dictionary, tuple or object is written between its beginning
/// and its end.
/// </summary>
internal sealed class PickleWriter : IDisposable
{
    private readonly BinaryWriter writer;
    private readonly Func<Tensor, string> storageOf;

    /// <param name="stream">Where to write.</param>
    /// <param name="storageOf">Under which key a tensor's elements are written.</param>
    internal PickleWriter(Stream stream, Func<Tensor, string> storageOf)
    {
        this.storageOf = storageOf;
        writer = new(stream, Encoding.UTF8, leaveOpen: true);
        writer.Write([0x80, 2]);
    }

    /// <summary>Ends the pickle.</summary>
    internal void Finish() => writer.Write('.');

    public void Dispose() => writer.Dispose();

    /// <summary>A dictionary: keys and values in turn.</summary>
    internal void Dictionary(Action content) => Write("}("u8, content, "u"u8);

    internal void Tuple(Action content) => Write("("u8, content, "t"u8);

    /// <summary>An object of a class with its attributes: names and values in turn.</summary>
    internal void Instance(string module, string name, Action attributes)
    {
        Global(module, name);
        writer.Write([(byte)')', 0x81]);
        Dictionary(attributes);
        writer.Write('b');
    }

    internal void Text(string text)
    {
        writer.Write('X');
        writer.Write(Encoding.UTF8.GetByteCount(text));
        writer.Write(Encoding.UTF8.GetBytes(text));
    }

    /// <summary>A list: its items.</summary>
    internal void List(Action content) => Write("]("u8, content, "e"u8);

    internal void None() => writer.Write('N');

    internal void Float(double value)
    {
        writer.Write('G');
        Span<byte> bytes = stackalloc byte[8];
        System.Buffers.Binary.BinaryPrimitives.WriteDoubleBigEndian(bytes, value);
        writer.Write(bytes);
    }

    internal void Bool(bool value) => writer.Write((byte)(value ? 0x88 : 0x89));

    /// <summary>A tensor, its elements one after the other in the storage of its own.</summary>
    internal void Tensor(Tensor tensor)
    {
        Global("torch._utils", "_rebuild_tensor_v2");
        Tuple(() =>
        {
            Tuple(() => Storage(tensor));
            writer.Write('Q');
            Number(0);
            Numbers(tensor.shape);
            Numbers(Strides(tensor.shape));
            Bool(tensor.requires_grad);
            Global("collections", "OrderedDict");
            writer.Write(")R"u8);
        });
        writer.Write('R');
    }

    private void Storage(Tensor tensor)
    {
        Text("storage");
        Global("torch", ElementType.Of(tensor.dtype).storage);
        Text(storageOf(tensor));
        Text("cpu");
        Number(tensor.numel());
    }

    private void Global(string module, string name) => writer.Write(Encoding.UTF8.GetBytes($"c{module}\n{name}\n"));

    private void Numbers(long[] numbers) => Tuple(() => Array.ForEach(numbers, Number));

    /// <summary>As 32 bits where it fits, for that is what is commonly read; a long of eight bytes otherwise.</summary>
    internal void Number(long number)
    {
        if (number == (int)number)
        {
            writer.Write('J');
            writer.Write((int)number);
            return;
        }
        writer.Write([0x8a, 8]);
        writer.Write(number);
    }

    private void Write(ReadOnlySpan<byte> begin, Action content, ReadOnlySpan<byte> end)
    {
        writer.Write(begin);
        content();
        writer.Write(end);
    }

    private static long[] Strides(long[] shape)
    {
        var strides = new long[shape.Length];
        for (var (i, step) = (shape.Length - 1, 1L); i >= 0; step *= Math.Max(shape[i--], 1))
            strides[i] = step;
        return strides;
    }
}
