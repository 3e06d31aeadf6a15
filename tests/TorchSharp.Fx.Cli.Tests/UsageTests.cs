namespace TorchSharp.Fx.Cli.Tests;

public sealed class UsageTests
{
    [Fact]
    public void Help_of_the_tool_names_every_command_and_shows_examples()
    {
        var help = Torchfx.Run("--help");
        Assert.Equal(0, help.ExitCode);
        Assert.All(["models", "nodes <MODEL>", "graph <MODEL>", "summary <MODEL>", "trace <MODEL>", "extract <MODEL> <INPUT>", "doctor", "--version", "--verbose"], text => Assert.Contains(text, help.Out));
        Assert.Contains("Examples:\n  torchfx models\n  torchfx explore resnet18-trained samples/images\n  torchfx nodes resnet18\n", help.Out);
        Assert.Equal("", help.Error);
    }

    [Fact]
    public void Nothing_at_all_prints_the_help()
    {
        var run = Torchfx.Run();
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Equal(Torchfx.Run("--help").Out, run.Out);
    }

    [Fact]
    public void A_group_of_commands_prints_its_help()
    {
        var run = Torchfx.Run("weights");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Equal(Torchfx.Run("weights", "--help").Out, run.Out);
    }

    [Theory]
    [InlineData("verify", "torchfx verify resnet18")]
    [InlineData("completion", "torchfx completion bash >> ~/.bashrc")]
    [InlineData("models", "torchfx models --format json")]
    [InlineData("nodes", "torchfx nodes inception_v3 --mode train --format json")]
    [InlineData("graph", "torchfx graph resnet18 --nodes layer1,layer4.1=last --format csharp")]
    [InlineData("extract", "torchfx extract resnet18 photo.jpg --nodes layer4 --out features")]
    [InlineData("trace", "torchfx trace resnet18 --report")]
    [InlineData("weights", "torchfx weights list resnet50")]
    [InlineData("doctor", "torchfx doctor")]
    public void Help_of_a_command_shows_examples(string command, string example)
    {
        var help = Torchfx.Run(command, "--help");
        Assert.Equal((0, ""), (help.ExitCode, help.Error));
        Assert.Contains($"  {example}\n", help.Out[help.Out.IndexOf("Examples:", StringComparison.Ordinal)..]);
    }

    [Fact]
    public void Version_is_a_version_and_nothing_else()
    {
        var version = Torchfx.Run("--version");
        Assert.Equal(0, version.ExitCode);
        Assert.Matches(@"^\d+\.\d+\.\d+\n$", version.Out);
    }

    [Theory]
    [InlineData("nodes", "Required argument 'MODEL' missing for command: 'nodes'.", "nodes")]
    [InlineData("nodes resnet18 --format yaml", "Argument 'yaml' not recognized. Must be one of: 'table' 'json'", "nodes")]
    [InlineData("extract resnet18 x.png --nodes fc --out o --batch 0", "--batch must be 1 or more, not 0.", "extract")]
    public void A_wrong_command_line_exits_with_2_and_says_where_help_is(string line, string message, string command)
    {
        var run = Torchfx.Run(line.Split(' '));
        Assert.Equal(2, run.ExitCode);
        Assert.Equal("", run.Out);
        Assert.Equal($"torchfx: {message}\nRun 'torchfx {command} --help' to see how it is used.\n", run.Error);
    }

    [Theory]
    [InlineData("--nodes", ",", "--nodes names no node: write NAME or NAME=KEY, separated by commas.")]
    [InlineData("--nodes", "a=", "--nodes has 'a=', which is neither NAME nor NAME=KEY.")]
    [InlineData("--nodes", "fc,fc=x", "--nodes asks for the node 'fc' twice.")]
    [InlineData("--nodes", "fc=x,relu=x", "--nodes gives the key 'x' to two nodes.")]
    [InlineData("--input", "1x3x?", "The input '1x3x?' can't be read: '?' is neither a size nor a capital letter. Write sizes with x between them, as in 1x3x224x224, Nx3x224x224 (N stays free) or 1x16:int64.")]
    [InlineData("--allow-value-specialization", "true", "--allow-value-specialization goes by the values of example inputs: give them with --input.")]
    [InlineData("--args", "{}", "--args is for the constructor of a type (path/To.dll:Namespace.Type), and 'resnet18' is a model of the catalogue.")]
    public void What_options_say_is_checked(string option, string value, string sentence)
        => Torchfx.Run("graph", "resnet18", option, value).AssertFailed(sentence, exitCode: 2);
}
