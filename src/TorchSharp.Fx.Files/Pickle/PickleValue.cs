using System.Numerics;

namespace TorchSharp.Fx.Files;

/// <summary>A value that a pickle can build here: data, and names of the few functions and types that stand for data.</summary>
/// <remarks>References, compared by identity: containers can hold themselves, so nothing walks into them without a bound.</remarks>
internal abstract class PickleValue
{
    private PickleValue() { }

    public sealed class None : PickleValue;

    public sealed class Bool(bool value) : PickleValue
    {
        public bool Value => value;
    }

    public sealed class Integer(BigInteger value) : PickleValue
    {
        public BigInteger Value => value;
    }

    public sealed class Float(double value) : PickleValue
    {
        public double Value => value;
    }

    public sealed class Text(string value) : PickleValue
    {
        public string Value => value;
    }

    public sealed class Bytes(byte[] value) : PickleValue
    {
        public byte[] Value => value;
    }

    public sealed class Tuple(PickleValue[] items) : PickleValue
    {
        public PickleValue[] Items => items;
    }

    /// <summary>A list, or a set.</summary>
    public sealed class List(List<PickleValue> items) : PickleValue
    {
        public List<PickleValue> Items => items;
    }

    /// <summary>In order of insertion; where a key comes twice, the later holds.</summary>
    /// <param name="pairs">What it was made from; not copied, since a list can be named again and again.</param>
    public sealed class Dictionary(List<PickleValue>? pairs = null) : PickleValue
    {
        private readonly List<(PickleValue key, PickleValue value)> added = [];

        public void Add(PickleValue key, PickleValue value) => added.Add((key, value));

        public IEnumerable<(PickleValue key, PickleValue value)> Items => (pairs ?? []).Select(Pair).Concat(added);

        private static (PickleValue key, PickleValue value) Pair(PickleValue pair) => pair switch
        {
            List { Items: [var key, var value] } => (key, value),
            Tuple { Items: [var key, var value] } => (key, value),
            _ => throw new InvalidDataException("has a dictionary made from what are no pairs"),
        };
    }

    /// <summary>A function or type of <see cref="PickleGlobals"/>.</summary>
    public sealed class Known(PickleGlobal global) : PickleValue
    {
        public PickleGlobal Global => global;
    }

    /// <summary>A name that is on no list. It can be mentioned, not used.</summary>
    public sealed class Unknown(string name) : PickleValue
    {
        public string Name => name;
    }

    /// <summary>A block of elements, whose place the container tells.</summary>
    public sealed class Storage(ElementType? type, string key, long count) : PickleValue
    {
        /// <summary>Null is untyped: bytes that each tensor reads as it likes.</summary>
        public ElementType? Type => type;

        public string Key => key;

        /// <summary>In elements, or in bytes if untyped.</summary>
        public long Count => count;
    }

    /// <summary>Steps with what makes them numbers: a scale and zero point, or tensors of them for each place along a dimension.</summary>
    public sealed class QuantizedTensor(Tensor steps, double scale, long zeroPoint, Tensor? scales, Tensor? zeroPoints) : PickleValue
    {
        public Tensor Steps => steps;

        public double Scale => scale;

        public long ZeroPoint => zeroPoint;

        /// <summary>Null where there is one for all.</summary>
        public Tensor? Scales => scales;

        public Tensor? ZeroPoints => zeroPoints;
    }

    public sealed class Tensor(Storage storage, ElementType type, long offset, long[] shape, long[] strides) : PickleValue
    {
        public Storage Source => storage;

        public ElementType Type => type;

        public long Offset => offset;

        public long[] Shape => shape;

        public long[] Strides => strides;
    }
}
