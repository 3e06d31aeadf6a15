using System.Text.Json;
using TorchSharp.Fx.Testing;
using TorchSharp.Fx.Vision;

namespace TorchSharp.Fx.Cli.Tests;

public sealed class ModelsTests
{
    [Fact]
    public void Json_has_every_model_with_its_parameters_as_torchvision_counts_them()
    {
        var run = Torchfx.Run("models", "--format", "json");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        using var json = JsonDocument.Parse(run.Out);
        Assert.Equal(models.list_models(), json.RootElement.EnumerateArray().Select(row => row.GetProperty("model").GetString()!));
        Assert.All(json.RootElement.EnumerateArray(), row =>
        {
            var model = row.GetProperty("model").GetString()!;
            if (Golden.Has("node_names", model))
                Assert.Equal(Golden.Parameters(model), row.GetProperty("parameters").GetInt64());
            Assert.Equal(models.get_model_info(model).input_shape, row.GetProperty("input").EnumerateArray().Select(size => size.GetInt64()));
        });
    }

    [Fact]
    public void The_table_has_a_line_for_each()
    {
        var run = Torchfx.Run("models");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Contains(run.Lines, line => line.Contains(" resnet18 ", StringComparison.Ordinal) && line.Contains(" 11,689,512 ", StringComparison.Ordinal));
        Assert.All(models.list_models(), name => Assert.Contains(run.Lines, line =>
            line.Contains($" {name} ", StringComparison.Ordinal) && line.Contains($" {models.get_model_info(name).num_classes} ", StringComparison.Ordinal)));
    }
}
