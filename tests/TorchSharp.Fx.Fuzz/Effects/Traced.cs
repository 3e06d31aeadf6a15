using static TorchSharp.torch;

namespace TorchSharp.Fx.Fuzz.Effects;

/// <summary>A new instance of a generated module and its graph.</summary>
internal sealed class Traced : IDisposable
{
    private static readonly Type[] Leaves = [typeof(Leaf<>)];

    private readonly NodePathTracer tracer;
    private readonly bool ownsModule;
    private GraphModule? graphModule;

    internal Traced(Scenario scenario) : this(scenario, scenario.New()) { }

    internal Traced(Scenario scenario, nn.Module module, bool ownsModule = true)
    {
        (Scenario, Module, this.ownsModule) = (scenario, module, ownsModule);
        tracer = new(Kwargs(scenario));
        // An example is run as the program will be: some throw only where gradients are recorded.
        using var recorded = set_grad_enabled(scenario.HasGradients);
        try
        {
            Graph = tracer.trace(module);
            Graph.lint();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    internal Scenario Scenario { get; }

    internal nn.Module Module { get; }

    internal Graph Graph { get; } = null!;

    internal IReadOnlyDictionary<Node, string> Names => tracer.node_to_qualname;

    internal IReadOnlyDictionary<string, Tensor> Constants => tracer.tensor_constants;

    /// <summary>The graph as a module.</summary>
    internal GraphModule GraphModule => graphModule ??= new(Module, Graph, Constants);

    internal static TracerKwargs Kwargs(Scenario scenario) => new()
    {
        leaf_modules = Leaves,
        autowrap_functions = Wrapped.All,
        example_inputs = scenario.ByExample ? scenario.Inputs(0) : null,
    };

    public void Dispose()
    {
        graphModule?.Dispose();
        tracer.DisposeConstants();
        if (ownsModule)
            Module.Dispose();
    }
}
