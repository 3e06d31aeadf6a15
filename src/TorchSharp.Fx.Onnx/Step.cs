using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using TorchSharp.Fx.Onnx.Format;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx;

/// <summary>
/// One node on its way to ONNX: what it is given, by the names of the callee's parameters, and what the example runs show of it. A module's
/// settings and parameters are read in the same way as a function's arguments, so that <c>Conv2d</c> and <c>conv2d</c> are one converter.
/// </summary>
/// <param name="node">The node.</param>
/// <param name="module">The module that it calls; null for others.</param>
/// <param name="parameters">The parameters of what it calls, one for each argument.</param>
/// <param name="scope">The graph that it is in.</param>
/// <param name="parts">For each argument, which part of complex numbers is read; null where none are.</param>
internal sealed class Step(Node node, nn.Module? module, ParameterInfo?[] parameters, Scope scope, int[]? parts = null)
{
    // Where and of what type the result is: the example shows the type.
    private static readonly string[] Shown = ["copy", "dtype", "type", "device", "deviceType", "deviceIndex", "non_blocking",
        "disposeAfter", "requires_grad"];

    private readonly HashSet<int> read = [];
    private readonly HashSet<string> settings = new(StringComparer.Ordinal);
    private bool lacksBatch;

    internal string Name => node.name;

    internal Target Target => node.target;

    internal Scope Scope => scope;

    internal OnnxGraph Graph => scope.Graph;

    internal nn.Module? Module => module;

    /// <summary>
    /// Converts what works on images of n dimensions with channels and a batch. An image without a batch is one of a batch of one.
    /// </summary>
    internal object Images(int n, Func<Step, object> convert)
    {
        lacksBatch = Rank == n + 1;
        if (Rank != n + 2)
            throw new NotSupportedException(
                $"its input has {Rank - (lacksBatch ? 1 : 0)} dimensions, where {n + 2}, or {n + 1} without a batch, are supported");
        var value = convert(this);
        return lacksBatch ? Add("Squeeze", [(string)value, Graph.Integers(0)]) : value;
    }

    /// <summary>
    /// Shape and type of the node's value: of its first part where it is a list or tuple, of what it writes to where it gives nothing.
    /// </summary>
    internal TensorFacts Output => lacksBatch ? Single(Made) : Made;

    /// <summary>Shape and type of the tensor that is the first argument.</summary>
    internal TensorFacts Input
        => Facts(0) is not { } facts ? throw new NotSupportedException("its first argument is no tensor") : lacksBatch
            ? Single(facts) : facts;

    private static TensorFacts Single(TensorFacts facts) => facts with { Shape = [1, .. facts.Shape] };

    private TensorFacts Made => scope.Run.Values[node] switch
    {
        TensorFacts facts => Read(facts),
        object?[] and [TensorFacts first, ..] => Read(first),
        _ => Facts(0) ?? throw new NotSupportedException("its first argument is no tensor"),
    };

    /// <summary>Shapes and types of a list's tensors; null where the value is no list of tensors.</summary>
    internal TensorFacts[]? Parts
        => scope.Run.Values[node] is object?[] items && items.All(item => item is TensorFacts)
            ? [.. items.Cast<TensorFacts>().Select(Read)] : null;

    internal int Rank => Input.Shape.Length;

    internal TensorFacts? Facts(int position)
        => scope.Run.Arguments[node].ElementAtOrDefault(position) is TensorFacts facts ? Read(facts) : null;

    private TensorFacts Read(TensorFacts facts) => parts is null ? facts : ComplexValue.PartFacts(facts);

    /// <summary>
    /// What stands for a tensor that the argument at a position reads as one of a type: of complex numbers the part that is asked for. The
    /// imaginary part of reals is zero; indices and bools have none.
    /// </summary>
    private string? Named(object? value, int position, ScalarType type) => value switch
    {
        ComplexValue both => both.Part((parts ?? throw new NotSupportedException("it reads a tensor of complex numbers"))[position]),
        string real => parts?[position] == 1 && torch.is_floating_point(type) ? Zeros(real) : real,
        _ => null,
    };

