using System.Collections.Immutable;
using System.Globalization;
using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Export;

/// <summary>Functions of TorchSharp's that ATen has under other arguments, or not as one operation.</summary>
internal static class FunctionLowering
{
    private static readonly Dictionary<string, ScalarType> Types = new(StringComparer.Ordinal)
    {
        ["byte"] = ScalarType.Byte, ["char"] = ScalarType.Int8, ["short"] = ScalarType.Int16, ["int"] = ScalarType.Int32,
            ["long"] = ScalarType.Int64,
        ["half"] = ScalarType.Float16, ["bfloat16"] = ScalarType.BFloat16, ["float"] = ScalarType.Float32, ["double"] = ScalarType.Float64,
            ["bool"] = ScalarType.Bool,
    };

    internal static void Lower(Lowering to, Node node)
    {
        if (node.target.Callee?.Method is not { } method)
            return;
        if (method.DeclaringType == typeof(nn.functional))
            LowerFunctional(to, node, method.Name);
        else if (node.target is MemberTarget { Member: { Name: "T" or "mT" } member } && member.DeclaringType == typeof(Tensor))
            to.Replace(node, member.Name == "T" ? to.Call("numpy_T", node.args[0]) : to.Call("transpose.int", node.args[0], -2L, -1L));
        else if (method.DeclaringType == typeof(Tensor))
            LowerMethod(to, node, method);
        else if (method.DeclaringType == typeof(torch) && method.Name == "norm")
            Norm(to, node);
    }

    private static void LowerMethod(Lowering to, Node node, MethodBase method)
    {
        switch (method.Name)
        {
            case "op_Division" when node.args is [Literal { Value: double or float or long or int } number, NodeArgument divisor]:
                var dividend = Convert.ToDouble(number.Value, CultureInfo.InvariantCulture);
                // A number by a tensor, as PyTorch does it.
                to.Replace(node, to.Add((Tensor x) => x.reciprocal().mul(dividend), divisor));
                break;
            case "op_Implicit" or "op_Explicit" when TensorTypes.IsTensor(node.type)
                && TypeOf(method.GetParameters()[0].ParameterType) is { } type:
                to.Replace(node, to.Call("scalar_tensor", node.args[0], new Literal(type)));
                break;
            case "type" or "to_type" when node.args[1] is Literal { Value: ScalarType asked }: to.Replace(node, To(to, node, asked)); break;
            case "cpu": to.Replace(node, to.Call("alias", node.args[0])); break;
            case "norm": Norm(to, node); break;
            case "rrelu": to.Replace(node, LeakyRelu(to, node)); break;
            case var name when Types.TryGetValue(name, out var type)
                && TensorTypes.IsTensor(node.type): to.Replace(node, To(to, node, type)); break;
        }
    }

    private static void LowerFunctional(Lowering to, Node node, string name)
    {
        switch (name)
        {
            case "normalize" when node.args is [NodeArgument source, Literal { Value: double p }, Literal { Value: long dim },
                Literal { Value: double eps }]:
                to.Replace(node, to.Add((Tensor x) => x.div(linalg.vector_norm(x, p, new[] { dim }, true).clamp_min(eps).expand_as(x)),
                    source));
                break;
            case "adaptive_max_pool1d" or "adaptive_max_pool2d" or "adaptive_max_pool3d" when TensorTypes.IsTensor(node.type):
                to.Replace(node, to.CallMany(name, 2, node.args[0], Sizes(node.args[1], name[^2] - '0'))[0]);
                break;
            case "grid_sample": to.Replace(node, GridSample(to, node)); break;
            case "interpolate" or "upsample": to.Replace(node, Resizing.Resized(to, node.args[0], Named(node))); break;
            case "local_response_norm": to.Replace(node, LocalResponseNorm(to, node.args[0], Named(node))); break;
            case "softmax2d": to.Replace(node, to.Call("softmax.int", node.args[0], -3L, new Literal(null))); break;
            case "softmin": to.Replace(node, Softmin(to, node.args[0], (long)((Literal)node.args[1]).Value!)); break;
            case "softsign": to.Replace(node, Softsign(to, node.args[0])); break;
            case "tanhshrink": to.Replace(node, Tanhshrink(to, node.args[0])); break;
            case "rrelu": to.Replace(node, LeakyRelu(to, node)); break;
            case "unfold": to.Replace(node, Columns(to, node, "im2col", ["kernel_size", "dilation", "padding", "stride"])); break;
            case "fold": to.Replace(node, Columns(to, node, "col2im",
                ["output_size", "kernel_size", "dilation", "padding", "stride"])); break;
            case var loss when LossLowering.IsLoss(loss): LossLowering.Lower(to, node, loss); break;
        }
    }

    internal static Node Softmin(Lowering to, Argument source, long dim) => to.Add((Tensor x) => (-x).softmax(dim), source);

    internal static Node Softsign(Lowering to, Argument source) => to.Add((Tensor x) => x.div(x.abs() + 1), source);

    internal static Node Tanhshrink(Lowering to, Argument source) => to.Add((Tensor x) => x - x.tanh(), source);

