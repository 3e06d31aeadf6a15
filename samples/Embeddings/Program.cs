// Which photographs are alike, by Microsoft.Extensions.AI:
//   dotnet run --project samples/Embeddings -- samples/images/*.*g
// The weights are random here; models.get_model("resnet18", weights: "DEFAULT") loads trained ones.
using System.Numerics.Tensors;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using TorchSharp;
using TorchSharp.Fx.Extensions.AI;
using TorchSharp.Fx.Vision;

torch.manual_seed(0);
var services = new ServiceCollection();
services.AddTorchFxEmbeddings(_ => TorchFxEmbeddingModel.Of(models.resnet18(), "flatten", new ImageClassification(crop_size: 224),
    "resnet18"));
await using var provider = services.BuildServiceProvider();

// Whatever needs embeddings asks for this interface; any number of callers at once.
var generator = provider.GetRequiredService<IEmbeddingGenerator<DataContent, Embedding<float>>>();
var photographs = await Task.WhenAll(args.Select(async path => await DataContent.LoadFromAsync(path)));
var embeddings = await generator.GenerateAsync(photographs);

for (var i = 0; i < args.Length; i++)
    for (var j = i + 1; j < args.Length; j++)
    {
        var similarity = TensorPrimitives.CosineSimilarity(embeddings[i].Vector.Span, embeddings[j].Vector.Span);
        Console.WriteLine(FormattableString.Invariant($"{Path.GetFileName(args[i])} and {Path.GetFileName(args[j])}: {similarity:F3}"));
    }
