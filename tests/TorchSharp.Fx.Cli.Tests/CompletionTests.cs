using System.Diagnostics;

namespace TorchSharp.Fx.Cli.Tests;

/// <summary>What a shell offers, asked as the scripts ask it, and through bash itself.</summary>
public sealed class CompletionTests
{
    [Theory]
    [InlineData("torchfx sum", "summary")]
    [InlineData("torchfx weights conv", "convert")]
    [InlineData("torchfx graph resnet18 --form", "--format")]
    [InlineData("torchfx graph resnet18 --format cs", "csharp")]
    [InlineData("torchfx completion z", "zsh")]
    [InlineData("torchfx nodes resnet1", "resnet101", "resnet152", "resnet18", "resnet18-trained")]
    [InlineData("torchfx trace TestModels.dll:TestModels.En", "TestModels.dll:TestModels.Encoder", "TestModels.dll:TestModels.Endless")]
    [InlineData("torchfx extract resnet18 a.png --nodes layer1.0.c", "layer1.0.conv1", "layer1.0.conv2")]
    [InlineData("torchfx extract resnet18 a.png --nodes layer1,av", "layer1,avgpool")]
    [InlineData("torchfx nodes resnet18 --match layer4.1.r", "layer4.1.relu", "layer4.1.relu_1")]
    [InlineData("torchfx graph TestModels.dll:Small.Twin --nodes re", "relu")]
    [InlineData("torchfx graph no_such_model --nodes re")]
    public void Commands_options_models_and_nodes_are_offered(string line, params string[] offered)
    {
        var run = Torchfx.Run($"[suggest:{line.Length}]", line);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Equal(offered, run.Lines);
    }

    [Theory]
    [InlineData("torchfx nodes resnet1", "resnet101 resnet152 resnet18 resnet18-trained")]
    [InlineData("torchfx extract resnet18 a.png --nodes layer1.0.conv", "layer1.0.conv1 layer1.0.conv2")]
    // Bash ends a word at the colon, and only puts what is after it.
    [InlineData("torchfx trace TestModels.dll:TestModels.En", "TestModels.Encoder TestModels.Endless")]
    public void Bash_completes_by_the_script(string line, string offered)
    {
        Assert.SkipUnless(File.Exists("/bin/bash"), "there is no bash");
        var script = Torchfx.Run("completion", "bash");
        Assert.Equal((0, ""), (script.ExitCode, script.Error));
        var program = $$"""
            torchfx() { dotnet "{{Path.Combine(AppContext.BaseDirectory, "torchfx.dll")}}" "$@"; }
            {{script.Out}}
            COMP_LINE="{{line}}"; COMP_POINT=${#COMP_LINE}; last="${COMP_LINE##*[ ]}"; COMP_WORDS=(torchfx "${last##*:}"); COMP_CWORD=1
            _torchfx
            echo "${COMPREPLY[*]}"
            """;
        using var bash = Process.Start(new ProcessStartInfo("/bin/bash", ["-c", program]) { RedirectStandardOutput = true, WorkingDirectory = AppContext.BaseDirectory })!;
        Assert.Equal(offered, bash.StandardOutput.ReadToEnd().TrimEnd());
        bash.WaitForExit();
        Assert.Equal(0, bash.ExitCode);
    }

    [Theory]
    [InlineData("zsh", "compdef _torchfx torchfx\n")]
    [InlineData("pwsh", "Register-ArgumentCompleter -Native -CommandName torchfx -ScriptBlock {\n")]
    public void Other_shells_have_scripts_too(string shell, string line)
    {
        var script = Torchfx.Run("completion", shell);
        Assert.Equal((0, ""), (script.ExitCode, script.Error));
        Assert.Contains(line, script.Out);
        Assert.Contains("[suggest:", script.Out);
    }

    [Fact]
    public void Another_shell_is_refused_with_those_that_there_are()
    {
        var run = Torchfx.Run("completion", "fish");
        Assert.Equal((2, ""), (run.ExitCode, run.Out));
        Assert.Contains("'bash' 'zsh' 'pwsh'", run.Error);
    }
}
