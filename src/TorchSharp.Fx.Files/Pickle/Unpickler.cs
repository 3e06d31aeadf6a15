using System.Buffers.Binary;
using System.Numerics;
using System.Text;
using static TorchSharp.Fx.Files.PickleValue;

namespace TorchSharp.Fx.Files;

/// <summary>A machine for Python's pickle language that builds data and runs nothing.</summary>
/// <remarks>
/// Protocols 2 to 5, as Python's <c>pickletools</c> documents them. <c>torch.load(weights_only=True)</c>. A pickle is a
/// program: its calls are looked up in <see cref="PickleGlobals"/> and nowhere else. Each instruction makes at most one value, so that
/// memory grows with the pickle's own length and up to a limit.
/// </remarks>
internal sealed partial class Unpickler(FileRange input)
{
    /// <summary>How long a name of a function, type or storage may be.</summary>
    public const int MaxName = 256;

    private const int MaxNesting = 1000;
    private const int MaxValues = 4_000_000;
    private const int MaxIntegerBytes = 64;

    private readonly Stack<List<PickleValue>> marked = new();
    private readonly Dictionary<uint, PickleValue> memo = [];
    private List<PickleValue> stack = [];
    private readonly Dictionary<string, Storage> storages = [];
    private Unknown? mentioned;
    private int values;

    /// <summary>Every storage the pickle refers to, by key.</summary>
    public IReadOnlyDictionary<string, Storage> Storages => storages;

    /// <summary>Runs one pickle to its end.</summary>
    /// <exception cref="InvalidDataException">The pickle is damaged, beyond a limit, or uses a name that is on no list. The message
    /// continues the file's name.</exception>
    public PickleValue Load()
    {
        byte code;
        while ((code = input.ReadByte()) != '.') Step(code);
        if (mentioned is not null)
            throw new InvalidDataException(
                $"mentions '{mentioned.Name}', which is nothing that weights consist of: it was not looked up and nothing is loaded");
        return Pop();
    }

    private void Step(byte code)
    {
        switch (code)
        {
            case 0x80: Protocol(input.ReadByte()); break;
            case 0x95: input.Read(8); break; // A frame is a hint for buffering.

            case (byte)'(': Mark(); break;
            case (byte)'0': Pop(); break;
            case (byte)'1': PopMark(); break;
            case (byte)'2': Push(Peek()); break;

            case (byte)'N': Push(new None()); break;
            case 0x88: Push(new Bool(true)); break;
            case 0x89: Push(new Bool(false)); break;
            case (byte)'J': Push(new Integer(BinaryPrimitives.ReadInt32LittleEndian(input.Read(4)))); break;
            case (byte)'K': Push(new Integer(input.ReadByte())); break;
            case (byte)'M': Push(new Integer(Number(2))); break;
            case 0x8a: Push(Long(input.ReadByte())); break;
            case 0x8b: Push(Long(Number(4))); break;
            case (byte)'G': Push(new Float(BinaryPrimitives.ReadDoubleBigEndian(input.Read(8)))); break;

            case (byte)'X': Push(ReadText(Number(4))); break;
            case 0x8c: Push(ReadText(Number(1))); break;
            case 0x8d: Push(ReadText(Number(8))); break;
            // Python 2's str, which PyTorch reads as text.
            case (byte)'U': Push(ReadText(Number(1))); break;
            case (byte)'T': Push(ReadText(Number(4))); break;
            case (byte)'C': Push(new Bytes(input.Read(Number(1)))); break;
            case (byte)'B': Push(new Bytes(input.Read(Number(4)))); break;
            case 0x8e or 0x96: Push(new Bytes(input.Read(Number(8)))); break;

            case (byte)']' or 0x8f: Push(new PickleValue.List([])); break;
            case (byte)'l': Push(new PickleValue.List(PopMark())); break;
            case 0x91: Push(new PickleValue.List(PopMark())); break;
            case (byte)'a': Append([Pop()]); break;
            case (byte)'e' or 0x90: Append(PopMark()); break;
            case (byte)')': Push(new PickleValue.Tuple([])); break;
            case (byte)'t': Push(new PickleValue.Tuple([.. PopMark()])); break;
            case 0x85: PushTuple(1); break;
            case 0x86: PushTuple(2); break;
            case 0x87: PushTuple(3); break;
            case (byte)'}': Push(new Dictionary()); break;
            case (byte)'d': NewDictionary(PopMark()); break;
            case (byte)'s': var value = Pop(); SetItems([Pop(), value]); break;
            case (byte)'u': SetItems(PopMark()); break;

            case (byte)'q': Remember(Number(1)); break;
            case (byte)'r': Remember(Number(4)); break;
            case 0x94: Remember((uint)memo.Count); break;
            case (byte)'h': Recall(Number(1)); break;
            case (byte)'j': Recall(Number(4)); break;

            case (byte)'c': Global(Line(), Line()); break;
            case 0x93: var name = Pop(); Global(Pop(), name); break;
            case (byte)'R': Call(Pop()); break;
            case 0x81: NewObject(Pop()); break;
            case 0x92: Pop(); NewObject(Pop()); break;
            case (byte)'b': Build(Pop()); break;
            case (byte)'Q': PushStorage(PickledTensors.Storage(Pop())); break;

            default: throw new InvalidDataException(
                $"has the pickle instruction 0x{code:x2}, which no file of PyTorch has: it is damaged or of another format");
        }
    }

    private static void Protocol(byte version)
    {
        if (version is < 2 or > 5) throw new InvalidDataException($"has pickle protocol {version}; 2 to 5 are read");
    }

    private ulong Number(int bytes)
    {
        var number = 0UL;
        for (var i = 0; i < bytes; i++) number |= (ulong)input.ReadByte() << (8 * i);
        return number;
    }

    private Integer Long(ulong bytes) => bytes <= MaxIntegerBytes
        ? new Integer(new BigInteger(input.Read(bytes)))
        : throw new InvalidDataException($"has an integer of {bytes} bytes, more than the {MaxIntegerBytes} allowed");

    private Text ReadText(ulong bytes) => new(Encoding.UTF8.GetString(input.Read(bytes)));

    private Text Line() => new(Encoding.UTF8.GetString(input.ReadLine(MaxName)));
}
