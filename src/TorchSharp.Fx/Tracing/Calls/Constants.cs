namespace TorchSharp.Fx.Tracing;

/// <summary>
/// The tensors that the traced program computed for real. They are constants of the graph until the program writes symbols into one: from
/// then on each run needs a copy of its own, and the views on it must be views on that copy.
/// </summary>
internal sealed class Constants(Interpreter interpreter)
{
    private readonly List<Made> made = [];
    private readonly List<torch.Tensor> temporaries = [];
    // Views on what was there before, such as a buffer of the model: a write to one is a write to that.
    private readonly HashSet<torch.Tensor> outside = new(ReferenceEqualityComparer.Instance);

    private ModuleHierarchy Hierarchy => field ??= new(interpreter.Root, interpreter.Tracer.tensor_constants);

    /// <summary>
    /// Notes a computed tensor. It is temporary unless .NET's code may keep it, as a <c>Lazy</c> does that calls back into the program.
    /// </summary>
    internal void Add(Made computed, bool isTemporary)
    {
        interpreter.Overlay.Own(computed.Tensor);
        if (isTemporary)
            temporaries.Add(computed.Tensor);
        made.Add(computed);
        if (Reads(computed, read => !ReferenceEquals(read, computed.Tensor) && !IsOwn(read) && ShareMemory(read, computed.Tensor)))
            outside.Add(computed.Tensor);
    }

    /// <summary>The graph has handles of its own on those it reads.</summary>
    internal void Dispose()
    {
        foreach (var tensor in temporaries)
            tensor.Dispose();
    }

    /// <summary>
    /// Whether the graph reads a computed tensor's memory already, by it or by a view: then a write to it is part of the program.
    /// </summary>
    internal bool IsRead(torch.Tensor written) => Sharing(written).Any(entry => interpreter.Symbols.TryGet(entry.Tensor, out _));

    /// <summary>Whether a tensor and its memory are the trace's, and no view on what was there before.</summary>
    internal bool IsOwn(torch.Tensor tensor) => interpreter.Overlay.Owns(tensor) && !outside.Contains(tensor);

    /// <summary>Before a write: makes a computed tensor, and all that share its memory, values of the graph.</summary>
    internal void BeforeWrite(torch.Tensor written)
    {
        if (interpreter.Symbols.TryGet(written, out var known) && known.node.op != Opcode.get_attr)
        {
            foreach (var viewed in made.Count == 0 ? [] : ViewedBy(known.node))
                ForbidReaders(viewed);
            return;
        }
        if (!IsOwn(written))
            ForbidReaders(written);
        MakeValues(written);
    }

    /// <summary>
    /// Before a call that may write to what it is given, keep it or hand it on to who writes to it: that becomes a value of the graph. Of a
    /// model's own tensor nothing is forbidden where the call merely might write to it.
    /// </summary>
    /// <param name="does">What the call does; asked only where a constant may be among the arguments.</param>
    /// <param name="given">The arguments.</param>
    internal void BeforeSharing(Func<Operation> does, IEnumerable<object?> given)
    {
        if (made.Count == 0)
            return;
        var effect = does();
        if (effect is { Writes: Operands.None, Views: Operands.None })
            return;
        if (effect is { Writes: Operands.None or Operands.First, Views: Operands.None or Operands.First })
            given = given.Take(1);
        var found = new List<torch.Tensor>();
        foreach (var value in given)
            Holds(value, tensor =>
            {
                found.Add(tensor);
                return false;
            });
        foreach (var tensor in found)
            if (!interpreter.Symbols.TryGet(tensor, out var known) || known.node.op == Opcode.get_attr)
                MakeValues(tensor);
    }

    /// <summary>Binds a computed tensor to a copy that each run makes, and all that share its memory to views on that copy.</summary>
    private void MakeValues(torch.Tensor written)
    {
        if (!interpreter.Overlay.Owns(written))
            return;
        var sharing = Sharing(written).ToArray();
        foreach (var entry in sharing)
            interpreter.Symbols.Bind(entry.Tensor, ReferenceEquals(entry, sharing[0])
                && IsOwn(entry.Tensor) ? Copy(entry.Tensor) : Again(entry));
    }

