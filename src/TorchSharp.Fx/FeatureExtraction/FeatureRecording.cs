using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace TorchSharp.Fx.FeatureExtraction;

/// <summary>One recorded run: names its values as <see cref="NodePathTracer"/> names nodes, and keeps those that are asked for.</summary>
/// <param name="requests">What is asked for; null to only list the names.</param>
/// <param name="mayEnd">Whether the run may end when all values are there.</param>
internal sealed class FeatureRecording(RecordedRequests? requests, bool mayEnd) : Recording
{
    private readonly Dictionary<(string Path, string Target), Series> series = [];
    private readonly Dictionary<string, Series> stems = new(StringComparer.Ordinal);
    private readonly List<KeptValue> kept = [];
    private int count;

    /// <summary>All names of the run, in order.</summary>
    internal List<string> Names { get; } = [];

    /// <summary>
    /// Code that isn't followed may have started threads, which the program waits for later: they use the caller's tensors.
    /// </summary>
    internal override bool IsDone => mayEnd && !RanAside && requests!.AreFinal;

    internal override object? Begin(in Recorded operation, ReadOnlySpan<Value> arguments)
    {
        if (IsEnding)
            return null;
        var leaf = operation.Op == Opcode.call_module ? operation.Path : null;
        var name = Next(operation);
        count++;
        if (requests is null)
        {
            Names.Add(name);
            return null;
        }
        var answered = requests.Answered(name, leaf, operation).ToArray();
        foreach (var request in answered)
            if (request.IsInput && request.IsOpen(name) && FirstInput(arguments, request) is { } input)
            {
                Keep(request, input, name, leaf);
                request.IsFinal = true;
            }
        return answered.Length == 0 ? null : new Begun(name, leaf, answered);
    }

    internal override void End(object begun, object? value)
    {
        var (name, leaf, answered) = (Begun)begun;
        KeptValue? shared = null;
        foreach (var request in answered)
            if (request.IsInput)
            {
                request.NoteInside(value);
            }
            else
            {
                request.Keep(shared ??= Kept(value), name, leaf);
                request.IsFinal |= request.Name == name && !requests!.HoldsNodes(name, leaf);
            }
    }

    internal override void BeforeWrite(Tensor written)
    {
        if (kept.Count > 0 && !written.IsInvalid)
            Protect(written, TensorIdentity.Storage(written));
    }

    internal override void BeforeUnknown() => Protect(null, 0);

    /// <summary>
    /// The values that were asked for, by their keys, in the order in which they were computed. Those that the run didn't come by are left
    /// out.
    /// </summary>
    internal (RecordedRequest Request, object? Value)[] Taken()
    {
        var found = requests!.All.Where(request => request.Value is not null).OrderBy(request => request.Value!.Order).ToArray();
        return [.. found.Select(request => (request, request.Value!.Take()))];
    }

    /// <summary>Gives up what was kept and not taken.</summary>
    internal void Release()
    {
        foreach (var request in requests?.All ?? [])
            request.Release();
    }

    private void Protect(Tensor? written, nint storage)
    {
        kept.RemoveAll(value => !value.IsHeld);
        foreach (var value in kept)
            value.Protect(written, storage);
    }

    private void Keep(RecordedRequest request, object value, string name, string? leaf) => request.Keep(Kept(value), name, leaf);

    private KeptValue Kept(object? value)
    {
        var made = new KeptValue(value, count);
        kept.Add(made);
        return made;
    }

    /// <summary>The first argument that depends on an input and wasn't computed inside.</summary>
    private object? FirstInput(ReadOnlySpan<Value> arguments, RecordedRequest request)
    {
        foreach (var argument in arguments)
            if (argument.Kind is ValueKind.Object or ValueKind.Struct)
            {
                foreach (var tensor in Structure.Tensors(argument.Reference))
                    if (Marks.Find(tensor) is true && !request.IsFromInside(tensor))
                        return tensor;
                if (argument.Reference is { } held && Marks.Find(held) is true)
                    return held;
            }
        return null;
    }

    /// <summary>
    /// torch.fx numbers a node's name in the whole graph; here the number counts within the module. torchvision takes the number off a
    /// module's path as well.
    /// </summary>
    private string Next(in Recorded operation)
    {
        var key = (operation.Path, operation.Op == Opcode.call_module ? "" : operation.Target.name);
        if (!series.TryGetValue(key, out var names))
        {
            var stem = key.Item2.Length == 0 ? Namespace.SplitSuffix(key.Path).Stem : key.Path.Length == 0
                ? Namespace.Stem(key.Item2) : $"{key.Path}.{Namespace.Stem(key.Item2)}";
            ref var known = ref CollectionsMarshal.GetValueRefOrAddDefault(stems, stem, out _);
            series[key] = names = known ??= new(stem);
        }
        return names.Next();
    }

    private sealed class Series(string stem)
    {
        private int number;

        internal string Next() => number++ == 0 ? stem : $"{stem}_{number - 1}";
    }

    private sealed record Begun(string Name, string? Leaf, RecordedRequest[] Answered);
}