    /// <summary>Without drawing at random it is a leaky one between its bounds.</summary>
    private static Node LeakyRelu(Lowering to, Node node)
    {
        var (lower, upper) = ((double)((Literal)node.args[1]).Value!, (double)((Literal)node.args[2]).Value!);
        return to.Call("leaky_relu", node.args[0], (lower + upper) / 2);
    }

    private static Node To(Lowering to, Node node, ScalarType type) => to.Call("to.dtype", node.args[0], new Literal(type));

    private static ScalarType? TypeOf(Type number) => number == typeof(int) ? ScalarType.Int32 : number == typeof(long) ? ScalarType.Int64
        : number == typeof(float) ? ScalarType.Float32 : number == typeof(double) ? ScalarType.Float64 : number == typeof(bool)
            ? ScalarType.Bool : null;

    private static void Norm(Lowering to, Node node)
    {
        var given = Named(node);
        var p = Convert.ToDouble((given.GetValueOrDefault("p") as Literal)?.Value ?? 2.0, CultureInfo.InvariantCulture);
        var dim = given.GetValueOrDefault("dim") ?? given.GetValueOrDefault("dimension");
        to.Replace(node, to.Call("linalg_vector_norm", node.args[0], p, dim is Literal { Value: int axis }
            ? new ListArgument([(long)axis], typeof(long)) : new Literal(null),
            given.GetValueOrDefault("keepdim") is Literal { Value: true }));
    }

    private static Node Columns(Lowering to, Node node, string operation, string[] order)
    {
        var given = Named(node);
        return to.Call(operation, [node.args[0], .. order.Select(name => given[name] is Literal { Value: null }
            ? Sizes(name == "padding" ? 0L : 1L, 2) : Sizes(given[name], 2))]);
    }

    internal static Node LocalResponseNorm(Lowering to, Argument source, IReadOnlyDictionary<string, Argument> given)
    {
        var (size, alpha, beta, k) = ((long)Value("size"), Convert.ToDouble(Value("alpha"), CultureInfo.InvariantCulture),
            Convert.ToDouble(Value("beta"), CultureInfo.InvariantCulture), Convert.ToDouble(Value("k"), CultureInfo.InvariantCulture));
        var squares = to.Add((Tensor x) => x.mul(x), source);
        Argument padding(int zeros) => new ListArgument([.. Enumerable.Repeat((Argument)0L, zeros), size / 2, (size - 1) / 2],
            typeof(long));
        Node means;
        if (to.Rank(source) == 3)
        {
            var padded = to.Call("constant_pad_nd", to.Add((Tensor x) => x.unsqueeze(1), squares), padding(2), 0L);
            means = to.Add((Tensor x) => x.squeeze(1), to.Call("avg_pool2d", padded, Sizes(new ListArgument([size, 1L], typeof(long)), 2),
                Sizes(1L, 2)));
        }
        else
        {
            var padded = to.Call("constant_pad_nd", to.Add((Tensor x) => x.view(new[] { x.shape[0], 1, x.shape[1], x.shape[2], -1 }),
                squares), padding(4), 0L);
            means = to.Add((Tensor x, Tensor like) => x.squeeze(1).view_as(like),
                to.Call("avg_pool3d", padded, Sizes(new ListArgument([size, 1L, 1L], typeof(long)), 3), Sizes(1L, 3)), source);
        }
        return to.Add((Tensor x, Tensor mean) => x / mean.mul(alpha).add(k).pow(beta), source, means);

        object Value(string name) => ((Literal)given[name]).Value!;
    }

    private static Node GridSample(Lowering to, Node node)
    {
        var given = Named(node);
        var mode = given["mode"] is Literal { Value: GridSampleMode kind } ? kind == GridSampleMode.Bilinear ? 0L
            : kind == GridSampleMode.Nearest ? 1 : 2 : 0;
        var padding = given["padding_mode"] is Literal { Value: GridSamplePaddingMode outside }
            ? outside == GridSamplePaddingMode.Zeros ? 0L : outside == GridSamplePaddingMode.Border ? 1 : 2 : 0;
        return to.Call("grid_sampler", node.args[0], node.args[1], mode, padding, given["align_corners"] is Literal { Value: true });
    }

    /// <summary>The arguments by the parameters' names.</summary>
    internal static IReadOnlyDictionary<string, Argument> Named(Node node)
        => node.target.Callee!.Value.Names.Zip(node.args).ToDictionary(pair => pair.First, pair => pair.Second, StringComparer.Ordinal);

    /// <summary>One size for each dimension.</summary>
    internal static ListArgument Sizes(Argument given, int dimensions) => given switch
    {
        ListArgument { Items: [var only] } when dimensions > 1 => Sizes(only, dimensions),
        ListArgument list => list,
        TupleArgument tuple => new(tuple.Items, typeof(long)),
        Literal { Value: System.Runtime.CompilerServices.ITuple tuple }
            => new([.. Enumerable.Range(0, tuple.Length).Select(i => (Argument)new Literal(tuple[i]))], typeof(long)),
        _ => new([.. Enumerable.Repeat(given, dimensions)], typeof(long)),
    };
}
