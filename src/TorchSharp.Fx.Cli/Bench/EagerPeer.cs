using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli;

/// <summary>The model as a careful user calls it: a dispose scope takes what it leaves behind.</summary>
internal sealed class EagerPeer : BenchPeer
{
    private readonly nn.Module module;
    private readonly Tensor input;
    private readonly string? key;
    private readonly Func<Tensor, object> forward;

    /// <param name="module">The model, which it takes over.</param>
    /// <param name="input">What to run it on, which it takes over.</param>
    /// <param name="key">The name of the model's own result; null where other nodes are asked for.</param>
    internal EagerPeer(nn.Module module, Tensor input, string? key)
    {
        (this.module, this.input, this.key) = (module, input, key);
        forward = module.GetType().GetMethod("call", [typeof(Tensor)])?.CreateDelegate<Func<Tensor, object>>(module)
            ?? throw new ToolException(
                $"A {module.GetType().Name} does not take one tensor, so that there is no 'eager' way to measure; leave it out of --peers.");
    }

    internal override IDisposable Run()
    {
        var scope = NewDisposeScope();
        return new Result(scope, forward(input));
    }

    internal override IEnumerable<KeyValuePair<string, Tensor>>? Read(IDisposable result)
        => result is Result { Value: Tensor value } && key is not null ? [KeyValuePair.Create(key, value)] : null;

    public override void Dispose()
    {
        input.Dispose();
        module.Dispose();
    }

    private sealed record Result(DisposeScope Scope, object Value) : IDisposable
    {
        public void Dispose() => Scope.Dispose();
    }
}
