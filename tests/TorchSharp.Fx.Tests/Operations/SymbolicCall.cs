using System.Reflection;
using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Operations;

/// <summary>One operation, called by the interpreter as the traced program would call it, and the graph that this gives.</summary>
internal sealed class SymbolicCall
{
    private readonly Tracer tracer = new();
    private readonly MethodBase method;
    private readonly bool everything;
    private readonly List<object?> inputs = [];

    /// <param name="method">The operation.</param>
    /// <param name="everything">Whether numbers, sizes, dtypes and devices are symbols too, not the tensors alone.</param>
    /// <param name="samples">The values to run it on.</param>
    internal SymbolicCall(MethodBase method, bool everything, Samples samples)
    {
        (this.method, this.everything) = (method, everything);
        tracer.trace(Root);
        graph = tracer.graph;
        graph.erase_node(graph.output_node());
        var parameters = method.GetParameters();
        Values = [.. (method.IsStatic || method.IsConstructor ? [] : new[] { Self(samples.Receiver(method.DeclaringType!)) }),
            .. parameters.Select(parameter => Given(parameter.ParameterType, parameter.Name!, samples.Of(parameter)))];
        Result = method is ConstructorInfo constructor ? tracer.Interpreter.Construct(constructor, Values) : tracer.Interpreter.Dispatch(method, Values);
    }

    private static readonly Nothing Root = new();

    private readonly Graph graph;

    internal Value[] Values { get; }

    internal Value Result { get; }

    /// <summary>The nodes that call the operation itself: this very overload.</summary>
    internal IEnumerable<Node> Calls => graph.nodes.Where(node => node.target switch
    {
        FunctionTarget target => target.Method == method,
        MethodTarget target => target.Method == method,
        MemberTarget { Member: PropertyInfo property } => property.GetMethod == method,
        _ => false,
    });

    /// <summary>The graph, ended by the operation's result, or by its first argument where it has none.</summary>
    internal Graph Graph()
    {
        var type = method is MethodInfo { ReturnType: var returned } ? returned : method.DeclaringType!;
        var result = type == typeof(void) ? Values.Length > 0 && Values[0].Kind == ValueKind.Object ? Values[0] : Value.Null : Result;
        graph.output(tracer.Interpreter.ToArgument(result, type == typeof(void) ? typeof(object) : type), typeof(object));
        graph.lint();
        return graph;
    }

    /// <summary>The compiled graph, and the samples that are its inputs.</summary>
    internal Func<object?> Compile()
    {
        var compiled = new CompiledGraph(Graph(), new ModuleHierarchy(Root, tracer.tensor_constants));
        return () => compiled.Run([.. inputs]);
    }

    /// <summary>The samples that the placeholders stand for.</summary>
    internal IReadOnlyList<object?> Inputs => inputs;

    internal static bool CanBeSymbol(Type type) => Symbolic(Plain(type)) || (Plain(type) is var plain && ValueConversion.ElementOf(plain) is { } element && Symbolic(element))
        || (Plain(type).IsByRefLike && Symbolic(ValueConversion.SpanElement(Plain(type))));

    private static bool Symbolic(Type type)
        => PublicOperations.HoldsTensor(type) || type == typeof(long) || type == typeof(int) || type == typeof(double) || type == typeof(float) || type == typeof(bool)
            || type == typeof(ScalarType) || type == typeof(Scalar) || type == typeof(Device) || type == typeof(long[]);

    private static Type Plain(Type type)
    {
        type = type.IsByRef ? type.GetElementType()! : type;
        return Nullable.GetUnderlyingType(type) ?? type;
    }

    private Interpreter Interpreter => tracer.Interpreter;

    private Value Given(Type type, string name, object? sample)
    {
        if (type.IsByRef)
            return Value.Of(new Address.Slot([Given(type.GetElementType()!, name, sample)], 0, type.GetElementType()!));
        if (type.IsByRefLike)
            return Interpreter.Dispatch(type.GetMethod("op_Implicit", [ValueConversion.SpanElement(type).MakeArrayType()])!, Given(ValueConversion.SpanElement(type).MakeArrayType(), name, sample));
        if (sample is null)
            return type.IsValueType ? Value.OfStruct(null) : Value.Null;
        if (Nullable.GetUnderlyingType(type) is { } held)
            return Given(held, name, sample) is { IsSymbol: true } symbol ? Value.OfStruct(symbol.Symbol) : Value.OfStruct(Interpreter.ToObject(Given(held, name, sample), held));
        return sample switch
        {
            Tensor => Input(type, name, sample),
            TensorIndex => Interpreter.Dispatch(typeof(TensorIndex).GetMethod(nameof(TensorIndex.Tensor))!, Input(typeof(Tensor), name, Samples.Index())),
            Array array when PublicOperations.HoldsTensor(type) || array.GetType().GetElementType() == typeof(TensorIndex) => Value.OfObject(Structure(array, name)),
            System.Collections.IList list when PublicOperations.HoldsTensor(type) => Value.OfObject(Structure(list, name)),
            ITuple tuple when PublicOperations.HoldsTensor(type) || everything => Tuple(tuple, name),
            Array { Rank: 1 } array when everything && array.GetType().GetElementType() is var element && (element == typeof(int) || element == typeof(double) || element == typeof(float)) => Value.OfObject(Structure(array, name)),
            _ when everything && Symbolic(type) => Input(type, name, sample),
            _ => Interpreter.ToValue(sample, type),
        };
    }

    private Value Self(object? sample) => Input(sample?.GetType() ?? method.DeclaringType!, "self", sample);

    private Value Input(Type type, string name, object? sample)
    {
        inputs.Add(sample);
        return Interpreter.FromProxy(tracer.create_proxy(Opcode.placeholder, new PlaceholderTarget($"{name}_{inputs.Count}"), [], type));
    }

    private object Structure(System.Collections.IList samples, string name)
    {
        var copy = samples is Array array ? (System.Collections.IList)array.Clone() : (System.Collections.IList)Activator.CreateInstance(samples.GetType(), samples)!;
        for (var i = 0; i < copy.Count; i++)
            copy[i] = Interpreter.ToObject(Given(copy[i]!.GetType(), name, copy[i]), copy[i]!.GetType());
        return copy;
    }

    private Value Tuple(ITuple samples, string name)
    {
        var types = samples.GetType().GetGenericArguments();
        return Value.OfStruct(Activator.CreateInstance(samples.GetType(), [.. types.Select((type, i) => Interpreter.ToObject(Given(type, name, samples[i]), type))]));
    }

    /// <summary>The hierarchy around an operation: none.</summary>
    private sealed class Nothing() : nn.Module(nameof(Nothing))
    {
        public object? forward() => null;
    }
}
