using System.Reflection;
using System.Text.Json;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Modules;

/// <summary>Makes modules of a file's JSON and its tensors.</summary>
/// <param name="types">The types that the file may name.</param>
/// <param name="entries">What tensors the file has.</param>
/// <param name="read">Reads one of them.</param>
internal sealed class ModuleReader(SavedTypes types, IReadOnlyDictionary<string, SafetensorsEntry> entries,
    Func<SafetensorsEntry, Tensor> read) : IDisposable
{
    private readonly List<IDisposable> made = [];
    private readonly SavedGraph graphs = new(types);
    private readonly Dictionary<string, Tensor> tensors = new(StringComparer.Ordinal);

    internal nn.Module Read(JsonElement json)
    {
        var module = Read(json, "");
        if (entries.Keys.FirstOrDefault(name => !tensors.ContainsKey(name)) is { } surplus)
            throw new InvalidDataException($"its tensor '{surplus}' belongs to no module of the graph");
        foreach (var tensor in tensors.Values)
            tensor.DetachFromDisposeScope();
        made.Clear();
        return module;
    }

    /// <summary>Gives up what was made for a module that can't be.</summary>
    public void Dispose()
    {
        foreach (var one in Enumerable.Reverse(made))
            one.Dispose();
    }

    private nn.Module Read(JsonElement json, string path)
    {
        var module = json.Find("type") is { } type ? ReadSettings(type.Text(), json, path) : json.Find("cond") is { } branches
            ? ReadBranches(branches, path) : ReadGraphs(json, path);
        module.train(json.Field("training").Flag());
        return module;
    }

    private Cond ReadBranches(JsonElement json, string path)
    {
        return Made(new Cond(Branch("true_graph"), Branch("false_graph")));

        GraphModule<Tensor[], Tensor[]> Branch(string name)
            => Read(json.Field(name), ModuleHierarchy.Join(path, name)) as GraphModule<Tensor[], Tensor[]>
            ?? throw new InvalidDataException($"the branch '{name}' of module '{path}' does not take and return tensors");
    }

    private nn.Module ReadSettings(string type, JsonElement json, string path)
    {
        var saved = json.Field("tensors").Members().ToDictionary(member => member.Name, member => member.Value, StringComparer.Ordinal);
        var module =
            Made(Named(path,
                () => ModuleSettings.Build(type, json.Field("settings"),
                    () => saved.ToDictionary(entry => entry.Key, entry => Entry(entry.Value).shape.ToArray()))));
        var hierarchy = new ModuleHierarchy(module);
        string[] names =
            [.. module.named_parameters(recurse: false).Select(entry => entry.name),
                .. module.named_buffers(recurse: false).Select(entry => entry.name)];
        if (names.Except(saved.Keys).FirstOrDefault() is { } missing)
            throw new InvalidDataException($"module '{path}' lacks its tensor '{missing}'");
        if (saved.Keys.Except(names).FirstOrDefault() is { } surplus)
            throw new InvalidDataException($"module '{path}', a {type}, has no tensor '{surplus}'");
        foreach (var name in names)
        {
            var old = Registry.Get(module, name)!;
            var isParameter = old is Parameter;
            var tensor = ReadTensor(saved[name], ModuleHierarchy.Join(path, name), old.shape);
            if (tensor is Parameter != isParameter)
                throw new InvalidDataException(
                    $"tensor '{name}' of module '{path}' is {(isParameter ? "" : "no ")}parameter, but the file says otherwise");
            if (NativeSettings.Factory(type) is not null)
            {
                Give(module, name, (Parameter)tensor, Entry(saved[name]).name);
                continue;
            }
            hierarchy.Replace(name, tensor);
            old.Dispose();
        }
        return module;
    }

    /// <summary>A native module may keep its own tensor, which then is the file's.</summary>
    private void Give(nn.Module module, string name, Parameter tensor, string entry)
    {
        if (module.get_parameter(name)!.dtype != tensor.dtype)
            module.to(tensor.dtype);
        tensors[entry] = NativeSettings.Give(module, name, tensor);
    }

    private SafetensorsEntry Entry(JsonElement tensor)
        => tensor.Field("tensor").Text() is var name && entries.TryGetValue(name, out var entry)
            ? entry : throw new InvalidDataException($"the tensor '{name}' is missing");

    private nn.Module ReadGraphs(JsonElement json, string path)
    {
        var constants = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        var content = new OrderedDictionary<string, object>(StringComparer.Ordinal);
        foreach (var child in json.Field("modules").Members())
            content.Add(child.Name, Read(child.Value, ModuleHierarchy.Join(path, child.Name)));
        var kept = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        foreach (var item in json.Field("tensors").Members())
        {
            var tensor = ReadTensor(item.Value, ModuleHierarchy.Join(path, item.Name), null);
            if (item.Value.Field("kind").Text() == "state")
                kept.Add(item.Name, tensor);
            else if (item.Value.Field("kind").Text() == "constant")
                constants.Add(item.Name, tensor);
            else if (!content.TryAdd(item.Name, tensor))
                throw new InvalidDataException($"'{item.Name}' is both a module and a tensor");
        }
        if (json.Find("aliases") is { } aliases)
            foreach (var alias in aliases.Members())
                if (!content.TryGetValue(alias.Value.Text(), out var named) || !content.TryAdd(alias.Name, named))
                    throw new InvalidDataException(
                        $"'{alias.Name}' is to be another name of '{alias.Value.Text()}', but the file "
                            + $"{(named is null ? "does not have that" : "has something else of that name")}");
        string[] ownModes = json.Find("own_modes") is { } own ? [.. own.Items().Select(item => item.Text())] : [];
        if (Array.Find(ownModes, name => content.GetValueOrDefault(name) is not nn.Module) is { } missing)
            throw new InvalidDataException($"'{missing}' is to keep its mode, but the file has no module of that name");
        var root = ModuleTree.Of(content, ownsContent: true, json.Field("training").Flag(), ownModes);
        var (train, eval) = json.Find("graph") is { } both
            ? (Graph(both), (Graph?)null) : (Graph(json.Field("train_graph")), Graph(json.Field("eval_graph")));
        var hierarchy = new ModuleHierarchy(root, constants);
        foreach (var graph in new[] { train, eval }.OfType<Graph>())
            Check(graph, hierarchy);
        if (json.Find("state") is { } state)
            foreach (var place in state.Members())
                root.Kept.Add(place.Name, Kept(place.Name, place.Value, kept));
        return Make(json, root, train, eval ?? train, constants);

        Graph Graph(JsonElement nodes) => Named(path, () => graphs.Read(nodes,
            name => content.GetValueOrDefault(name) as nn.Module
                ?? throw new InvalidDataException($"it calls the module '{name}', which the file does not have"),
            name => constants.ContainsKey(name) || content.GetValueOrDefault(name) is Tensor));
    }

    private object? Kept(string place, JsonElement json, Dictionary<string, Tensor> tensors)
    {
        try
        {
            return new SavedState(types).Read(json, name => tensors.GetValueOrDefault(name)
                ?? throw new InvalidDataException($"the tensor '{name}' is missing"));
        }
        catch (Exception error)
            when (error is ArgumentException or InvalidOperationException or NotSupportedException or NullReferenceException
                or InvalidCastException)
        {
            throw new InvalidDataException($"what is kept at '{place}' is wrong: {error.Message.TrimEnd('.')}", error);
        }
    }

    /// <summary>
    /// Every argument must be of a type that its parameter takes; making the expressions that a compiled graph consists of says so without
    /// running any.
    /// </summary>
    private static void Check(Graph graph, ModuleHierarchy hierarchy)
    {
        var values =
            graph.nodes.ToDictionary(node => node, node => node.type == typeof(void) || node.op == Opcode.output
                ? null : System.Linq.Expressions.Expression.Variable(node.type));
        foreach (var node in graph.nodes.Where(node => node.op is not Opcode.placeholder))
            try
            {
                if (node.op == Opcode.output)
                    new ArgumentEmitter(Value, false).Emit(node.args[0], node.type == typeof(Features) ? typeof(object) : node.type);
                else if (values[node] is { } variable)
                    ValueConversion.Emit(new NodeEmitter(hierarchy, Value).Emit(node).Value, variable.Type);
                else
                    new NodeEmitter(hierarchy, Value).Emit(node);
            }
            catch (Exception error)
                when (error is ArgumentException or InvalidOperationException or NotSupportedException or NullReferenceException
                    or IndexOutOfRangeException or InvalidCastException or MemberAccessException)
            {
                throw new InvalidDataException($"node '{node.name}' is wrong: {error.Message.TrimEnd('.')}", error);
            }

        System.Linq.Expressions.Expression Value(Node node)
            => values[node] ?? throw new InvalidOperationException($"it reads '{node.name}', which has no value");
    }

    private nn.Module Make(JsonElement json, ModuleTree root, Graph train, Graph eval, Dictionary<string, Tensor> constants)
    {
        var signature = Array.ConvertAll(json.Field("signature").Items(), types.Read);
        var features = json.Field("features").Flag();
        if (features && (train.output_node().args[0] is not DictArgument || eval.output_node().args[0] is not DictArgument))
            throw new InvalidDataException("its graphs do not return features");
        var name = features ? "DualGraphModule" : "GraphModule";
        var parameters = features && signature.Length > 0 ? signature[..^1] : signature;
        var open = typeof(Graph).Assembly.GetType(parameters.Length == 0
            ? $"TorchSharp.Fx.{name}" : $"TorchSharp.Fx.{name}`{parameters.Length}")
            ?? throw new InvalidDataException($"no module takes {signature.Length} inputs");
        var type = parameters.Length == 0 ? open : open.MakeGenericType(parameters);
        var module =
            Made((nn.Module)Activator.CreateInstance(type,
                BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DoNotWrapExceptions, null,
                [root, train, eval, constants], null)!);
        // The module has handles of its own on these.
        foreach (var constant in constants.Values)
            constant.Dispose();
        return module;
    }

    private Tensor ReadTensor(JsonElement json, string path, long[]? shape)
    {
        var (name, kind) = (json.Field("tensor").Text(), json.Field("kind").Text());
        var entry = Entry(json);
        var declared = json.Field("shape").Items().Select(size => size.TryGetInt64(out var number) ? number : -1);
        if (!declared.SequenceEqual(entry.shape) || json.Field("dtype").Text() != entry.dtype.ToString())
            throw new InvalidDataException(
                $"the tensor '{name}' is {entry.dtype} [{string.Join(", ", entry.shape)}], but the graph was saved with "
                    + $"{json.Field("dtype").Text()} [{string.Join(", ", declared)}]");
        if (shape is not null && !shape.SequenceEqual(entry.shape))
            throw new InvalidDataException(
                $"the tensor '{name}' has the shape [{string.Join(", ", entry.shape)}], but '{path}' needs [{string.Join(", ", shape)}]");
        if (!tensors.TryGetValue(name, out var tensor))
            tensors.Add(name, tensor = Made(Kind(Made(SavedOrder.Read(json, read(entry))), kind, json.Field("requires_grad").Flag())));
        return tensor is Parameter == (kind == "parameter")
            ? tensor : throw new InvalidDataException($"the tensor '{name}' is a parameter in one place and none in another");
    }

    private static Tensor Kind(Tensor tensor, string kind, bool requiresGrad)
    {
        if (requiresGrad && !tensor.is_floating_point() && !tensor.is_complex())
            throw new InvalidDataException($"a tensor of {tensor.dtype} can't require gradients");
        if (kind is "buffer" or "constant" or "state")
            return tensor.requires_grad_(requiresGrad);
        return kind == "parameter"
            ? new Parameter(tensor, requiresGrad) : throw new InvalidDataException($"there is no kind of tensors '{kind}'");
    }

    private T Made<T>(T one) where T : IDisposable
    {
        made.Add(one);
        return one;
    }

    private static T Named<T>(string path, Func<T> make)
    {
        try
        {
            return make();
        }
        catch (InvalidDataException error) when (path.Length > 0)
        {
            throw new InvalidDataException($"in module '{path}', {error.Message}", error);
        }
    }
}
