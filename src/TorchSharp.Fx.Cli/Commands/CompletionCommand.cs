using System.CommandLine;

namespace TorchSharp.Fx.Cli;

/// <summary><c>torchfx completion bash|zsh|pwsh</c></summary>
internal sealed class CompletionCommand : ToolCommand
{
    // Bash ends words at ':' and '=', too, and puts what it is given after the last of them.
    private const string Bash = """
        # torchfx: commands, options, models and node names.   source <(torchfx completion bash)
        _torchfx() {
            local line="${COMP_LINE:0:COMP_POINT}" word candidate
            word="${line##*[[:space:]]}"
            COMPREPLY=()
            while IFS= read -r candidate; do
                [[ -n "$candidate" && "$candidate" == "$word"* ]] && COMPREPLY+=("${candidate#"${word%"${COMP_WORDS[COMP_CWORD]}"}"}")
            done < <(torchfx "[suggest:${#line}]" "$line" 2>/dev/null)
        }
        complete -o default -F _torchfx torchfx

        """;

    private const string Zsh = """
        #compdef torchfx
        # torchfx: commands, options, models and node names.   source <(torchfx completion zsh)
        _torchfx() {
            local line="${(j: :)words[1,CURRENT]}"
            local -a found
            found=("${(@f)$(torchfx "[suggest:${#line}]" "$line" 2>/dev/null)}")
            if [[ -n "${found[1]}" ]]; then compadd -- "${found[@]}"; else _files; fi
        }
        compdef _torchfx torchfx

        """;

    private const string Pwsh = """
        # torchfx: commands, options, models and node names.   torchfx completion pwsh | Out-String | Invoke-Expression
        Register-ArgumentCompleter -Native -CommandName torchfx -ScriptBlock {
            param($wordToComplete, $commandAst, $cursorPosition)
            $line = $commandAst.ToString().PadRight($cursorPosition)
            torchfx "[suggest:$cursorPosition]" "$line" 2>$null | Where-Object { $_ -like "$wordToComplete*" } | ForEach-Object {
                [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
            }
        }

        """;

    private readonly Argument<string> shell = new("SHELL") { Description = "The shell: bash, zsh or pwsh." };

    public CompletionCommand() : base("completion", "Prints a script that completes commands, options, models and node names in a shell.",
        "completion bash >> ~/.bashrc", "completion zsh > ~/.zfunc/_torchfx", "completion pwsh >> $PROFILE")
    {
        shell.AcceptOnlyFromAmong("bash", "zsh", "pwsh");
        Add(shell);
        SetAction(parsed =>
            Console.Out.Write(
                (parsed.GetRequiredValue(shell) switch { "bash" => Bash, "zsh" => Zsh, _ => Pwsh }).ReplaceLineEndings("\n")));
    }
}
