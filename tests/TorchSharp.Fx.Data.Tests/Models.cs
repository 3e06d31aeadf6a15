using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Data.Tests;

/// <summary>A model whose features anybody can compute again.</summary>
internal static class Models
{
    internal const int Side = 8;

    /// <summary>The mean of each channel, and the picture itself as a map.</summary>
    internal static IReadOnlyDictionary<string, Tensor> Means(Tensor input)
        => new Dictionary<string, Tensor> { ["mean"] = input.mean([2, 3]), ["map"] = input * 2 };

    internal static Tensor Preprocess(Tensor image) => transforms.convert_image_dtype(transforms.resize(image, Side, Side));

    internal static FeaturePipeline Pipeline(FeaturePipelineOptions? options = null,
        Func<Tensor, IReadOnlyDictionary<string, Tensor>>? model = null)
    {
        using var example = zeros(3, Side, Side);
        return new(model ?? Means, example, (options ?? new()) with { Preprocess = Preprocess });
    }

    /// <summary>What the pipeline has to give for a picture, without any of its code.</summary>
    internal static float[] Mean(byte[] picture)
    {
        using var scope = NewDisposeScope();
        return Preprocess(io.decode_image(picture)).mean([1, 2]).data<float>().ToArray();
    }

    internal static async Task<List<FeatureRow>> Rows(this FeaturePipeline pipeline, DataSource source)
    {
        var rows = new List<FeatureRow>();
        await foreach (var row in pipeline.RunAsync(source.ItemsAsync(TestContext.Current.CancellationToken),
            cancellation: TestContext.Current.CancellationToken))
            rows.Add(row);
        return rows;
    }
}
