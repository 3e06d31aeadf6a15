// Learns by ML.NET what photographs show, from the names of the folders that they lie in, and tells what another one shows:
//   dotnet run --project samples/MachineLearning -- photos new.jpg
// where photos has a folder for each kind. The weights are random here; models.get_model("resnet18", weights: "DEFAULT") loads trained ones.
using Microsoft.ML;
using TorchSharp;
using TorchSharp.Fx;
using TorchSharp.Fx.Vision;

torch.manual_seed(0);
using var model = models.resnet18();
model.eval();
using var extractor = feature_extraction.create_feature_extractor(model, ["flatten"]);
using var preprocessing = new ImageClassification(crop_size: 224);

var context = new MLContext(seed: 0);
var photos = Directory.GetDirectories(args[0]).SelectMany(folder
    => Directory.GetFiles(folder).Select(file => new Photo { Path = file, Kind = Path.GetFileName(folder) }));
var pipeline = context.Transforms.ExtractFeatures("Features", nameof(Photo.Path), extractor.call, preprocessing)
    .AppendCacheCheckpoint(context)
    .Append(context.Transforms.Conversion.MapValueToKey("Label", nameof(Photo.Kind)))
    .Append(context.MulticlassClassification.Trainers.LbfgsMaximumEntropy())
    .Append(context.Transforms.Conversion.MapKeyToValue("PredictedLabel"));
var learnt = pipeline.Fit(context.Data.LoadFromEnumerable(photos));

using var engine = context.Model.CreatePredictionEngine<Photo, Prediction>(learnt);
Console.WriteLine($"{Path.GetFileName(args[1])}: {engine.Predict(new() { Path = args[1] }).PredictedLabel}");

internal sealed class Photo
{
    public string Path { get; set; } = "";

    public string Kind { get; set; } = "";
}

internal sealed class Prediction
{
    public string PredictedLabel { get; set; } = "";
}