    /// <summary>Zeros of the shape and type of a value.</summary>
    internal string Zeros(string value) => Add("Expand", [Graph.Scalar(0, Graph.TypeOf(value)), Add("Shape", [value])]);

    /// <summary>Whether an argument is, or has inside, a tensor of complex numbers.</summary>
    internal bool IsComplex(int position) => ComplexValue.Has(scope.Run.Arguments[node].ElementAtOrDefault(position));

    /// <summary>Whether the result is of complex numbers.</summary>
    internal bool GivesComplex => ComplexValue.Has(scope.Run.Values[node]);

    /// <summary>Both parts of an argument; the imaginary one is null where it is real.</summary>
    internal (string Real, string? Imaginary) Both(int position)
    {
        if (Argument(position) is NodeArgument { Node: var source } && scope.Value(node, source) is ComplexValue value)
            return (Graph.Cast(value.Real, Graph.TypeOf(value.Real), Output.Type),
                Graph.Cast(value.Imaginary, Graph.TypeOf(value.Imaginary), Output.Type));
        if (ComplexValue.Number(Given(position)) is { } number)
            return (Scalar(number.Real), Scalar(number.Imaginary));
        return (Value(position, Output.Type), null);
    }

    internal int Count => node.args.Length;

    /// <summary>An argument as it stands in the graph.</summary>
    internal Argument Argument(int position)
    {
        read.Add(position);
        return node.args[position];
    }

    /// <summary>Some of the arguments, as they stand in the graph.</summary>
    internal Argument[] Arguments(System.Range range) => [.. Enumerable.Range(0, Count).ToArray()[range].Select(Argument)];

    /// <summary>Takes arguments and settings for read: they make no difference here, or the example shows what they come to.</summary>
    internal void Ignore(params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
        {
            settings.Add(name);
            if (At(name) is var at and >= 0)
                read.Add(at);
        }
    }

    /// <summary>Takes the first argument for read: it tells the result's type, which the example shows.</summary>
    internal Step OfType()
    {
        read.Add(0);
        return this;
    }

    /// <summary>Refuses the node where it has an argument or a setting that nothing has read, and that is not what is left out.</summary>
    internal void RefuseUnread()
    {
        for (var i = 0; i < Count; i++)
            if (!read.Contains(i) && !Defaults.Are(node.args[i], parameters.ElementAtOrDefault(i))
                && !MakesNoDifference(parameters.ElementAtOrDefault(i)?.Name))
                throw new NotSupportedException(
                    $"its argument '{parameters.ElementAtOrDefault(i)?.Name ?? $"{i}"}' is {node.args[i]}, which has no form there");
        if (module is not null && Defaults.Changed(module, settings) is var (name, value))
            throw new NotSupportedException($"its setting '{name}' is {value}, which has no form there");
    }

    private bool MakesNoDifference(string? parameter)
        => parameter is not null && (Array.IndexOf(Shown, parameter) >= 0 || DroppedArguments.Contains(node.target, parameter));

    internal string Add(string op, IEnumerable<string> inputs, params ReadOnlySpan<AttributeProto> attributes)
        => Graph.Add(op, node.name, inputs, attributes);

    internal string Scalar(double number) => Graph.Scalar(number, Output.Type);

    /// <summary>The value that stands for an argument, in a type; a number is made a tensor of it.</summary>
    internal string Value(int position, ScalarType? type = null)
    {
        var argument = Argument(position);
        if (Facts(position) is { } facts && argument is NodeArgument { Node: var source }
            && Named(scope.Value(node, source), position, type ?? facts.Type) is { } name)
        {
            var value = Graph.Cast(name, facts.Type, type ?? facts.Type);
            return lacksBatch && position == 0 ? Add("Unsqueeze", [value, Graph.Integers(0)]) : value;
        }
        var wanted = type ?? Input.Type;
        if (Given(position) is not { } number || number is Array or string or TensorFacts)
            throw new NotSupportedException($"its argument {argument} is neither a tensor of the model nor a number");
        var isImaginary = parts?[position] == 1 && torch.is_floating_point(wanted);
        if (ComplexValue.Number(number) is { } pair)
            return Graph.Scalar(isImaginary ? pair.Imaginary : pair.Real, wanted);
        return isImaginary ? Graph.Scalar(0, wanted) : scope.Numbers.IsFixed(argument)
            ? Graph.Scalar(Convert.ToDouble(number is Scalar scalar ? scalar.ToDouble() : number, CultureInfo.InvariantCulture), wanted)
            : Add("Reshape", [scope.Numbers.Value(argument, wanted), Graph.Integers()]);
    }

