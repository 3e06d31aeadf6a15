using System.Text;
using static TorchSharp.torch;

namespace TorchSharp.Fx.TorchScript;

/// <summary>The exported module while it is written: the statements of <c>forward</c>, the names they use, and the tensors.</summary>
internal sealed class Script : IDisposable
{
    // What the source itself says, or TorchScript keeps for itself.
    private static readonly string[] Taken =
        ["self", "ops", "annotate", "CONSTANTS", "Tensor", "List", "Dict", "Tuple", "Optional", "Module", "Device", "number",
            "uninitialized", "_values"];

    private readonly Namespace names = new();
    private readonly StringBuilder lines = new();
    private readonly SortedSet<string> helpers = new(StringComparer.Ordinal);
    private readonly Dictionary<Tensor, string> constants = new(ReferenceEqualityComparer.Instance);
    private readonly List<Tensor> owned = [];

    internal Script(nn.Module module)
    {
        State = ScriptState.Of(module);
        Array.ForEach(Taken, name => names.Create(name));
    }

    /// <summary>The modules with their parameters and buffers.</summary>
    internal ScriptState State { get; }

    /// <summary>The tensors that belong to no module.</summary>
    internal List<Tensor> Constants => [.. constants.Keys];

    /// <summary>The functions that <c>forward</c> calls.</summary>
    internal string Helpers => string.Concat(helpers);

    /// <summary>The statements so far.</summary>
    internal string Lines => lines.ToString();

    internal string Name(string wanted) => names.Create(wanted);

    internal void Add(string statement) => lines.Append("    ").Append(statement).Append('\n');

    /// <summary>Gives a value a name.</summary>
    internal string Assign(string wanted, string expression)
    {
        var name = Name(wanted);
        Add($"{name} = {expression}");
        return name;
    }

    /// <summary>A tensor: the parameter or buffer of that name, or a constant.</summary>
    internal string TensorOf(string path, Tensor tensor)
    {
        if (State.Find(path) is { } expression)
            return expression;
        if (!constants.TryGetValue(tensor, out var constant))
            constants.Add(tensor, constant = $"CONSTANTS.c{constants.Count}");
        return constant;
    }

    /// <summary>Adds a function that TorchScript lacks.</summary>
    internal string Helper(string name, string source)
    {
        helpers.Add(source.ReplaceLineEndings("\n") + "\n");
        return "__torch__." + name;
    }

    /// <summary>Takes over tensors that were made on the way.</summary>
    internal void Own(IEnumerable<Tensor> tensors) => owned.AddRange(tensors);

    public void Dispose() => owned.ForEach(tensor => tensor.Dispose());
}
