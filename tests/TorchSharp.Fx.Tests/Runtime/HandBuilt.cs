using static TorchSharp.Fx.Tests.Runtime.Ops;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Runtime;

/// <summary>A graph of one input written by hand, and the C# that it stands for.</summary>
public sealed record HandBuilt(Graph Graph, Func<Tensor, object> Eager)
{
    internal static readonly Dictionary<string, Func<HandBuilt>> All = new()
    {
        ["scalars from literals and sizes"] = ScalarsFromSizes,
        ["array of sizes"] = ReshapeToSizes,
        ["span of literals"] = SpanOfLiterals,
        ["spread shape"] = SpreadShape,
        ["index with slices"] = TensorIndices,
        ["index with a tensor and a number"] = IndexWithTensor,
        ["items of a tuple"] = ItemsOfTuple,
        ["items of a long tuple"] = ItemsOfLongTuple,
        ["chunk and items"] = ChunkAndItems,
        ["list of tensors"] = ListOfTensors,
        ["dtype and device"] = DtypeAndDevice,
        ["in-place operations"] = InPlace,
        ["set item"] = SetItem,
        ["number to tensor"] = NumberToTensor,
        ["casts"] = Casts,
        ["slice of a shape"] = SliceOfShape,
        ["tuple result"] = TupleResult,
        ["dictionary result"] = DictionaryResult,
        ["record result"] = RecordResult,
    };

    private static HandBuilt ScalarsFromSizes()
    {
        var graph = new Graph();
        var x = graph.Input();
        var size = graph.call(t => t.size(0), x, Value(1));
        var scaled = graph.Call(Operator("op_Multiply", typeof(Tensor), typeof(Scalar)), x, size);
        return new(graph.Returning(graph.Call(Operator("op_Division", typeof(Tensor), typeof(Scalar)), scaled, Value(3))), t => t * t.size(1) / 3);
    }

    private static HandBuilt ReshapeToSizes()
    {
        var graph = new Graph();
        var x = graph.Input();
        var rows = graph.Item(graph.Shape(x), Value(0), typeof(long));
        return new(graph.Returning(graph.call(t => t.reshape(new long[1]), x, Longs(rows, Value(2), Value(-1)))), t => t.reshape(t.shape[0], 2, -1));
    }

    private static HandBuilt SpanOfLiterals()
    {
        var graph = new Graph();
        var x = graph.Input();
        var span = typeof(Tensor).GetMethod("sum", [typeof(ReadOnlySpan<long>), typeof(bool), typeof(ScalarType?)])!;
        return new(graph.Returning(graph.Call(span, x, Longs(Value(0), Value(1)), Value(true), Value(null))), t => t.sum([0L, 1L], keepdim: true));
    }

    private static HandBuilt SpreadShape()
    {
        var graph = new Graph();
        var x = graph.Input();
        var shape = graph.Shape(x);
        return new(graph.Returning(graph.call(t => t.reshape(new long[1]), x, Longs(new SpreadArgument(shape), Value(1)))), t => t.reshape([.. t.shape, 1]));
    }

    private static HandBuilt TensorIndices()
    {
        var graph = new Graph();
        var x = graph.Input();
        var index = new ListArgument([new EllipsisArgument(), new SliceArgument(Value(1), Value(-1), Value(2)), Value(null)], typeof(TensorIndex));
        var get = typeof(Tensor).GetMethod("get_TensorItems", [typeof(TensorIndex[])])!;
        return new(graph.Returning(graph.Call(get, x, index)), t => t[TensorIndex.Ellipsis, TensorIndex.Slice(1, -1, 2), TensorIndex.Null]);
    }

