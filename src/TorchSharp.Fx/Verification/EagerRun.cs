using static TorchSharp.torch;

namespace TorchSharp.Fx.Verification;

/// <summary>One call of the module itself, with what its leaf modules were given and gave: hooks catch it.</summary>
internal sealed class EagerRun : IDisposable
{
    private readonly Dictionary<string, List<(Tensor Input, Tensor Output)>> seen = new(StringComparer.Ordinal);
    private readonly List<Tensor> kept = [];

    /// <summary>The result that it returned.</summary>
    internal object? Result { get; private set; }

    /// <summary>The exception that it threw, if it did.</summary>
    internal Exception? Error { get; private set; }

    /// <summary>The content that it left in parameters, buffers and the generator.</summary>
    internal Dictionary<string, object?> After { get; private set; } = [];

    public void Dispose() => kept.ForEach(tensor => tensor.Dispose());

    internal static EagerRun Of(nn.Module model, Graph graph, object?[] inputs, World world)
    {
        var run = new EagerRun();
        var hierarchy = new ModuleHierarchy(model);
        var hooks = graph.nodes.Where(node => node.op == Opcode.call_module).Select(node => node.target.name)
            .Distinct(StringComparer.Ordinal)
            .SelectMany(path => hierarchy.Find(path) is nn.Module module ? run.Watch(module, path) : []).ToArray();
        try
        {
            var entry = EntryPoint.Of(model);
            run.Result = Thunks.Invoke(ModuleCalls.WithHooks(model, entry.Method), model, inputs);
        }
        catch (Exception error)
        {
            run.Error = error;
        }
        finally
        {
            foreach (var hook in hooks)
                hook();
        }
        run.After = world.After();
        return run;
    }

    /// <summary>The arguments and results of each module's calls, by its path; none where nobody saw it.</summary>
    internal IReadOnlyDictionary<string, List<(Tensor Input, Tensor Output)>> Seen => seen;

    /// <summary>Hooks a module of one input; of others only results tell.</summary>
    private Action[] Watch(nn.Module module, string path)
    {
        if (module is not nn.Module<Tensor, Tensor> single)
            return [];
        var inputs = new Stack<Tensor>();
        var before = single.register_forward_pre_hook((_, input) =>
        {
            inputs.Push(Kept(input));
            return input;
        });
        var after = single.register_forward_hook((_, _, output) =>
        {
            if (!seen.TryGetValue(path, out var calls))
                seen[path] = calls = new();
            calls.Add((inputs.Pop(), Kept(output)));
            return output;
        });
        return [before.remove, after.remove];
    }

    /// <summary>A copy that the program's own dispose scopes don't take.</summary>
    private Tensor Kept(Tensor tensor)
    {
        var copy = tensor.detach().clone().DetachFromDisposeScope();
        kept.Add(copy);
        return copy;
    }
}
