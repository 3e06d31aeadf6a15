using Microsoft.Extensions.AI;
using TorchSharp.Fx.Data.Tests;
using TorchSharp.Fx.Extensions.AI;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Extensions.Tests;

/// <summary>A model whose embeddings anybody can compute again: the mean of each channel.</summary>
internal sealed class Means : nn.Module<Tensor, Tensor>
{
    private const int Side = 8;

    internal Means() : base(nameof(Means)) { }

    /// <summary>The sizes of the batches that ran, without the first, which only finds the width.</summary>
    internal List<int> Batches { get; } = [];

    /// <summary>Is called with each batch before it runs.</summary>
    internal Action<Tensor> Before { get; set; } = _ => { };

    internal bool IsDisposed { get; private set; }

    /// <summary>Prepares an image.</summary>
    public override Tensor forward(Tensor input) => transforms.convert_image_dtype(transforms.resize(input, Side, Side));

    internal IReadOnlyDictionary<string, Tensor> Extract(Tensor batch)
    {
        if (batch.shape[0] == 1 && batch.count_nonzero().item<long>() == 0)
            return new Dictionary<string, Tensor> { ["mean"] = batch.mean([2, 3]) };
        lock (Batches)
            Batches.Add((int)batch.shape[0]);
        Before(batch);
        return new Dictionary<string, Tensor> { ["mean"] = batch.mean([2, 3]) };
    }

    internal TorchFxEmbeddingGenerator Generator(TorchFxEmbeddingOptions? options = null, string id = "means")
        => new(new(Extract, this, this) { Id = id }, options);

    /// <summary>What a generator has to give for a picture, without any of its code.</summary>
    internal static float[] Of(int seed)
    {
        using var scope = NewDisposeScope();
        return transforms.convert_image_dtype(transforms.resize(io.decode_image(Pictures.Encoded(seed)), Side, Side))
            .mean([1, 2]).data<float>().ToArray();
    }

    internal static DataContent Picture(int seed) => new(Pictures.Encoded(seed), "image/png");

    internal static void AssertAre(float[] expected, ReadOnlyMemory<float> actual)
        => Assert.All(expected.Zip(actual.ToArray()), pair => Assert.Equal(pair.First, pair.Second, 1e-6f));

    protected override void Dispose(bool disposing)
    {
        IsDisposed = true;
        base.Dispose(disposing);
    }
}
