using System.Text;

namespace TorchSharp.Fx.TorchScript;

/// <summary>
/// The classes of an exported module's parts, in TorchScript's source and as objects of them. Modules of one class that hold the same share
/// one.
/// </summary>
internal sealed class ScriptClasses
{
    // What each class says of itself.
    private static readonly string[] Reserved =
        ["training", "__parameters__", "__buffers__", "__annotations__", "__constants__", "__forward_hooks__", "__forward_pre_hooks__"];

    private readonly ScriptState root;
    private readonly Namespace names = new();
    private readonly Dictionary<string, string> namesByBody = new(StringComparer.Ordinal);
    private readonly Dictionary<ScriptState, string> classes = [];
    private readonly StringBuilder source = new();

    internal ScriptClasses(ScriptState root, string forward)
    {
        this.root = root;
        Define(root, forward);
    }

    internal string Source => source.ToString();

    /// <summary>Writes the root as an object with all that it holds.</summary>
    internal void Write(PickleWriter pickle) => Write(pickle, root);

    private void Write(PickleWriter pickle, ScriptState module) => pickle.Instance("__torch__", classes[module], () =>
    {
        foreach (var (name, tensor) in module.Parameters.Concat(module.Buffers))
        {
            pickle.Text(name);
            pickle.Tensor(tensor);
        }
        pickle.Text("training");
        pickle.Bool(module.Training);
        foreach (var (name, child) in module.Children)
        {
            pickle.Text(name);
            Write(pickle, child);
        }
    });

    private string Define(ScriptState module, string methods)
    {
        foreach (var name in module.Parameters.Keys.Concat(module.Buffers.Keys).Concat(module.Children.Keys))
            if (Array.IndexOf(Reserved, name) >= 0 || methods.Contains($"  def {name}(", StringComparison.Ordinal))
                throw new ArgumentException(
                    $"'{name}' of a {module.Type} can't be exported to TorchScript, which keeps that name for itself. Give the submodule, "
                        + "parameter or buffer another name.");
        var body = new StringBuilder();
        body.Append("  __parameters__ = [").AppendJoin("", module.Parameters.Keys.Select(name => torchscript.Quoted(name) + ", "))
            .Append("]\n");
        body.Append("  __buffers__ = [").AppendJoin("", module.Buffers.Keys.Select(name => torchscript.Quoted(name) + ", ")).Append("]\n");
        foreach (var name in module.Parameters.Keys.Concat(module.Buffers.Keys))
            body.Append(Declared(name, "Tensor"));
        body.Append(Declared("training", "bool"));
        foreach (var (name, child) in module.Children)
            body.Append(Declared(name, "__torch__." + Define(child, "")));
        body.Append(methods);
        if (!namesByBody.TryGetValue(module.Type + body, out var known))
        {
            namesByBody.Add(module.Type + body, known = names.Create(module.Type));
            source.Append("class ").Append(known).Append("(Module):\n").Append(body);
        }
        return classes[module] = known;
    }

    private static string Declared(string name, string type)
        => ScriptState.IsIdentifier(name) ? $"  {name} : {type}\n" : $"  __annotations__[{torchscript.Quoted(name)}] = {type}\n";
}
