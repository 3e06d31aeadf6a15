using System.Reflection;
using TorchSharp.Fx.Tests.FeatureExtraction;
using TorchSharp.Fx.Tests.Tracing;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Corpus;

/// <summary>
/// TorchSharp's own modules, where a tracer's <c>is_leaf_module</c> doesn't take them for leaves: what is made in C# is followed to the operations it consists of,
/// what hands its work to native code is refused for it. The first are found by reflection: every factory of <c>torch.nn</c> from tensor to tensor that simple arguments satisfy.
/// </summary>
[Collection(nameof(Alone))]
public sealed class OwnModulesTests
{
    private static readonly long[][] Shapes = [[2, 4], [2, 4, 8], [2, 4, 8, 8], [2, 4, 8, 8, 8]];

    private sealed class Looking : Tracer
    {
        public override bool is_leaf_module(nn.Module m, string module_qualified_name) => false;
    }

    private sealed class Around(nn.Module<Tensor, Tensor> inner) : nn.Module<Tensor, Tensor>(nameof(Around))
    {
        private readonly nn.Module<Tensor, Tensor> inner = inner;

        public override Tensor forward(Tensor x) => inner.call(x);
    }

    /// <summary>They branch on the rank of their input, so they take an example.</summary>
    private const string ByExample = "Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d InstanceNorm1d InstanceNorm2d InstanceNorm3d";

    private const string BySymbols = """
        AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d AdaptiveMaxPool1d AdaptiveMaxPool2d AlphaDropout AvgPool1d AvgPool2d AvgPool3d BatchNorm1d BatchNorm2d BatchNorm3d CELU
        ChannelShuffle ConstantPad1d ConstantPad2d ConstantPad3d Dropout Dropout1d Dropout2d Dropout3d ELU FeatureAlphaDropout Flatten GELU GLU GroupNorm Hardshrink Hardsigmoid Hardswish
        Hardtanh Identity LPPool1d LPPool2d LayerNorm LeakyReLU Linear LocalResponseNorm LogSigmoid LogSoftmax MaxPool1d MaxPool2d MaxPool3d Mish PReLU PixelShuffle PixelUnshuffle RReLU
        ReLU ReLU6 ReflectionPad1d ReflectionPad2d ReflectionPad3d ReplicationPad1d ReplicationPad2d ReplicationPad3d SELU Sequential SiLU Sigmoid Softmax Softmax2d Softmin Softplus
        Softshrink Softsign Tanh Tanhshrink Threshold Unfold ZeroPad2d
        """;

    [Fact]
    public void What_is_made_in_CSharp_is_followed()
    {
        using var scope = NewDisposeScope();
        var outcomes = Factories().Select(Outcome).Where(outcome => outcome.How is not null).Distinct().ToLookup(outcome => outcome.How!, outcome => outcome.Name);
        Assert.Equal(BySymbols.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries), outcomes["by symbols"]);
        Assert.Equal(ByExample.Split(' '), outcomes["by example"]);
    }

    public static TheoryData<nn.Module> Native =>
    [
        nn.GRU(4, 4), nn.LSTM(4, 4), nn.RNN(4, 4), nn.GRUCell(4, 4), nn.LSTMCell(4, 4), nn.RNNCell(4, 4), nn.MultiheadAttention(4, 2), nn.Transformer(4, 2, 1, 1),
        nn.TransformerEncoderLayer(4, 2), nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2), 1), nn.TransformerDecoderLayer(4, 2), nn.Embedding(4, 4), nn.EmbeddingBag(4, 4),
        nn.CTCLoss(), nn.CrossEntropyLoss(), nn.MSELoss(), nn.TripletMarginLoss(),
    ];

    [Theory(DisableDiscoveryEnumeration = true), MemberData(nameof(Native))]
    public void What_is_native_is_refused_as_such(nn.Module module)
    {
        var refusal = Assert.Throws<TraceException>(() => new Looking().trace(module));
        Assert.StartsWith("FX006: Tensor.get_Handle reads the content of the tensor", refusal.Message, StringComparison.Ordinal);
    }

    private static (string Name, string? How) Outcome(MethodInfo factory)
    {
        manual_seed(3);
        if (Make(factory) is not { } module || Inputs(module) is not { } input)
            return (factory.Name, null);
        module.eval();
        var around = new Around(module);
        var (tracer, how) = (new Looking(), "by symbols");
        try
        {
            tracer.trace(around);
        }
        catch (TraceException)
        {
            how = "by example";
            tracer.trace(around, example_inputs: [input]);
        }
        Assert.DoesNotContain(tracer.graph.nodes, node => node.op == Opcode.call_module);
        using var compiled = new GraphModule(around, tracer.graph, tracer.tensor_constants);
        Traced.Same(module.call(input.clone()), compiled.call(input.clone()));
        return (factory.Name, how);
    }

    private static IEnumerable<MethodInfo> Factories()
        => typeof(nn).GetMethods(BindingFlags.Public | BindingFlags.Static).Where(method => !method.IsGenericMethod && typeof(nn.Module<Tensor, Tensor>).IsAssignableFrom(method.ReturnType)).OrderBy(method => method.Name, StringComparer.Ordinal);

    private static nn.Module<Tensor, Tensor>? Make(MethodInfo factory)
    {
        try
        {
            return (nn.Module<Tensor, Tensor>?)factory.Invoke(null, [.. factory.GetParameters().Select(Argument)]);
        }
        catch (Exception e) when (e is TargetInvocationException or ArgumentException)
        {
            return null;
        }
    }

    private static object? Argument(ParameterInfo parameter) => parameter.ParameterType switch
    {
        _ when parameter.HasDefaultValue => parameter.DefaultValue,
        var type when type == typeof(long) => parameter.Name!.Contains("kernel", StringComparison.OrdinalIgnoreCase) || parameter.Name.Contains("factor", StringComparison.OrdinalIgnoreCase) || parameter.Name.Contains("groups", StringComparison.OrdinalIgnoreCase) ? 2L : 4L,
        var type when type == typeof(int) => 1,
        var type when type == typeof(double) => 0.5,
        var type when type == typeof(long[]) => Enumerable.Repeat(2L, Dimensions(parameter)).ToArray(),
        var type when type == typeof(long?[]) => Enumerable.Repeat<long?>(2, Dimensions(parameter)).ToArray(),
        var type when type == typeof((long, long)) => (2L, 2L),
        var type when type == typeof((long, long, long)) => (2L, 2L, 2L),
        var type when type == typeof((long, long, long, long)) => (1L, 1L, 1L, 1L),
        _ => null,
    };

    private static int Dimensions(ParameterInfo parameter) => parameter.Member.Name[^2] is >= '1' and <= '3' ? parameter.Member.Name[^2] - '0' : 2;

    private static Tensor? Inputs(nn.Module<Tensor, Tensor> module)
    {
        foreach (var shape in Shapes)
            try
            {
                var input = rand(shape);
                module.eval();
                _ = module.call(input.clone());
                return input;
            }
            catch (Exception e) when (e is System.Runtime.InteropServices.ExternalException or ArgumentException or NotImplementedException or NullReferenceException)
            {
            }
        return null;
    }
}