    /// <summary>The value and the facts of a tensor inside an argument; null where it is none.</summary>
    internal (string Name, TensorFacts Facts)? Read(Argument argument, int position = 0, ScalarType? type = null)
        => argument is NodeArgument { Node: var read } && scope.Run.Values[read] is TensorFacts facts
            && Named(scope.Value(node, read), position, type ?? facts.Type) is { } name ? (name, Read(facts)) : null;

    /// <summary>An argument that is a list whose length is free; null where it is none.</summary>
    internal Converters.Sequence? Sequence(int position) => Argument(position) switch
    {
        NodeArgument { Node: var read } => scope.Values.GetValueOrDefault(read) as Converters.Sequence,
        ListArgument { Items: [SpreadArgument { Sequence: NodeArgument { Node: var read } }] } =>
            scope.Values.GetValueOrDefault(read) as Converters.Sequence,
        _ => null,
    };

    /// <summary>The tensors of a list, all in one type where one is given.</summary>
    internal string[] Values(int position, ScalarType? type = null) => Argument(position) switch
    {
        _ when Sequence(position) is not null =>
            throw new NotSupportedException("it reads a list whose length is free, which only stack, cat and an index can do there"),
        ListArgument list
            when list.Items.Any(item => item is SpreadArgument) =>
                [.. list.Items.SelectMany(item => item is SpreadArgument { Sequence: NodeArgument { Node: var read } }
                    && scope.Parts(node, read) is { } names
            ? names.Select(part => Named(part, position, type ?? Output.Type)!) : [Read(item, position, type)?.Name ?? throw new NotSupportedException("not all items of a list are tensors")])],
        ListArgument list =>
            [.. list.Items.Select(item => Read(item, position, type) is var (name, facts)
                ? Graph.Cast(name, facts.Type, type ?? facts.Type)
                    : throw new NotSupportedException("not all items of a list are tensors"))],
        NodeArgument { Node: var read } when scope.Parts(node, read) is { } names =>
            [.. names.Select(part => Named(part, position, type ?? Output.Type)!)],
        var other => throw new NotSupportedException($"its argument {other} is no list of tensors"),
    };

    /// <summary>A tensor among a module's parameters and buffers or a function's arguments; null where it is left out.</summary>
    internal string? Tensor(params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
            if (module is not null && (module.get_parameter(name) ?? module.get_buffer(name)) is { } tensor)
                return Graph.Initializer(NameOf(name), tensor);
            else if (module is null && At(name) is var at and >= 0 && Given(at) is TensorFacts)
                return Value(at);
        return null;
    }

    /// <summary>Takes another tensor for one of a module's.</summary>
    internal void Replace(string name, Tensor tensor) => Graph.Initializer(NameOf(name), tensor);

    private string NameOf(string name) => $"{(scope.Path.Length == 0 ? "" : scope.Path + ".")}{node.target.name}.{name}";

    /// <summary>A setting under the first of its names that there is.</summary>
    internal object? Setting(params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
            if (module is not null && Defaults.Setting(module, name) is { } setting)
            {
                settings.Add(name);
                return setting.Value;
            }
            else if (module is null && At(name) is var at and >= 0 && !DroppedArguments.Contains(node.target, name))
                return scope.Numbers.IsFixed(node.args[at])
                    ? Given(at) : throw new NotSupportedException($"its {name} depends on a free size or on a tensor's content");
        return null;
    }

