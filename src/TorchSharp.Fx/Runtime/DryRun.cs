using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>Runs nodes without touching the model: what the graph writes to are copies, and leaf modules get their buffers back.</summary>
internal class DryRun(nn.Module root, Graph graph, IReadOnlyDictionary<string, Tensor>? constants) : GraphInterpreter(root, graph, constants)
{
    protected override object? get_attr(Node node) => ((Tensor)base.get_attr(node)!).detach().clone();

    protected override object? call_module(Node node)
    {
        var module = Hierarchy.Module(node.target.name);
        // TorchSharp's own modules write to their buffers in training only.
        if (!module.training && Homes.Of(module.GetType()) == Home.TorchSharp)
            return base.call_module(node);
        var buffers = module.named_buffers().Select(entry => (entry.buffer, Saved: entry.buffer.clone())).ToArray();
        try
        {
            return base.call_module(node);
        }
        finally
        {
            foreach (var (buffer, saved) in buffers)
            {
                buffer.copy_(saved);
                saved.Dispose();
            }
        }
    }
}
