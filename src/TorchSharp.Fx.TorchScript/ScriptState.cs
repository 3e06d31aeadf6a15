using static TorchSharp.torch;

namespace TorchSharp.Fx.TorchScript;

/// <summary>A module's parameters, buffers and children, those of them that hold any.</summary>
/// <param name="type">The name of the C# class.</param>
/// <param name="training">Whether it is in training mode.</param>
internal sealed class ScriptState(string type, bool training)
{
    internal string Type => type;

    internal bool Training => training;

    internal Dictionary<string, Tensor> Parameters { get; } = new(StringComparer.Ordinal);

    internal Dictionary<string, Tensor> Buffers { get; } = new(StringComparer.Ordinal);

    internal Dictionary<string, ScriptState> Children { get; } = new(StringComparer.Ordinal);

    internal static ScriptState Of(nn.Module module)
    {
        var program = ((IGraphModule)module).Program;
        var root = new ScriptState(TypeName(program.Source.Root), module.training);
        // Those of each module by itself: over all of them, tied ones are named once.
        foreach (var (path, part) in module.named_modules().Prepend(("", module)))
            if (part.named_parameters(recurse: false).Any() || part.named_buffers(recurse: false).Any())
                root.Make(path, module).Include(part, program.Constants);
        return root;
    }

    /// <summary>How <c>forward</c> reads a parameter or buffer; null where there is none of that name.</summary>
    internal string? Find(string path)
    {
        var (holder, expression) = (this, "self");
        foreach (var part in path.Split('.')[..^1])
        {
            if (!holder.Children.TryGetValue(part, out holder!))
                return null;
            expression = Member(expression, part);
        }
        var (_, name) = ModuleHierarchy.Split(path);
        return holder.Parameters.ContainsKey(name) || holder.Buffers.ContainsKey(name) ? Member(expression, name) : null;
    }

    /// <summary>Whether a name can stand after a dot.</summary>
    internal static bool IsIdentifier(string name)
        => !PythonNames.IsReserved(name) && name.All(letter => char.IsAsciiLetterOrDigit(letter) || letter == '_')
            && !char.IsAsciiDigit(name[0]);

    private static string Member(string expression, string name)
        => IsIdentifier(name) ? $"{expression}.{name}" : $"getattr({expression}, {torchscript.Quoted(name)})";

    private void Include(nn.Module module, IReadOnlyDictionary<string, Tensor> constants)
    {
        foreach (var (name, parameter) in module.named_parameters(recurse: false))
            Parameters.TryAdd(name, parameter);
        foreach (var (name, buffer) in module.named_buffers(recurse: false))
            if (!constants.ContainsKey(name))
                Buffers.TryAdd(name, buffer);
    }

    private ScriptState Make(string path, nn.Module root)
    {
        var (state, module) = (this, root);
        foreach (var part in path.Split('.', StringSplitOptions.RemoveEmptyEntries))
        {
            module = module.named_children().First(child => child.name == part).module;
            if (!state.Children.TryGetValue(part, out var child))
                state.Children.Add(part, child = new(TypeName(module), module.training));
            state = child;
        }
        return state;
    }

    private static string TypeName(nn.Module module)
    {
        var name = new string([.. module.GetType().Name.TakeWhile(letter => char.IsAsciiLetterOrDigit(letter) || letter == '_')]);
        return name is "" or "Module" || char.IsAsciiDigit(name[0]) ? name + "_" : name;
    }
}
