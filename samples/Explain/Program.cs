// Where a network found its class, and whether it needs what it found there:
//   dotnet run --project samples/Explain -- samples/images/chelsea.png map.png [WEIGHTS.safetensors]
// Without weights of your own they are random, and so is the class.
using TorchSharp.Fx;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

if (args is not [var photo, var picture, ..])
{
    Console.Error.WriteLine("Give a photograph and the file to draw to: dotnet run --project samples/Explain -- PHOTO PICTURE.png [WEIGHTS.safetensors]");
    return 2;
}

using var scope = NewDisposeScope();
using var inference = no_grad();
random.manual_seed(0);
using var model = models.resnet18();
if (args.Length > 2)
    model.load_weights(args[2]);
model.eval();

using var preprocess = new ImageClassification(crop_size: 224, resize_size: 256);
var image = preprocess.call(io.read_image(photo)).unsqueeze(0);
var target = model.call(image).argmax(1).item<long>();

// The explanation, over the part of the photograph that the network sees.
var map = explain.grad_cam(model, image, "layer4", target)[0];
var (mean, std) = (tensor([0.485f, 0.456f, 0.406f]).view(3, 1, 1), tensor([0.229f, 0.224f, 0.225f]).view(3, 1, 1));
var seen = ((image[0] * std + mean) * 255).round().clamp(0, 255).to(ScalarType.Byte);
io.write_png(feature_visualization.show_cam_on_image(seen, map), picture);

// The test of it: the same network, blind at a third of the places.
var order = map.flatten().argsort(descending: true);
var third = order.shape[0] / 3;
using var extractor = feature_extraction.create_feature_extractor(model, ["layer4", "fc"]);
extractor.eval();
Console.WriteLine(FormattableString.Invariant($"class {target}: {Score(extractor):F4}"));
Tell("most", order[..(int)third]);
Tell("least", order[(int)(order.shape[0] - third)..]);
return 0;

void Tell(string which, Tensor places)
{
    var open = ones(map.numel()).index_fill(0, places, 0).view(map.shape);
    using var blind = extractor.intervene(new() { ["layer4"] = value => value * open });
    Console.WriteLine(FormattableString.Invariant($"without the places that count {which}: {Score(blind):F4}"));
}

float Score(DualGraphModule<Tensor> network)
{
    using var features = network.call(image);
    return features["fc"][0, target].item<float>();
}
