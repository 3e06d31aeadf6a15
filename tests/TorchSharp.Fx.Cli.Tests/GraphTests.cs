namespace TorchSharp.Fx.Cli.Tests;

public sealed class GraphTests
{
    [Fact]
    public void Text_of_a_cut_graph_is_what_the_extractor_runs()
    {
        var run = Torchfx.Run("graph", "resnet18", "--nodes", "maxpool=low,bn1");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        // relu works in place, so it gets a copy of what bn1 returned.
        Assert.Equal("""
            graph(%x):
                %x : [num_users=1] = placeholder[target=x]
                %conv1 : [num_users=1] = call_module[target=conv1](%x)
                %bn1 : [num_users=2] = call_module[target=bn1](%conv1)
                %clone : [num_users=1] = call_method[target=clone](%bn1)
                %relu : [num_users=1] = call_module[target=relu](%clone)
                %maxpool : [num_users=1] = call_module[target=maxpool](%relu)
                return {'bn1': %bn1, 'low': %maxpool}

            """, run.Out);
    }

    [Fact]
    public void Csharp_is_the_code_the_graph_stands_for()
    {
        var run = Torchfx.Run("graph", "resnet18", "--nodes", "maxpool", "--format", "csharp");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Equal("""
            using TorchSharp;
            using static TorchSharp.torch;

            sealed class TracedResNet(ResNet self)
            {
                public Dictionary<string, object> forward(Tensor x)
                {
                    var conv1 = self.conv1.call(x);
                    var bn1 = self.bn1.call(conv1);
                    var relu = self.relu.call(bn1);
                    var maxpool = self.maxpool.call(relu);
                    return new Dictionary<string, object> { ["maxpool"] = maxpool };
                }
            }

            """, run.Out);
    }

    [Fact]
    public void A_picture_opens_as_many_modules_as_it_is_told()
    {
        var run = Torchfx.Run("graph", "resnet18", "--format", "svg", "--depth", "1");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.StartsWith("<svg width=", run.Out);
        Assert.Equal(["layer1", "layer2", "layer3", "layer4"], run.Lines.Select(line => line.Split("data-module=\"")).Where(parts => parts.Length == 2).Select(parts => parts[1].Split('"')[0]));
        Assert.Contains("id=\"layer1.0\"", run.Out);
        Torchfx.Run("graph", "resnet18", "--depth", "1").AssertFailed("--depth is for a picture: add --format svg.", exitCode: 2);
        Torchfx.Run("graph", "resnet18", "--format", "svg", "--depth", "-1").AssertFailed("--depth counts modules inside each other, so it can't be -1.", exitCode: 2);
    }

    [Fact]
    public void Shapes_are_computed_without_weights_and_shown_on_every_line()
    {
        var run = Torchfx.Run("graph", "resnet18", "--shapes", "--nodes", "maxpool");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Equal("""
            graph(%x):
                %x : [num_users=1] = placeholder[target=x]  # float32[1, 3, 224, 224]
                %conv1 : [num_users=1] = call_module[target=conv1](%x)  # float32[1, 64, 112, 112]
                %bn1 : [num_users=1] = call_module[target=bn1](%conv1)  # float32[1, 64, 112, 112]
                %relu : [num_users=1] = call_module[target=relu](%bn1)  # float32[1, 64, 112, 112]
                %maxpool : [num_users=1] = call_module[target=maxpool](%relu)  # float32[1, 64, 56, 56]
                return {'maxpool': %maxpool}  # float32[1, 64, 56, 56]

            """, run.Out);
        Assert.Contains(">1×512×7×7</text>", Torchfx.Run("graph", "resnet18", "--shapes", "--format", "svg").Out);
    }

    [Fact]
    public void Shapes_of_a_users_class_follow_from_its_inputs()
    {
        Torchfx.Run("graph", "TestModels.dll:Ledger", "--shapes").AssertFailed("Shapes follow from those of the inputs: give --input for each input of 'TestModels.dll:Ledger', in order, as in --input 1x3x224x224.", exitCode: 2);
        var run = Torchfx.Run("graph", "TestModels.dll:Ledger", "--shapes", "--input", "3x4");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Contains("%stem : [num_users=1] = call_module[target=stem](%x)  # float32[3, 4]\n", run.Out);
        Assert.Contains("return %heads_0  # float32[3, 2]\n", run.Out);
        Torchfx.Run("graph", "resnet18", "--shapes", "--format", "csharp").AssertFailed("--shapes has no place in C# code: take another --format.", exitCode: 2);
    }

    [Fact]
    public void Every_stage_from_the_code_to_the_last_pass_can_be_looked_at()
    {
        var code = Torchfx.Run("graph", "resnet18", "--stage", "cil");
        Assert.Equal((0, ""), (code.ExitCode, code.Error));
        Assert.Equal("ResNet.forward(Tensor x) in TorchSharp.Fx.Vision", code.Lines[0]);
        Assert.Matches(@"^  ResNet\.cs:\d+", code.Lines[1]);
        Assert.Contains(code.Lines, line => line.EndsWith("Call    Module`2.call", StringComparison.Ordinal));
        Assert.Single(code.Lines, line => line.StartsWith("BasicBlock.forward(Tensor ", StringComparison.Ordinal));

        Assert.Contains("%getitem_1 : [num_users=0]", Torchfx.Run("graph", "vit_b_16", "--stage", "graph").Out);
        Assert.DoesNotContain("%getitem_1 : ", Torchfx.Run("graph", "vit_b_16", "--stage", "after:dead_code").Out);
        Assert.Contains("%getitem_1 : [num_users=0]", Torchfx.Run("graph", "vit_b_16", "--stage", "after:common_subexpressions").Out);
        Torchfx.Run("graph", "resnet18", "--stage", "after:luck").AssertFailed("There is no stage 'after:luck': the stages are cil, graph, after:common_subexpressions, after:dead_code.", exitCode: 2);
        Torchfx.Run("graph", "resnet18", "--stage", "cil", "--format", "dot").AssertFailed("--stage cil is the code before there is a graph: it goes with neither --format, --nodes nor --shapes.", exitCode: 2);
    }

    [Fact]
    public void The_whole_graph_ends_with_the_models_result()
    {
        var run = Torchfx.Run("graph", "resnet18");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.EndsWith("    %flatten : [num_users=1] = call_function[target=flatten](%avgpool, 1, -1)\n    %fc : [num_users=1] = call_module[target=fc](%flatten)\n    return %fc\n", run.Out);
    }

    [Fact]
    public void Both_modes_are_two_drawings_and_a_node_of_one_mode_needs_only_that()
    {
        var both = Torchfx.Run("graph", "inception_v3", "--mode", "both", "--format", "dot");
        Assert.Equal((0, ""), (both.ExitCode, both.Error));
        Assert.Equal(["digraph \"Inception3_train\" {", "digraph \"Inception3_eval\" {"], both.Lines.Where(line => line.StartsWith("digraph", StringComparison.Ordinal)));

        var auxiliary = Torchfx.Run("graph", "inception_v3", "--mode", "train", "--nodes", "AuxLogits.fc");
        Assert.EndsWith("return {'AuxLogits.fc': %aux_logits_fc}\n", auxiliary.Out);
        Assert.StartsWith("torchfx: node: 'AuxLogits.fc' is not present in model. ", Torchfx.Run("graph", "inception_v3", "--nodes", "AuxLogits.fc").Error);
    }
}
