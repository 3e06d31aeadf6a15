using System.Collections.Immutable;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Importing.Operators;

/// <summary>Lists of tensors, and values that may be missing. How many tensors a list has is known while loading; which of them is meant
/// may be computed.</summary>
internal static class TensorLists
{
    private const int MostItems = 1024;

    internal static void AddTo(OperatorTable table)
    {
        table.Add("SequenceConstruct", node => Of([.. node.Inputs.Select((_, i) => node[i])]));
        table.Add("SequenceEmpty", node => new SequenceValue([], Elements.Of((int)node.Attributes.Int("dtype", 1)).Type));
        table.Add("SequenceInsert", Insert);
        table.Add("SequenceErase", Erase);
        table.Add("SequenceAt", At);
        table.Add("SequenceLength", node => OnnxNode.Numbers([node[0] is ListValue list ? Length(node, list)
            : (Argument)(long)Items(node).Length], [], ScalarType.Int64));
        table.AddAll("SequenceMap", Map);
        table.Add("SplitToSequence", Split);
        table.Add("ConcatFromSequence", Concat);
        // An input of the model that may be missing has to be given, so that any is there.
        table.Add("Optional", node =>
        {
            node.Attributes.Ignore("type");
            return node[0];
        });
        table.Add("OptionalGetElement", node => node[0]);
        table.Add("OptionalHasElement", node => new ConstantValue(new("there", tensor(node.Optional(0) is not null))));
    }

    /// <summary>One of several tensors, which a number tells that is computed.</summary>
    internal static Value Item(OnnxNode node, ImmutableArray<Value> items, Argument place)
    {
        if (place is Literal { Value: long known })
            return items[(int)known];
        if (items.Any(item => item.Type != items[0].Type))
            throw new NotSupportedException("it chooses among tensors of different types");
        var tensors = new ListArgument([.. items.Select(node.Writer.Tensor)], typeof(Tensor));
        var chosen = node.Writer.Graph.create_node(Opcode.call_function, new BuiltinTarget(Builtin.getitem, typeof(Tensor[])),
            [tensors, new ConvertArgument(place, typeof(int), false)], typeof(Tensor));
        return new TensorValue(chosen, items[0].Type, Common(items));
    }

    private static SequenceValue Of(ImmutableArray<Value> items)
        => items.Length > MostItems ? throw new NotSupportedException($"its list has more than {MostItems} tensors")
            : new(items, items[0].Type);

    private static Argument Length(OnnxNode node, ListValue list)
        => node.Writer.Write((Tensor[] tensors) => (long)tensors.Length, list.List);

    private static Value At(OnnxNode node)
    {
        if (node[0] is not ListValue list)
            return Items(node) is var items ? Item(node, items, Position(node, 1, items.Length, items.Length - 1)) : null!;
        return new TensorValue(Get(node, list.List, new ConvertArgument(Position(node, list, 1), typeof(int), false), typeof(Tensor)),
            list.Type, null);
    }

    private static Node Get(OnnxNode node, Argument list, Argument place, Type type)
        => node.Writer.Graph.create_node(Opcode.call_function, new BuiltinTarget(Builtin.getitem, typeof(Tensor[])), [list, place], type);

    /// <summary>A place in a list whose length is computed.</summary>
    private static Argument Position(OnnxNode node, ListValue list, int i)
        => node.Writer.Write((long at, long count) => at - count * Math.Min(Math.Sign(at), 0), node.Numbers(i)[0], Length(node, list));

    private static ImmutableArray<Value> Items(OnnxNode node, int i = 0) => node[i] is SequenceValue { Items: var items } ? items
        : throw new NotSupportedException($"its input {i + 1} must be a list of tensors whose length is known");

    /// <summary>A place in a list, counted from the beginning.</summary>
    private static Argument Position(OnnxNode node, int i, int count, int last)
    {
        var place = node.Numbers(i)[0];
        if (place is not Literal { Value: long known })
            return node.Writer.Write((long at) => at - count * Math.Min(Math.Sign(at), 0), place);
        known += known < 0 ? count : 0;
        return known >= 0 && known <= last ? (Argument)known
            : throw new NotSupportedException($"it asks for the tensor {place} of a list of {count}");
    }

    /// <summary>Where the place is computed, each tensor of the new list is one of three: the old list's at its place or at the one
    /// before, or the new one.</summary>
    private static Value Insert(OnnxNode node)
    {
        if (node[0] is ListValue list)
            return Insert(node, list);
        var (items, added) = (Items(node), node[1]);
        var place = node.Optional(2) is null ? items.Length : Position(node, 2, items.Length, items.Length);
        if (place is Literal { Value: long known })
            return Of(items.Insert((int)known, added));
        return Of([.. Enumerable.Range(0, items.Length + 1).Select(at => Item(node,
            [at > 0 ? items[at - 1] : added, added, at < items.Length ? items[at] : added],
            node.Writer.Write((long to) => (long)Math.Sign(to - at) + 1, place)))]);
    }

