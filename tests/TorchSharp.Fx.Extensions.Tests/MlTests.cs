using Microsoft.ML;
using Microsoft.ML.Data;
using TorchSharp.Fx.Cli.Tests;
using TorchSharp.Fx.Data.Tests;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Extensions.Tests;

/// <summary>A column of features is a column of ML.NET's: it has a type, goes into trainers, and is there for single rows.</summary>
public sealed class MlTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly MLContext context = new(seed: 1);
    private readonly Means means = new();

    public void Dispose()
    {
        folder.Dispose();
        means.Dispose();
    }

    [Fact]
    public void Paths_and_bytes_become_vectors_of_known_length()
    {
        foreach (var seed in Enumerable.Range(0, 5))
            Pictures.Write(folder[$"{seed}.png"], seed);
        var data = context.Data.LoadFromEnumerable(Enumerable.Range(0, 5).Select(seed
            => new Row { Image = $"{seed}.png", Bytes = Pictures.Encoded(seed) }));
        var pipeline = context.Transforms.ExtractFeatures("A", nameof(Row.Image), means.Extract, means, imageFolder: folder.Root)
            .Append(context.Transforms.ExtractFeatures("B", nameof(Row.Bytes), means.Extract, means, key: "mean"));
        var transformed = pipeline.Fit(data).Transform(data);
        foreach (var name in new[] { "A", "B" })
        {
            var column = transformed.Schema[name];
            Assert.Equal(new VectorDataViewType(NumberDataViewType.Single, 3), column.Type);
            foreach (var (seed, vector) in transformed.GetColumn<float[]>(column).Index())
                Means.AssertAre(Means.Of(seed), vector);
        }
        Assert.Equal(["Image", "Bytes", "Kind", "A", "B"], transformed.Schema.Select(column => column.Name));
    }

    [Fact]
    public void A_trainer_learns_from_them_and_predicts_of_a_single_row()
    {
        var data = context.Data.LoadFromEnumerable(Enumerable.Range(0, 20).Select(seed
            => new Row { Bytes = Plain(seed % 2 == 0 ? 200 : 40, seed), Kind = seed % 2 == 0 }));
        var pipeline = context.Transforms.ExtractFeatures("Features", nameof(Row.Bytes), means.Extract, means)
            .Append(context.BinaryClassification.Trainers.LbfgsLogisticRegression(nameof(Row.Kind)));
        var learnt = pipeline.Fit(data);
        using var engine = context.Model.CreatePredictionEngine<Row, Answer>(learnt);
        Assert.True(engine.Predict(new() { Bytes = Plain(190, 3) }).PredictedLabel);
        Assert.False(engine.Predict(new() { Bytes = Plain(50, 4) }).PredictedLabel);
    }

    [Fact]
    public void What_can_not_be_extracted_is_refused()
    {
        var data = context.Data.LoadFromEnumerable([new Row { Image = folder["none.png"], Bytes = [1, 2, 3] }]);
        Assert.Equal("There is no column 'Photo' with images.", Assert.Throws<ArgumentException>(() => Extract("Photo").Fit(data)).Message);
        Assert.Equal("The column 'Kind' is Boolean: features are extracted from paths (text) or the bytes of image files (a vector of Byte, as LoadRawImageBytes gives).",
            Assert.Throws<ArgumentException>(() => Extract("Kind").Fit(data)).Message);
        Assert.StartsWith("The model gives no features 'layer4'; it gives 'mean'.",
            Assert.Throws<ArgumentException>(() => context.Transforms.ExtractFeatures("F", "Image", means.Extract, means, "layer4"))
                .Message);
        var missing = Record.Exception(() => Extract("Image").Fit(data).Transform(data).GetColumn<float[]>("F").ToArray());
        Assert.Contains(folder["none.png"], Innermost(missing!).Message);
        var broken = Record.Exception(() => Extract("Bytes").Fit(data).Transform(data).GetColumn<float[]>("F").ToArray());
        Assert.Equal("The image is not an image of a known format (JPEG, PNG, WebP, BMP, GIF), or its header is damaged.",
            Innermost(broken!).Message);

        Fx.ML.ExtractFeaturesEstimator Extract(string column) => context.Transforms.ExtractFeatures("F", column, means.Extract, means);

        static Exception Innermost(Exception error) => error.InnerException is { } inner ? Innermost(inner) : error;
    }

    private static byte[] Plain(int grey, int seed)
    {
        using var picture = full([3, 9, 9], grey + seed % 5, dtype: ScalarType.Byte);
        return Vision.io.encode_png(picture);
    }

    private sealed class Row
    {
        public string Image { get; set; } = "";

        public byte[] Bytes { get; set; } = [];

        public bool Kind { get; set; }
    }

    private sealed class Answer
    {
        public bool PredictedLabel { get; set; }
    }
}