    private static HandBuilt IndexWithTensor()
    {
        var graph = new Graph();
        var x = graph.Input();
        var mask = graph.Call(Operator("op_GreaterThan", typeof(Tensor), typeof(Scalar)), x, Value(0.0));
        var get = typeof(Tensor).GetMethod("get_TensorItems", [typeof(TensorIndex[])])!;
        var positive = graph.Call(get, x, new ListArgument([mask], typeof(TensorIndex)));
        return new(graph.Returning(graph.Call(get, positive, new ListArgument([Value(0)], typeof(TensorIndex)))), t => t[t > 0][TensorIndex.Single(0)]);
    }

    private static HandBuilt ItemsOfLongTuple()
    {
        var graph = new Graph();
        var x = graph.Input();
        var multiples = graph.call(t => Multiples(t), x);
        var items = Enumerable.Range(0, 16).Select(i => graph.Item(multiples, Value(i), typeof(Tensor))).ToArray();
        return new(graph.Returning(graph.call(t => t + t, items[7], graph.call(t => t * t, items[0], items[15]))), x => x * 7 + x * 0 * (x * 15));
    }

    /// <summary>More than seven elements lie in a tuple within the tuple.</summary>
    public static (Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor) Multiples(Tensor x)
        => (x * 0, x * 1, x * 2, x * 3, x * 4, x * 5, x * 6, x * 7, x * 8, x * 9, x * 10, x * 11, x * 12, x * 13, x * 14, x * 15);

    private static HandBuilt ItemsOfTuple()
    {
        var graph = new Graph();
        var x = graph.Input();
        var max = graph.call(t => t.max(0, false), x, Value(1L), Value(false));
        var values = graph.create_node(Opcode.call_function, new MemberTarget(max.type.GetField("Item1")!), [max], typeof(Tensor));
        var indices = graph.Item(max, Value(1), typeof(Tensor));
        return new(graph.Returning(graph.Call(Operator("op_Addition", typeof(Tensor), typeof(Tensor)), values, indices)), t => t.max(1L).values + t.max(1L).indexes);
    }

    private static HandBuilt ChunkAndItems()
    {
        var graph = new Graph();
        var x = graph.Input();
        var chunks = graph.call(t => t.chunk(3, 0), x, Value(3L), Value(1L));
        var first = graph.Item(chunks, Value(0), typeof(Tensor));
        var last = graph.Item(chunks, Value(2), typeof(Tensor));
        return new(graph.Returning(graph.call(t => t.mul(t), first, graph.call(t => t.relu(), last))), t => t.chunk(3, 1)[0] * t.chunk(3, 1)[2].relu());
    }

    private static HandBuilt ListOfTensors()
    {
        var graph = new Graph();
        var x = graph.Input();
        var cat = typeof(torch).GetMethod("cat", [typeof(IList<Tensor>), typeof(long)])!;
        return new(graph.Returning(graph.Call(cat, new ListArgument([x, graph.call(t => t.relu(), x)], typeof(Tensor)), Value(1L))), t => cat_([t, t.relu()]));

        static Tensor cat_(Tensor[] parts) => torch.cat(parts, 1);
    }

    private static HandBuilt DtypeAndDevice()
    {
        var graph = new Graph();
        var x = graph.Input();
        var device = graph.create_node(Opcode.call_function, Property("device"), [x], typeof(Device));
        var dtype = graph.create_node(Opcode.call_function, Property("dtype"), [x], typeof(ScalarType));
        var ones = graph.Call(typeof(torch).GetMethod("ones", [typeof(long[]), typeof(ScalarType?), typeof(Device), typeof(bool), typeof(string[])])!,
            Longs(Value(2), Value(6)), dtype, device);
        return new(graph.Returning(graph.Call(Operator("op_Addition", typeof(Tensor), typeof(Tensor)), ones, graph.call(t => t.to(ScalarType.Float64, false, false), x, Value(ScalarType.Float64)))),
            t => ones_(t) + t.to(ScalarType.Float64));

        static Tensor ones_(Tensor t) => torch.ones([2, 6], t.dtype, t.device);
    }

