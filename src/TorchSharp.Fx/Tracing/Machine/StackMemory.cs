namespace TorchSharp.Fx.Tracing;

/// <summary>
/// The memory of <c>stackalloc</c>: bytes that are zero and have no type (ECMA-335 III.3.47), until the program uses them as numbers of
/// one. From then on they are an array, so that spans over it and symbols in it are as everywhere else.
/// </summary>
internal sealed class StackMemory(int size)
{
    private Array elements = new byte[size];
    private bool hasSpan;

    /// <summary>
    /// The memory as numbers of a type; null where it can't be: the type is no number's, or a span has it as another one.
    /// </summary>
    internal Array? As(Interpreter interpreter, Type type, bool forSpan)
    {
        if (elements.GetType().GetElementType() != type)
        {
            if (hasSpan || !type.IsPrimitive)
                return null;
            var copy = Array.CreateInstance(type, size / Interpreter.SizeOf(type));
            Buffer.BlockCopy(elements, 0, copy, 0, Buffer.ByteLength(copy));
            elements = copy;
        }
        hasSpan |= forSpan;
        interpreter.Overlay.Own(elements);
        return elements;
    }
}