    /// <summary>Where a function has a parameter, and is given it; negative where not.</summary>
    internal int At(string parameter)
        => module is null && Array.FindIndex(parameters, each => each?.Name == parameter) is var at && at < Count ? at : -1;

    internal long Long(string name, long otherwise)
        => Setting(name) is { } value ? Convert.ToInt64(value, CultureInfo.InvariantCulture) : otherwise;

    internal double Double(string name, double otherwise) => Setting(name) switch
    {
        null => otherwise,
        Scalar scalar => scalar.ToDouble(),
        var value => Convert.ToDouble(value, CultureInfo.InvariantCulture),
    };

    internal bool Flag(string name) => Setting(name) is true;

    /// <summary>A list of numbers, one number repeated where it stands for all.</summary>
    internal long[]? Longs(int count, params ReadOnlySpan<string> names) => Setting(names) switch
    {
        null => null,
        Array { Length: 0 } => null,
        Array list when list.Length == 1 => [.. Enumerable.Repeat(Convert.ToInt64(list.GetValue(0), CultureInfo.InvariantCulture), count)],
        Array list => [.. list.Cast<object>().Select(item => Convert.ToInt64(item, CultureInfo.InvariantCulture))],
        ITuple tuple => [.. Enumerable.Range(0, tuple.Length).Select(i => Convert.ToInt64(tuple[i], CultureInfo.InvariantCulture))],
        var number => [.. Enumerable.Repeat(Convert.ToInt64(number, CultureInfo.InvariantCulture), count)],
    };

    /// <summary>Dimensions counted from the front; null where none are given.</summary>
    internal long[]? Axes(params ReadOnlySpan<string> names)
        => Longs(1, names) is { } axes ? [.. axes.Select(axis => Dimension(axis))] : null;

    /// <summary>A dimension counted from the front.</summary>
    internal long Dimension(long dim, int? rank = null) => dim < 0 ? dim + (rank ?? Rank) : dim;

    /// <summary>Whole numbers from an argument on, which the model may have to compute.</summary>
    internal Size[] Sizes(int position)
        => scope.Run.Arguments[node].Any(argument => argument is Generator)
            ? throw new NotSupportedException("it draws from a generator of its own, whose numbers ONNX has not; draw without one")
            : [.. Enumerable.Range(position, Count - position).Where(i => !IsNoSize(scope.Run.Arguments[node][i]))
                .SelectMany(i => scope.Numbers.Sizes(Argument(i)))];

    private static bool IsNoSize(object? given) => given is bool or null or string or Enum or Device or string[];

    /// <summary>A whole number among the arguments.</summary>
    internal Size Size(int position) => scope.Numbers.Size(Argument(position));

    /// <summary>The sizes of the first argument, or of another.</summary>
    internal Size[] Shape(int position = 0)
        => [.. Enumerable.Range(0, position == 0 ? Rank : Facts(position)!.Shape.Length).Select(axis => ShapeAt(axis, position))];

    /// <summary>One size of the first argument, or of another.</summary>
    internal Size ShapeAt(long axis, int position = 0)
    {
        read.Add(position);
        if (lacksBatch && position == 0 && axis-- == 0)
            return new(1);
        var sizes = scope.Runs.Select(run => ((TensorFacts)run.Arguments[node][position]!).Shape[axis]).ToArray();
        return Array.TrueForAll(sizes, size => size == sizes[0])
            ? new(sizes[0]) : new(0, Graph.Dimension(Value(position), lacksBatch ? axis + 1 : axis));
    }

    /// <summary>The sizes of the result, null where they depend on a free size.</summary>
    internal long?[] Result()
    {
        var shapes = scope.Runs.Select(run => ((TensorFacts)run.Values[node]!).Shape).ToArray();
        return [.. shapes[0].Select((size, axis) => Array.TrueForAll(shapes, shape => shape[axis] == size) ? (long?)size : null)];
    }

    /// <summary>An argument's value in the first run.</summary>
    internal object? Given(int position)
    {
        read.Add(position);
        return scope.Run.Arguments[node][position];
    }
}
