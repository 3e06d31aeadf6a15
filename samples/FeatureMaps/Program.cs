using SkiaSharp;
using TorchSharp.Fx;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

// Draws a photograph and, beside it, where each stage of resnet18 responds: the mean of its channels' absolute activations.
// dotnet run --project samples/FeatureMaps -- samples/images/coffee.png feature-maps.png [weights.safetensors]
const int Tile = 224, Gap = 8;

if (args is not [var photo, var picture, ..])
{
    Console.Error.WriteLine("Give a photograph and the file to draw to: dotnet run --project samples/FeatureMaps -- PHOTO PICTURE.png [WEIGHTS.safetensors]");
    return 2;
}

using var inference = no_grad();
random.manual_seed(0);
using var model = models.resnet18();
if (args.Length > 2)
    model.load_weights(args[2]);
model.eval();

using var preprocess = new ImageClassification(crop_size: Tile, resize_size: 256);
using var image = io.read_image(photo);
using var input = preprocess.call(image).unsqueeze(0);
using var extractor = feature_extraction.create_feature_extractor(model, ["layer1", "layer2", "layer3", "layer4"]);
using var features = extractor.call(input);

using var canvas = new SKBitmap(Tile * (1 + features.Count) + Gap * features.Count, Tile);
using var drawing = new SKCanvas(canvas);
drawing.Clear(SKColors.White);
var photoValues = input[0].mean([0]).data<float>().ToArray();
Paint(0, (y, x) => Grey(photoValues[y * Tile + x]));
foreach (var (i, (name, feature)) in features.Index())
{
    using var heat = feature[0].abs().mean([0]);
    using var normal = (heat - heat.min()) / (heat.max() - heat.min());
    var values = normal.data<float>().ToArray();
    var size = (int)normal.shape[0];
    Paint(i + 1, (y, x) => Heat(values[y * size / Tile * size + x * size / Tile]));
    Console.WriteLine($"{name,-8} [{string.Join(", ", feature.shape)}]");
}

using var data = canvas.Encode(SKEncodedImageFormat.Png, 100);
File.WriteAllBytes(picture, data.ToArray());
return 0;

void Paint(int tile, Func<int, int, SKColor> color)
{
    for (var y = 0; y < Tile; y++)
        for (var x = 0; x < Tile; x++)
            canvas.SetPixel(tile * (Tile + Gap) + x, y, color(y, x));
}

static SKColor Grey(float value)
{
    var level = (byte)Math.Clamp(128 + 56 * value, 0, 255);
    return new SKColor(level, level, level);
}

// Dark blue over orange to light yellow.
static SKColor Heat(float value) => new(
    (byte)Math.Clamp(255 * (1.5f * value), 0, 255),
    (byte)Math.Clamp(255 * (1.8f * value - 0.5f), 0, 255),
    (byte)Math.Clamp(255 * (value < 0.4f ? 0.25f + value : 1.1f - 1.2f * value), 0, 255));
