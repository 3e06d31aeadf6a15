namespace TorchSharp.Fx.Explorers;

/// <summary>The page's questions about the model as a whole.</summary>
internal static class Questions
{
    private const int MostHits = 200;

    internal static object Model(Session session)
    {
        var view = session.View(new(ViewKey.Eval, ViewKey.Plain));
        Node[] placeholders = [.. view.Graph.find_nodes(Opcode.placeholder)];
        return new
        {
            session.Model.Name, session.Model.Weights, nodes = view.Graph.nodes.Count(),
            takesImages = session.Model.Preprocessing is not null && placeholders.Length == 1,
            placeholders = placeholders.Select(node => ((PlaceholderTarget)node.target).Parameter),
            inputs = session.Inputs.All.Select(Describe),
        };
    }

    internal static object Describe(ExploredInput input) => new { input.Id, input.Name, input.IsImage };

    /// <summary>The layout with these modules open, and shapes where they are known.</summary>
    internal static object Graph(Session session, Query query, string[] open)
    {
        var view = query.View;
        if (query.Text("measure") is not null)
            session.Values.Measure(view, query.InputOrNone);
        var modules = Modules(view.Parts).ToArray();
        // A model that is one module within another opens until there is something to see.
        var first = new List<string>();
        for (var at = view.Parts; query.Text("first") is not null && at.Parts.OfType<ModulePart>().ToArray() is [var only]
            && at.Parts.Count < 8; at = only)
            first.Add(only.Name);
        var opened = open is ["*"] ? modules : [.. open, .. first];
        var layout = new GraphLayout(view, opened.ToHashSet(StringComparer.Ordinal));
        return new { layout.Width, layout.Height, layout.Boxes, layout.Frames, layout.Lines,
            open = opened.Intersect(modules, StringComparer.Ordinal) };
    }

    /// <summary>Nodes and modules that a pattern fits, or whose name or type has the text in it.</summary>
    internal static object Search(GraphView view, string text)
    {
        var captions = new Captions(view.Module);
        var pattern = NodePattern.IsPattern(text) ? new NodePattern(text).Matches(view.Names.Values).ToHashSet(StringComparer.Ordinal)
            : null;
        var modules = Parts(view.Parts, [])
            .Select(entry => (entry.Part.Name, Type: captions.ClassOf(entry.Part), Kind: "module", entry.Around));
        var nodes = view.Names.Select(entry
            => (Name: entry.Value, Type: TypeOf(captions, view, entry.Key), Kind: entry.Key.op.ToString(), Around: view.Around[entry.Key]));
        var hits = modules.Concat(nodes).Where(entry => pattern is not null ? pattern.Contains(entry.Name)
            : entry.Name.Contains(text, StringComparison.OrdinalIgnoreCase)
                || entry.Type.Contains(text, StringComparison.OrdinalIgnoreCase)).ToArray();
        return new { count = hits.Length, hits = hits.Take(MostHits).Select(hit => new { hit.Name, hit.Type, hit.Kind, hit.Around }) };
    }

    private static string TypeOf(Captions captions, GraphView view, Node node)
        => captions.Of(node, view.Parts).Detail is { Length: > 0 } type ? type : node.target is AttributeTarget ? "parameter"
            : node.target.name;

    private static IEnumerable<string> Modules(ModulePart within) => Parts(within, []).Select(entry => entry.Part.Name);

    private static IEnumerable<(ModulePart Part, string[] Around)> Parts(ModulePart within, string[] around)
        => within.Parts.OfType<ModulePart>()
        .SelectMany(part => Parts(part, [.. around, part.Name]).Prepend((part, around)));
}
