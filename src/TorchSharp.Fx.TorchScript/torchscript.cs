using System.Globalization;
using static TorchSharp.torch;

namespace TorchSharp.Fx.TorchScript;

/// <summary>Exports to TorchScript. Counterpart: <c>torch.jit.script</c> followed by <c>torch.jit.save</c>.</summary>
public static class torchscript
{
    // The one that PyTorch 1.13 writes; later versions read it.
    private const int Version = 10;

    /// <summary>
    /// Writes a graph module or a feature extractor, in its present mode, as an archive for <c>torch.jit.load</c> of PyTorch and
    /// TorchSharp. Parameters and buffers keep the names of <c>state_dict</c>, inputs those of <c>forward</c>. Sizes are computed when it
    /// runs. Leaf modules and functions of your own are traced into the archive. Counterpart: <c>torch.jit.save</c>.
    /// </summary>
    /// <param name="graph_module">A module that <c>symbolic_trace</c> or <c>create_feature_extractor</c> made.</param>
    /// <param name="path">The file. An existing file is replaced only when the new one is complete.</param>
    /// <param name="example_inputs">A tensor or an <see cref="InputShape"/> for each input. They are needed where your own leaves branch on
    /// sizes. The archive then holds for sizes that take the same branches, and asserts this.</param>
    /// <exception cref="TorchScriptExportException">A node can't be expressed in TorchScript. The message names the node, its C# line and
    /// what is supported.</exception>
    public static void export(nn.Module graph_module, string path, IReadOnlyList<object?>? example_inputs = null)
    {
        if (graph_module is not IGraphModule { Program: var program })
            throw new ArgumentException(
                $"{graph_module?.GetType().Name} is no graph module: export what fx.symbolic_trace or "
                    + "feature_extraction.create_feature_extractor makes of it.", nameof(graph_module));
        Hooks.Refuse((IGraphModule)graph_module, "exported to TorchScript");
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var script = new Script(graph_module);
        var code = ScriptedLeaf.Of(program);
        var forward =
            new Translator(script, code, "", example_inputs is null ? null : new(() => code.Run(Examples(example_inputs)))).Forward();
        var classes = new ScriptClasses(script.State, forward);
        AtomicFile.Write(path, stream =>
        {
            var archive = new TorchArchive(stream, Path.GetFileNameWithoutExtension(path), Version);
            archive.Add("data", classes.Write);
            archive.Add("code/__torch__.py", classes.Source + script.Helpers);
            archive.Add("constants", pickle => pickle.Tuple(() => script.Constants.ForEach(pickle.Tensor)));
            archive.Finish();
        });
    }

    private static object?[] Examples(IReadOnlyList<object?> inputs)
    {
        var sizes = InputShape.FreeDimensions(inputs).ToDictionary(letter => letter.Letter, letter => letter.Size);
        return [.. inputs.Select(input => input switch
        {
            InputShape shape => shape.Example(sizes, 0, CPU),
            Tensor tensor => tensor.clone(),
            _ => input,
        })];
    }

    /// <summary>A number as TorchScript writes it: one with a fraction has a point, or it would be an integer.</summary>
    internal static string Number(double number) => number switch
    {
        double.PositiveInfinity => "float(\"inf\")",
        double.NegativeInfinity => "float(\"-inf\")",
        double.NaN => "float(\"nan\")",
        _ => number.ToString("R", CultureInfo.InvariantCulture) is var digits && digits.AsSpan().IndexOfAny('.', 'E') < 0
            ? digits + ".0" : digits.Replace("E", "e", StringComparison.Ordinal),
    };

    /// <summary>A text in quotes.</summary>
    internal static string Quoted(string text)
        => $"\"{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal).Replace("\r", "\\r", StringComparison.Ordinal)}\"";
}
