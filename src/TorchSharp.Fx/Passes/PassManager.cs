using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>A change of a graph module in place, with a name to report it by.</summary>
/// <param name="name">The name.</param>
/// <param name="run">Makes the change and returns whether it changed anything.</param>
public sealed record Pass(string name, Func<IGraphModule, bool> run)
{
    /// <summary>Merges nodes that compute the same value; see <see cref="CommonSubexpressions"/>.</summary>
    public static Pass common_subexpressions { get; } =
        new(nameof(common_subexpressions), static module => module.graph.eliminate_common_subexpressions((nn.Module)module));

    /// <summary>Computes values in advance that do not depend on an input; see <see cref="ConstantFolding"/>. For trained models.</summary>
    public static Pass constant_folding { get; } = new(nameof(constant_folding), static module => module.fold_constants());

    /// <summary>Removes nodes that the output does not need; see <see cref="DeadCode"/>.</summary>
    public static Pass dead_code { get; } =
        new(nameof(dead_code), static module => module.graph.EliminateDeadCode(new((nn.Module)module), module.Program.Training));
}

/// <summary>The result of passes over a graph module. Counterpart: <c>torch.fx.passes.infra.pass_base.PassResult</c>.</summary>
/// <param name="graph_module">The module, the same object that was given.</param>
/// <param name="modified">Whether any pass changed it.</param>
public sealed record PassResult(IGraphModule graph_module, bool modified);

/// <summary>
/// Runs passes in order, and checks the graph after each. Counterpart: <c>torch.fx.passes.infra.pass_manager.PassManager</c>.
/// </summary>
public sealed class PassManager
{
    private readonly Pass[] list;

    /// <summary>A manager of passes, in the order in which to run them. It replaces PyTorch's ordering constraints.</summary>
    public PassManager(params IEnumerable<Pass> passes)
    {
        ArgumentNullException.ThrowIfNull(passes);
        list = [.. passes];
    }

    /// <summary>The passes that change no value, in their order.</summary>
    public static PassManager standard { get; } = new(
        Pass.common_subexpressions, // leaves the sizes and reads that only merged nodes needed
        Pass.dead_code);

    /// <summary>The passes, in order.</summary>
    public IReadOnlyList<Pass> passes => list;

    /// <summary>How often to run all passes; the run ends earlier when a round changes nothing.</summary>
    public int steps { get; init; } = 1;

    /// <summary>Called after each pass with the changed module, e.g. to print its graph.</summary>
    public Action<Pass, IGraphModule>? after_pass { get; init; }

    /// <summary>A further check after each pass; it throws when it finds something wrong.</summary>
    public Action<IGraphModule>? check { get; init; }

    /// <summary>Runs the passes on a graph module in place and recompiles it.</summary>
    /// <exception cref="PassException">A pass or a check after it threw, or the graph isn't well-formed any more; the message names the
    /// pass.</exception>
    public PassResult call(IGraphModule module)
    {
        ArgumentNullException.ThrowIfNull(module);
        var modified = false;
        for (var step = 0; step < steps; step++)
        {
            var changed = false;
            foreach (var pass in list)
                changed |= Run(pass, module);
            modified |= changed;
            if (!changed)
                break;
        }
        if (modified)
            module.recompile();
        return new(module, modified);
    }

    private bool Run(Pass pass, IGraphModule module)
    {
        try
        {
            var changed = pass.run(module);
            module.graph.lint();
            check?.Invoke(module);
            after_pass?.Invoke(pass, module);
            return changed;
        }
        catch (Exception error)
        {
            throw new PassException($"The pass '{pass.name}' failed: {error.Message}", error);
        }
    }
}

/// <summary>A pass failed, or left a graph that is not well-formed.</summary>
public sealed class PassException(string message, Exception inner) : InvalidOperationException(message, inner);
