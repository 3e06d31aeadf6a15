using static TorchSharp.Fx.Files.PickleValue;

namespace TorchSharp.Fx.Files;

/// <summary>The instructions' effects on the stack, and the values they may build.</summary>
internal sealed partial class Unpickler
{
    private void Push(PickleValue value)
    {
        if (++values > MaxValues) throw new InvalidDataException($"has more than {MaxValues} values beside its tensors' elements");
        stack.Add(value);
    }

    private PickleValue Peek() => stack.Count > 0 ? stack[^1] : throw Damaged();

    private PickleValue Pop()
    {
        var value = Peek();
        stack.RemoveAt(stack.Count - 1);
        return value;
    }

    private void Mark()
    {
        if (marked.Count == MaxNesting) throw new InvalidDataException($"nests values more than {MaxNesting} deep");
        marked.Push(stack);
        stack = [];
    }

    private void PushStorage(Storage storage)
    {
        if (storages.TryAdd(storage.Key, storage)) Push(storage);
        else Push(storages[storage.Key] is var same && same.Type == storage.Type && same.Count == storage.Count
            ? same
            : throw new InvalidDataException($"describes storage '{storage.Key}' in two ways"));
    }

    /// <summary>All since the last mark.</summary>
    private List<PickleValue> PopMark()
    {
        var items = stack;
        stack = marked.TryPop(out var outer) ? outer : throw Damaged();
        return items;
    }

    private void PushTuple(int length)
    {
        if (stack.Count < length) throw Damaged();
        var items = stack[^length..].ToArray();
        stack.RemoveRange(stack.Count - length, length);
        Push(new PickleValue.Tuple(items));
    }

    private void Append(List<PickleValue> items) => (Peek() as PickleValue.List ?? throw Damaged()).Items.AddRange(items);

    private void NewDictionary(List<PickleValue> items)
    {
        Push(new Dictionary());
        SetItems(items);
    }

    private void SetItems(List<PickleValue> items)
    {
        if (Peek() is not Dictionary dictionary || items.Count % 2 != 0) throw Damaged();
        for (var i = 0; i < items.Count; i += 2) dictionary.Add(items[i], items[i + 1]);
    }

    private void Remember(ulong index) => memo[(uint)index] = Peek();

    private void Recall(ulong index) => Push(memo.TryGetValue((uint)index, out var value) ? value : throw Damaged());

    private void Global(PickleValue module, PickleValue name)
    {
        if (module is not Text { Value: { Length: <= MaxName } space } || name is not Text { Value: { Length: <= MaxName } member })
            throw Damaged();
        if (PickleGlobals.Find(space, member) is { } known) Push(new Known(known));
        else Push(new Unknown($"{space}.{member}"));
        if (stack[^1] is Unknown unknown) mentioned ??= unknown;
    }

    private void Call(PickleValue arguments)
    {
        var function = Pop();
        if (function is Unknown unknown) throw new InvalidDataException(
            $"asks to call '{unknown.Name}', which no weights need: it was not called and nothing is loaded. Don't load this file with "
                + "anything else either unless you trust who made it");
        Push(Built(function, arguments));
    }

    private void NewObject(PickleValue arguments)
    {
        var type = Pop();
        if (type is Unknown unknown) throw WholeObject(unknown);
        Push(Built(type, arguments));
    }

    private static PickleValue Built(PickleValue function, PickleValue arguments)
    {
        if (function is not Known { Global: { build: { } build } } || arguments is not PickleValue.Tuple tuple) throw Damaged();
        return build(tuple.Items);
    }

    // A state_dict is an OrderedDict with an attribute, _metadata: the versions of its modules, of no use here. Nothing else has
    // attributes.
    private void Build(PickleValue state)
    {
        var target = Peek();
        if (target is Unknown unknown) throw WholeObject(unknown);
        if (target is not Dictionary || state is not (Dictionary or PickleValue.Tuple)) throw Damaged();
    }

    private static InvalidDataException WholeObject(Unknown type) => new(
        $"holds an object of the class '{type.Name}', probably a whole model, and not its weights; save them in Python with "
            + "torch.save(model.state_dict(), path)");

    private static InvalidDataException Damaged() => new("is a damaged pickle");
}
