namespace TorchSharp.Fx.Cli;

/// <summary><c>torchfx weights</c></summary>
internal sealed class WeightsCommand : ToolCommand
{
    public WeightsCommand() : base("weights", "Lists published weights; shows, converts and checks files of weights.",
        "weights list resnet50", "weights info ResNet50_Weights.IMAGENET1K_V2", "weights convert checkpoint.pth model.safetensors",
        "weights verify resnet50-11ad3fa6.pth")
    {
        Add(new WeightsListCommand());
        Add(new WeightsInfoCommand());
        Add(new WeightsConvertCommand());
        Add(new WeightsVerifyCommand());
    }
}
