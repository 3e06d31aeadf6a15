namespace TorchSharp.Fx.Cli.Tests;

/// <summary>How a class of an assembly is named, and what is said where the name could be several.</summary>
public sealed class NamedClassTests
{
    [Theory]
    [InlineData("Twin", "'Twin' could be any of 'TestModels.Large.Twin', 'TestModels.Small.Twin' in 'TestModels.dll': write more of the name.")]
    public void A_name_of_several_classes_is_said_to_be(string name, string sentence)
        => Torchfx.Run("nodes", $"TestModels.dll:{name}").AssertFailed(sentence, exitCode: 2);

    [Theory]
    [InlineData("Small.Twin", "relu")]
    [InlineData("TestModels.Large.Twin", "tanh")]
    [InlineData("Net", "sigmoid")]
    [InlineData("Outer.Net", "sigmoid")]
    [InlineData("Large.Outer.Net", "sigmoid")]
    [InlineData("TestModels.Large.Outer+Net", "sigmoid")]
    public void As_much_of_a_name_will_do_as_only_one_class_has(string name, string node)
    {
        var run = Torchfx.Run("nodes", $"TestModels.dll:{name}", "--mode", "eval", "--format", "json");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Contains($"\"{node}\"", run.Out);
    }

    [Fact]
    public void A_recursion_without_an_end_is_shown_once()
    {
        var run = Torchfx.Run("trace", "TestModels.dll:Endless");
        Assert.StartsWith("torchfx: FX011: Endless.", run.Error);
        var calls = run.Error.Split('\n').Where(line => line.StartsWith("  at ", StringComparison.Ordinal)).Order(StringComparer.Ordinal).ToArray();
        Assert.Equal(["  at Endless.Down (the root module), Deep.cs:12", "  at Endless.Further (the root module), Deep.cs:14", "  at Endless.forward (the root module), Deep.cs:10"], calls);
    }
}
