using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace TorchSharp.Fx.Explorers;

/// <summary>A request's parameters, read from its query.</summary>
internal sealed class Query(Session session, IQueryCollection given)
{
    /// <summary>A part that has to be there.</summary>
    internal string this[string name] => Text(name) ?? throw new ArgumentException($"The request lacks '{name}'.");

    internal GraphView View => session.View(new(Choice("mode", ViewKey.Eval, ViewKey.Train),
        Choice("form", ViewKey.Plain, ViewKey.Optimised, ViewKey.Quantised)));

    internal ExploredInput Input => session.Inputs[(int)Number("input", 0)];

    /// <summary>The input; null where none is chosen.</summary>
    internal ExploredInput? InputOrNone => Text("input") is null ? null : Input;

    /// <summary>The names of chosen nodes.</summary>
    internal string[] Nodes => this["nodes"].Split(',', StringSplitOptions.RemoveEmptyEntries);

    internal Node Node(GraphView view) => view.Find(this["node"]);

    internal string? Text(string name) => given[name].ToString() is { Length: > 0 } text ? text : null;

    internal long? Optional(string name) => Text(name) is not { } text ? null
        : long.TryParse(text, NumberStyles.Integer, CultureInfo.InvariantCulture, out var number) && number >= 0 ? number
        : throw new ArgumentException($"'{name}' must be a whole number from 0, not '{text}'.");

    internal long Number(string name, long otherwise) => Optional(name) ?? otherwise;

    private string Choice(string name, params string[] choices) => Text(name) is not { } text ? choices[0]
        : choices.Contains(text) ? text : throw new ArgumentException($"'{name}' is one of {string.Join(", ", choices)}, not '{text}'.");
}