    private static ListValue Insert(OnnxNode node, ListValue list)
    {
        if (node.Optional(2) is null)
            return list with { List = new ListArgument([new SpreadArgument(list.List), node.Tensor(1)], typeof(Tensor)) };
        var place = new ConvertArgument(Position(node, list, 2), typeof(int), false);
        return list with { List = new ListArgument([
            new SpreadArgument(Get(node, list.List, new SliceArgument(null, place, null), typeof(Tensor[]))), node.Tensor(1),
            new SpreadArgument(Get(node, list.List, new SliceArgument(place, null, null), typeof(Tensor[])))], typeof(Tensor)) };
    }

    private static SequenceValue Erase(OnnxNode node)
    {
        var items = Items(node);
        var place = node.Optional(1) is null ? items.Length - 1L : Position(node, 1, items.Length, items.Length - 1);
        if (place is Literal { Value: long known })
            return new(items.RemoveAt((int)known), node[0].Type);
        return new([.. Enumerable.Range(0, items.Length - 1).Select(at => Item(node, [items[at + 1], items[at]],
            node.Writer.Write((long from) => (long)Math.Max(Math.Sign(from - at), 0), place)))], node[0].Type);
    }

    /// <summary>A graph for each tensor of the first list; other lists are as long, and a tensor is the same for each.</summary>
    private static Value[] Map(OnnxNode node)
    {
        var body = node.Attributes.Graph("body");
        Value[][] results = [.. Items(node).Select((_, at) => node.Subgraph(body,
            [.. node.Inputs.Select((_, i) => node[i] is SequenceValue ? Items(node, i)[at] : node[i])]))];
        return [.. body.Output.Select((output, i) => new SequenceValue([.. results.Select(result => result[i])],
            Elements.Of(output.Type.TensorType.ElemType).Type))];
    }

    /// <summary>Parts of given sizes, or of one size each, of which the last may be smaller.</summary>
    private static SequenceValue Split(OnnxNode node)
    {
        var (axis, keeps) = (node.Attributes.Int("axis", 0), node.Attributes.Flag("keepdims", true));
        var whole = node.Shape() is { } shape ? shape[axis < 0 ? axis + shape.Length : axis] : null;
        ImmutableArray<Argument> sizes = node.Optional(1) is null or { Rank: 0 }
            ? Equal(whole ?? throw new NotSupportedException("how many parts it makes is not known before it runs"),
                node.Optional(1) is null ? 1 : node.KnownNumbers(1)[0])
            : node.Numbers(1);
        (ScalarType, long?[]?)[] facts = [.. sizes.Select(size => (node.Type(),
            Sizes.With(node.Shape(), axis, (size as Literal)?.Value as long?)))];
        var parts = node.MakeAll((Tensor x, long[] to) => Pieces.Parts(x.split(to, axis), sizes.Length), facts, node.Tensor(),
            OnnxNode.List(sizes));
        return Of([.. node.Optional(1) is not null || keeps ? parts : parts.Select(part => node.Make((Tensor x) => x.squeeze(axis),
            part.Type, Sizes.Reduce(part.Shape, [axis < 0 ? axis + part.Rank!.Value : axis], false), part.Node))]);
    }

    private static ImmutableArray<Argument> Equal(long whole, long each)
        => each <= 0 || whole == 0 ? throw new NotSupportedException("its parts are empty")
            : whole / each > MostItems ? throw new NotSupportedException($"its list has more than {MostItems} tensors")
            : [.. Enumerable.Range(0, (int)((whole + each - 1) / each)).Select(i => (Argument)Math.Min(each, whole - i * each))];

    private static TensorValue Concat(OnnxNode node)
    {
        var (axis, isNew) = (node.Attributes.Int("axis"), node.Attributes.Flag("new_axis"));
        if (node[0] is ListValue list)
            return node.Make(isNew ? (Tensor[] all) => stack(all, axis) : (Tensor[] all) => cat(all, axis), list.Type, null, list.List);
        var items = Items(node);
        if (items.IsEmpty)
            throw new NotSupportedException("its list has no tensors");
        var tensors = new ListArgument([.. items.Select(node.Writer.Tensor)], typeof(Tensor));
        var shape = Common(items)?.ToList();
        if (isNew)
            shape?.Insert((int)(axis < 0 ? axis + shape.Count + 1 : axis), items.Length);
        else if (shape is not null)
            shape[(int)(axis < 0 ? axis + shape.Count : axis)] = null;
        return new(isNew ? node.Writer.Graph.call_function((Func<IEnumerable<Tensor>, long, Tensor>)stack, tensors, axis)
            : node.Writer.Graph.call_function((Func<Tensor[], long, Tensor>)cat, tensors, axis), items[0].Type, shape?.ToArray());
    }

    /// <summary>The facts about the shape of any of several tensors.</summary>
    private static long?[]? Common(ImmutableArray<Value> items)
        => items[0].Shape is { } first && items.All(item => item.Rank == first.Length)
            ? [.. first.Select((size, axis) => items.All(item => item.Shape![axis] == size) ? size : null)] : null;
}
