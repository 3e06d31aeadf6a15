using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli;

/// <summary>A compiled graph of the nodes.</summary>
/// <param name="extractor">The graph, which it takes over.</param>
/// <param name="input">What to run it on, which it takes over.</param>
/// <param name="source">The module whose weights it shares, which it takes over; null where it has its own.</param>
internal sealed class GraphPeer(DualGraphModule extractor, Tensor input, nn.Module? source = null) : BenchPeer
{
    internal override IDisposable Run() => extractor.call(input);

    internal override IEnumerable<KeyValuePair<string, Tensor>> Read(IDisposable result) => (Features)result;

    internal override GraphProfile Profile(int calls) => extractor.profile([input], calls, warm_up: 1);

    public override void Dispose()
    {
        input.Dispose();
        extractor.Dispose();
        source?.Dispose();
    }
}
