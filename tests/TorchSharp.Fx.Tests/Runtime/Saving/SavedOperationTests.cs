using System.Reflection;
using System.Text.Json;
using TorchSharp.Fx.Tests.Operations;
using TorchSharp.Fx.Tests.Tracing;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Runtime.Saving;

/// <summary>What the tracer records, a file can have: every public operation of TorchSharp, found by reflection, and what the tracer records of .NET's and of its own.</summary>
public sealed class SavedOperationTests
{
    /// <summary>What no file may ask for, or can't have: it runs other programs, reads and writes files, memory and the process, computes gradients, takes code, or belongs to an object that is no value of a graph.</summary>
    private static readonly string[] NoProgram =
    [
        "ExportedProgram.", "Generator.", "SummaryWriter.", "torch.utils.tensorboard.", "torch.utils.data.", "TensorExtensionMethods.Load", "TensorExtensionMethods.Save", "TensorExtensionMethods.print",
        "TensorExtensionMethods.str", "TensorExtensionMethods.jlstr", "TensorExtensionMethods.npstr", "TensorExtensionMethods.cstr", "Tensor.ReadBytesFromStream", "Tensor.WriteBytesToStream", "Tensor.backward",
        "Tensor.storage", "Tensor.op_MinusMinusGreater", "autograd.AutogradContext.", "distributions.constraints.", "distributions.transforms.", "new Parameter(", "new distributions.transforms.",
        "torch.autograd.backward", "torch.autograd.functional.", "torch.from_file", "torch.frombuffer", "torch.load", "torch.save", "torch.jit.", "torch.nn.functional.triplet_margin_with_distance_loss",
        "torch.nn.utils.clip_grad", "torch.nn.utils.vector_to_parameters", "torch.random.set_rng_state", "torch.set_default_tensor_type", "torch.set_rng_state",
    ];

    private static string? Refusal(Graph graph)
    {
        try
        {
            var graphs = new SavedGraph(new SavedTypes(null));
            using var buffer = new MemoryStream();
            using (var json = new Utf8JsonWriter(buffer))
                graphs.Write(json, graph);
            using var text = JsonDocument.Parse(buffer.ToArray());
            var read = graphs.Read(text.RootElement, _ => throw new InvalidOperationException("no module"), _ => true);
            return read.ToString() == graph.ToString() ? null : $"comes back as {read}";
        }
        catch (Exception error) when (error is NotSupportedException or InvalidDataException)
        {
            return error.Message;
        }
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Every_operation_that_is_a_node_comes_back(bool everything)
    {
        using var scope = NewDisposeScope();
        var refused = new List<string>();
        var count = 0;
        var skipped = OperationExceptions.WithoutNode.SelectMany(group => group.Operations).ToHashSet();
        foreach (var (name, method) in PublicOperations.All.Where(operation => !skipped.Contains(operation.Key) && !Array.Exists(NoProgram, start => operation.Key.StartsWith(start, StringComparison.Ordinal))))
        {
            if (Recorded(method, everything) is not { } graph)
                continue;
            count++;
            if (Refusal(graph) is { } refusal)
                refused.Add($"{name}: {refusal}");
        }
        Assert.Empty(refused);
        Assert.InRange(count, 1500, 5000);
    }

    [Fact]
    public void Every_function_of_numbers_comes_back_and_does_nothing_beside()
    {
        MethodInfo[] functions = [.. NumberFunctions.Classes.SelectMany(type => type.GetMethods()).Where(NumberFunctions.Has)];
        Assert.InRange(functions.Length, 300, 2000);
        Assert.All(functions, function =>
        {
            var graph = new Graph();
            Argument[] numbers = [.. function.GetParameters().Select(parameter => (Argument)graph.placeholder(parameter.Name!, parameter.ParameterType))];
            graph.output(graph.call_function(function, [.. numbers]), function.ReturnType);
            Assert.Null(Refusal(graph));
            Assert.Equal(Operation.Pure, Fx.Graphs.Operations.Of(function));
        });
    }

    /// <summary>The graph of a call; null for one that runs at once, as nothing that it takes can be a symbol.</summary>
    private static Graph? Recorded(MethodBase method, bool everything)
    {
        try
        {
            var call = new SymbolicCall(method, everything, new Samples(float32, everything));
            return call.Calls.Any() ? call.Graph() : null;
        }
        catch (Exception error) when (!everything && error is not TraceException)
        {
            return null;
        }
    }

    private sealed class Program<T>(Func<T, Tensor> body) : nn.Module<T, Tensor>("Program")
    {
        public override Tensor forward(T input) => body(input);
    }

    private static void ComesBack<T>(Func<T, Tensor> body, T input)
    {
        using var traced = fx.symbolic_trace(new Program<T>(body), example_inputs: [input]);
        var file = Path.GetTempFileName();
        fx.save(traced, file);
        using var loaded = fx.load<GraphModule<T, Tensor>>(file);
        File.Delete(file);
        Assert.Equal(traced.graph.ToString(), loaded.graph.ToString());
        Traced.Same(traced.call(input), loaded.call(input));
    }

    [Fact]
    public void What_is_asked_of_types_devices_and_shapes_comes_back()
    {
        using var scope = NewDisposeScope();
        var x = rand(2, 3);
        ComesBack(t => t.device.type == DeviceType.CPU ? t * 2 : t, x);
        ComesBack(t => t * finfo(t.dtype).eps, x);
        ComesBack(t => { if (!t.shape.SequenceEqual(t.relu().shape)) throw new InvalidOperationException("other shapes"); return t + 1; }, x);
        ComesBack(t => is_floating_point(t.dtype) ? t : t.to(float32), x);
        ComesBack(t => Joined([t, t * 2]), x);
        ComesBack(t => Joined(new List<Tensor> { t, t.neg() }), x);
        ComesBack<object>(t => ((Tensor)t).relu(), x);
        ComesBack<Dictionary<string, object>>(d => ((Tensor)d["x"]).relu(), new() { ["x"] = x });
    }

    private static Tensor Joined(IReadOnlyList<Tensor> parts) => cat(parts.ToArray(), 0);

    private sealed class Averaging : nn.Module<Tensor, Tensor>
    {
        private readonly Tensor mean = zeros(3);
        private readonly TorchSharp.Modules.Linear layer = nn.Linear(3, 3);

        public Averaging() : base(nameof(Averaging))
        {
            register_buffer("mean", mean);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            var y = layer.call(x);
            mean.mul_(0.9).add_(y.mean([0]) * 0.1);
            return y - mean;
        }
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_buffer_that_training_computed_comes_back_as_plain_numbers(bool isSaved)
    {
        using var scope = NewDisposeScope();
        using var traced = fx.symbolic_trace(new Averaging());
        _ = traced.call(rand(2, 3));
        Assert.True(traced.get_buffer("mean") is { requires_grad: true, is_leaf: false });
        GraphModule<Tensor, Tensor> other;
        if (isSaved)
        {
            var file = Path.GetTempFileName();
            fx.save(traced, file);
            other = fx.load<GraphModule<Tensor, Tensor>>(file);
            File.Delete(file);
        }
        else
        {
            other = traced.clone();
        }
        Assert.False(other.get_buffer("mean")!.requires_grad);
        _ = other.call(rand(2, 3));
    }
}
