using static TorchSharp.torch;

namespace TorchSharp.Fx.Verification;

/// <summary>
/// The state that a run may change beside its result, put back before each run and at the end: parameters, buffers, modes and the random
/// number generator.
/// </summary>
internal sealed class World : IDisposable
{
    private readonly nn.Module[] roots;
    private readonly TrainingFlags[] flags;
    private readonly Dictionary<Tensor, Tensor> before = new(ReferenceEqualityComparer.Instance);
    private readonly List<KeptBefore> kept = [];
    private readonly Tensor generator = get_rng_state();

    internal World(params nn.Module[] roots)
    {
        this.roots = roots;
        flags = Array.ConvertAll(roots, root => new TrainingFlags(root));
        foreach (var (_, tensor) in State())
            before.TryAdd(tensor, tensor.detach().clone());
        foreach (var root in roots.OfType<IGraphModule>())
            Keep(root);
    }

    /// <summary>A graph module's state is put back, too.</summary>
    internal void Keep(IGraphModule module) => kept.Add(new((nn.Module)module, module.Program.TrainGraph, module.Program.EvalGraph));

    public void Dispose()
    {
        Restore();
        foreach (var modes in flags)
            modes.Dispose();
    }

    internal void SetMode(bool training)
    {
        foreach (var root in roots)
            root.train(training);
    }

    /// <summary>Puts back what the last run changed.</summary>
    internal void Restore()
    {
        foreach (var (tensor, content) in before)
            if (!tensor.IsInvalid && !Same(tensor, content))
                tensor.detach().copy_(content);
        kept.ForEach(state => state.Restore());
        set_rng_state(generator);
    }

    /// <summary>The state after a run, under names: the first root's parameters and buffers, and the generator's state.</summary>
    internal Dictionary<string, object?> After()
    {
        var after = State(roots[0]).ToDictionary(entry => $"'{entry.Name}' afterwards", entry => (object?)entry.Tensor.detach().clone());
        after["the random number generator afterwards"] = get_rng_state();
        return after;
    }

    private IEnumerable<(string Name, Tensor Tensor)> State() => roots.SelectMany(State);

    private static IEnumerable<(string Name, Tensor Tensor)> State(nn.Module root)
        => root.named_parameters().Select(entry => (entry.name, (Tensor)entry.parameter))
            .Concat(root.named_buffers().Select(entry => (entry.name, entry.buffer))).DistinctBy(entry => entry.Item1);

    private static bool Same(Tensor tensor, Tensor content)
    {
        using var scope = NewDisposeScope();
        return tensor.eq(content).all().ToBoolean();
    }
}
