using TorchSharp.Fx.Testing;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision.Tests.Features;

/// <summary>What extractors return, against torchvision with the same weights and input.</summary>
[Collection(nameof(OneAtATime))]
public sealed class OracleFeatureTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose() => scope.Dispose();

    public static TheoryData<string> Known => Models.With("features");

    [Theory]
    [MemberData(nameof(Known))]
    public void Features_are_torchvisions_and_the_interpreters_bit_for_bit(string name)
    {
        var (shape, nodes) = Golden.Features(name);
        using var model = DeterministicWeights.Fill(models.get_model(name));
        model.eval();
        using var extractor = Models.Extractor(model, nodes.Select(node => node.node).ToArray());
        using var _ = no_grad();
        var input = DeterministicWeights.Input(shape);

        using var features = extractor.call(input);
        Assert.Equal(nodes.Select(node => node.node), features.Keys);
        foreach (var (node, expected) in nodes)
            expected.AssertMatches(features[node], $"{name}'s {node}");

        var interpreted = (Dictionary<string, object>)new GraphInterpreter(model, extractor.eval_graph).run(input)!;
        Assert.Equal(features.Keys, interpreted.Keys);
        foreach (var (node, feature) in features)
            Assert.True(feature.contiguous().bytes.SequenceEqual(((Tensor)interpreted[node]).contiguous().bytes), $"{name}'s {node} differs between the compiled form and the interpreter.");
    }
}
