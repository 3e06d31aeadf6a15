using TorchSharp.Fx.Testing;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Vision.Tests.Features;

public sealed class PictureTests
{
    [Theory]
    [InlineData("resnet50"), InlineData("inception_v3"), InlineData("densenet121"), InlineData("swin_v2_t"), InlineData("efficientnet_b0"), InlineData("mvit_v2_s")]
    public void A_picture_of_a_model_can_be_read(string name)
    {
        using var model = models.get_model(name, device: META);
        var graph = new NodePathTracer().trace(model);
        new SvgPicture(graph.to_svg(name, model)).AssertShows(graph);
    }
}
