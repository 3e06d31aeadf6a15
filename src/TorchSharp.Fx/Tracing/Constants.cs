using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace TorchSharp.Fx.Tracing;

/// <summary>
/// The tensors that the traced program computed for real. They are constants of the graph until the program writes symbols into one: from
/// then on each run needs a copy of its own, and the views on it must be views on that copy.
/// </summary>
internal sealed class Constants(Interpreter interpreter)
{
    private readonly List<(torch.Tensor Tensor, Invocation Call)> made = [];
    private readonly List<torch.Tensor> temporaries = [];

    /// <summary>Notes a computed tensor. It is temporary unless .NET's code may keep it, as a <c>Lazy</c> does that calls back into the program.</summary>
    internal void Add(torch.Tensor tensor, in Invocation call, bool isTemporary)
    {
        interpreter.Overlay.Own(tensor);
        if (isTemporary)
            temporaries.Add(tensor);
        made.Add((tensor, call));
    }

    /// <summary>The graph has handles of its own on those it reads.</summary>
    internal void Dispose()
    {
        foreach (var tensor in temporaries)
            tensor.Dispose();
    }

    /// <summary>Before a write: makes a computed tensor, and all that share its memory, values of the graph.</summary>
    internal void BeforeWrite(torch.Tensor written)
    {
        if (written.IsInvalid || interpreter.Symbols.TryGet(written, out var known) && known.node.op != Opcode.get_attr)
            return;
        var sharing = made.Where(entry => !entry.Tensor.IsInvalid && entry.Tensor.Handle != 0 && ShareMemory(entry.Tensor, written)).ToArray();
        foreach (var (tensor, call) in sharing)
            interpreter.Symbols.Bind(tensor, ReferenceEquals(tensor, sharing[0].Tensor) ? Copy(tensor) : Again(call));
    }

    private Proxy Copy(torch.Tensor constant)
    {
        var clone = typeof(torch.Tensor).GetMethod(nameof(torch.Tensor.clone), Type.EmptyTypes)!;
        return interpreter.Tracer.create_proxy(Opcode.call_method, new MethodTarget(clone), [interpreter.Tracer.Attributes.NodeFor(interpreter, constant)], typeof(torch.Tensor));
    }

    /// <summary>A view of something that is a value of the graph by now; what an operation in place returned is what it wrote to.</summary>
    private Proxy Again(in Invocation call)
    {
        var value = TensorOperations.IsInPlace(call) ? call.Arguments[0] : TensorOperations.Record(call);
        return interpreter.Symbols.TryGet(value.Reference, out var proxy) ? proxy : throw new InvalidOperationException($"{call.Method} gave no view.");
    }

    private static bool ShareMemory(torch.Tensor a, torch.Tensor b)
    {
        if (a.dtype != b.dtype || a.device_type != DeviceType.CPU || b.device_type != DeviceType.CPU)
            return false;
        using var startOfA = a.as_strided([1], [1], 0);
        using var startOfB = b.as_strided([1], [1], 0);
        return Unsafe.AreSame(ref MemoryMarshal.GetReference(startOfA.bytes), ref MemoryMarshal.GetReference(startOfB.bytes));
    }
}