    /// <summary>
    /// A value computed of a tensor that was there before holds until the first write to that: the next run would have to compute it
    /// again.
    /// </summary>
    private void ForbidReaders(torch.Tensor written)
    {
        var reader =
            made.Find(entry => !entry.Tensor.IsInvalid && !ShareMemory(entry.Tensor, written)
                && Reads(entry, read => ShareMemory(read, written)));
        if (reader is not null)
            throw Untraceable.ReadBeforeWrite(interpreter, reader.Call.Method);
    }

    /// <summary>Whether a node's value may be a tensor that the trace computed, or a view of one.</summary>
    internal bool MayBeOwn(Node node)
        => made.Count > 0 && ViewedBy(node).Any(viewed => Sharing(viewed).Any(entry => IsOwn(entry.Tensor)));

    /// <summary>The tensors from outside the graph that a node's value may be a view of, through a leaf's own code as well.</summary>
    private IEnumerable<torch.Tensor> ViewedBy(Node node)
    {
        var (seen, open) = (new HashSet<Node>(), new Stack<Node>([node]));
        while (open.TryPop(out var next))
        {
            if (!seen.Add(next) || next.op == Opcode.placeholder)
                continue;
            if (next.op == Opcode.get_attr)
                yield return Hierarchy.Attribute(next.target.name)();
            else if (Operations.Of(next, Hierarchy) is { IsOpaque: true } or { Views: not Operands.None })
                foreach (var input in next.all_input_nodes)
                    open.Push(input);
        }
    }

    /// <summary>Whether a tensor was computed of one that is asked for, given itself or in a list.</summary>
    private bool Reads(Made computed, Predicate<torch.Tensor> isAskedFor)
        => Array.Exists(computed.Call.Arguments, argument => Holds(argument.Reference, isAskedFor));

    private bool Holds(object? value, Predicate<torch.Tensor> isAskedFor)
    {
        return interpreter.Holds(value, Decide);

        bool? Decide(object part) => part switch
        {
            torch.Tensor tensor => !tensor.IsInvalid && isAskedFor(tensor),
            SpanModel span => interpreter.Holds(span.Array, Decide),
            _ => null,
        };
    }

    private IEnumerable<Made> Sharing(torch.Tensor written)
        => made.Where(entry => !entry.Tensor.IsInvalid && ShareMemory(entry.Tensor, written));

    private Proxy Copy(torch.Tensor constant) => CloneOf(interpreter.Tracer.Attributes.NodeFor(interpreter, constant));

    /// <summary>A copy of a constant that each run makes.</summary>
    internal Proxy CloneOf(Node constant)
        => interpreter.Tracer.create_proxy(Opcode.call_method, MethodTarget.OfClone, [constant], typeof(torch.Tensor));

    /// <summary>A view of something that is a value of the graph by now; what an operation in place returned is what it wrote to.</summary>
    private Proxy Again(Made view)
    {
        var value = TensorOperations.IsInPlace(view.Call) ? view.Call.Arguments[0] : TensorOperations.Record(view.Call);
        interpreter.Symbols.TryGet(value.Reference, out var proxy);
        if (view.Position is { } position)
            interpreter.Symbols.TryGet(interpreter.RecordItem(proxy, new Literal(position), typeof(torch.Tensor)).Reference, out proxy);
        return proxy;
    }

    private static bool ShareMemory(torch.Tensor a, torch.Tensor b)
        => TensorIdentity.Storage(a) is not 0 and var storage && storage == TensorIdentity.Storage(b);

    /// <summary>A computed tensor, and how it came about.</summary>
    /// <param name="Tensor">The tensor.</param>
    /// <param name="Call">The call that gave it.</param>
    /// <param name="Position">Its place where the call gave an array.</param>
    internal sealed record Made(torch.Tensor Tensor, Invocation Call, int? Position);
}