    private static HandBuilt InPlace()
    {
        var graph = new Graph();
        var x = graph.call(t => t.clone(), graph.Input());
        var added = graph.call(t => t.add_(t, 1), x, x, Value(0.5));
        var clamped = graph.call(t => t.relu_(), added);
        return new(graph.Returning(graph.call(t => t.mul(t), clamped, x)), t => t.clone().add_(t.clone(), 0.5).relu_().square());
    }

    private static HandBuilt SetItem()
    {
        var graph = new Graph();
        var x = graph.call(t => t.clone(), graph.Input());
        var set = typeof(Tensor).GetMethod("set_TensorItems", [typeof(TensorIndex[]), typeof(Tensor)])!;
        graph.Call(set, x, new ListArgument([new SliceArgument(null, null, null), Value(0)], typeof(TensorIndex)), Value(7f));
        return new(graph.Returning(x), t =>
        {
            var copy = t.clone();
            copy[TensorIndex.Colon, TensorIndex.Single(0)] = 7f;
            return copy;
        });
    }

    private static HandBuilt NumberToTensor()
    {
        var graph = new Graph();
        return new(graph.Returning(graph.call(t => t.maximum(t), graph.Input(), Value(0.25f))), t => t.maximum((Tensor)0.25f));
    }

    private static HandBuilt Casts()
    {
        var graph = new Graph();
        var x = graph.Input();
        var size = graph.Item(graph.Shape(x), Value(1), typeof(long));
        var root = graph.call_function(typeof(Math).GetMethod("Sqrt")!, new ConvertArgument(size, typeof(double), false));
        var sum = graph.Builtin(Builtin.add, typeof(int), typeof(int), new ConvertArgument(root, typeof(int), true), Value(1));
        return new(graph.Returning(graph.Call(Operator("op_Multiply", typeof(Tensor), typeof(Scalar)), x, sum)), t => t * ((int)Math.Sqrt(t.shape[1]) + 1));
    }

    private static HandBuilt SliceOfShape()
    {
        var graph = new Graph();
        var x = graph.Input();
        var head = graph.Item(graph.Shape(x), new SliceArgument(null, Value(-1), null), typeof(long[]));
        return new(graph.Returning(graph.call(t => t.reshape(new long[1]), x, Longs(new SpreadArgument(head), Value(3), Value(2)))), t => t.reshape([.. t.shape[..^1], 3, 2]));
    }

    private static HandBuilt TupleResult()
    {
        var graph = new Graph();
        var x = graph.Input();
        var result = new TupleArgument([graph.call(t => t.relu(), x), graph.call(t => t.size(0), x, Value(0))], typeof((Tensor, long)));
        return new(graph.Returning(result, typeof((Tensor, long))), t => (t.relu(), t.size(0)));
    }

    private static HandBuilt DictionaryResult()
    {
        var graph = new Graph();
        var x = graph.Input();
        var result = new DictArgument([new(Value("a"), graph.call(t => t.relu(), x)), new(Value("b"), graph.call(t => t.neg(), x))], typeof(IReadOnlyDictionary<string, Tensor>));
        return new(graph.Returning(result, result.DictionaryType), t => new Dictionary<string, Tensor> { ["a"] = t.relu(), ["b"] = t.neg() });
    }

    internal sealed record Pair(Tensor Left, Tensor Right);

    private static HandBuilt RecordResult()
    {
        var graph = new Graph();
        var x = graph.Input();
        var fields = ModuleHierarchy.FieldsOf(typeof(Pair)).ToDictionary(field => field.Name);
        var result = new ObjectArgument(typeof(Pair), [new(fields["<Left>k__BackingField"], graph.call(t => t.relu(), x)), new(fields["<Right>k__BackingField"], graph.call(t => t.neg(), x))]);
        return new(graph.Returning(result, typeof(Pair)), t => new Pair(t.relu(), t.neg()));
    }
}
