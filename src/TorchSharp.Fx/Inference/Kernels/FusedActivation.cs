using System.Reflection;
using System.Text;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Inference;

/// <summary>An elementwise function that a fused kernel applies to its result before it leaves the processor's registers.</summary>
internal sealed class FusedActivation
{
    private readonly Func<Tensor, Tensor> inPlace;

    private FusedActivation(string name, int kind, Func<Tensor, Tensor> apply, Func<Tensor, Tensor> inPlace, double[]? scalars = null,
        string algorithm = "", float alpha = 0, float beta = 0)
    {
        (Apply, this.inPlace) = (apply, inPlace);
        Name = name;
        (Algorithm, Alpha, Beta) = (kind, alpha, beta);
        Scalars = scalars ?? [];
        (NativeName, NativeAlgorithm) = (Native(name), Native(algorithm));
    }

    internal static FusedActivation None { get; } = new("none", 0, input => input, result => result);

    internal static FusedActivation Relu { get; } = new("relu", 0x20, input => input.relu(), result => result.relu_());

    private static readonly FusedActivation Relu6 =
        new("hardtanh", 0x2e, input => input.relu6(), result => result.hardtanh_(0, 6), [0, 6], beta: 6);
    private static readonly FusedActivation Silu = new("swish", 0x2c, input => input.silu(), result => result.silu_(), alpha: 1);
    private static readonly FusedActivation Hardswish =
        new("hardswish", 0x34, input => input.hardswish(), result => result.hardswish_(), alpha: 1 / 6f, beta: 0.5f);
    private static readonly FusedActivation Hardsigmoid =
        new("hardsigmoid", 0x28, input => input.hardsigmoid(), result => result.hardsigmoid_(), alpha: 1 / 6f, beta: 0.5f);
    private static readonly FusedActivation Sigmoid = new("sigmoid", 0x29, input => input.sigmoid(), result => result.sigmoid_());
    private static readonly FusedActivation Tanh = new("tanh", 0x21, input => input.tanh(), result => result.tanh_());
    private static readonly FusedActivation Gelu = new("gelu", 0x31, input => input.gelu(), Gelu_, algorithm: "none");

    /// <summary>Clamps to a range.</summary>
    internal static FusedActivation Clip(float low, float high)
        => new("clip", 0x2e, input => input.clamp(low, high), result => result.clamp_(low, high), alpha: low, beta: high);

    /// <summary>The kernel's name for it, also for people.</summary>
    internal string Name { get; }

    /// <summary>Its number in oneDNN's interface (<c>dnnl_alg_kind_t</c>), and two parameters.</summary>
    internal int Algorithm { get; }

    internal float Alpha { get; }

    internal float Beta { get; }

    internal double[] Scalars { get; }

    /// <summary>The name as the C function takes it.</summary>
    internal byte[] NativeName { get; }

    internal byte[] NativeAlgorithm { get; }

    internal bool IsNone => this == None;

    /// <summary>The same by TorchSharp's own operation.</summary>
    internal Func<Tensor, Tensor> Apply { get; }

    /// <summary>The same by TorchSharp's own operation, over its argument.</summary>
    internal void Apply_(Tensor result)
    {
        var handle = inPlace(result);
        if (!ReferenceEquals(handle, result))
            handle.Dispose();
    }

    /// <summary>The activation that a node computes of its first argument; null for any other node.</summary>
    internal static FusedActivation? Of(Node node, ModuleHierarchy modules) => node.target switch
    {
        ModuleTarget target when modules.Module(target.Path) is var module => Hooks.RunBy(node, module) ? null : Of(module),
        FunctionTarget target when TakesOnlyDefaults(node, target.Method) => Named(target.name.TrimEnd('_')),
        MethodTarget target when TakesOnlyDefaults(node, target.Method) => Named(target.name.TrimEnd('_')),
        _ => null,
    };

    private static FusedActivation? Of(nn.Module module) => module switch
    {
        ReLU => Relu,
        ReLU6 => Relu6,
        SiLU => Silu,
        TorchSharp.Modules.Hardswish => Hardswish,
        TorchSharp.Modules.Hardsigmoid => Hardsigmoid,
        TorchSharp.Modules.Sigmoid => Sigmoid,
        TorchSharp.Modules.Tanh => Tanh,
        GELU { approximate: GELU.Approximate.none } => Gelu,
        _ => null,
    };

    private static FusedActivation? Named(string function) => function switch
    {
        "relu" => Relu,
        "relu6" => Relu6,
        "silu" => Silu,
        "hardswish" => Hardswish,
        "hardsigmoid" => Hardsigmoid,
        "sigmoid" => Sigmoid,
        "tanh" => Tanh,
        "gelu" => Gelu,
        _ => null,
    };

    /// <summary>Whether it is one of TorchSharp's operations on one tensor; further arguments may only say where the result goes.</summary>
    private static bool TakesOnlyDefaults(Node node, MethodBase method)
        => method.DeclaringType?.Assembly == TensorTypes.TorchSharp && node.args is [NodeArgument, .. var rest]
            && rest.All(argument => argument is Literal { Value: bool });

    private static Tensor Gelu_(Tensor result)
    {
        using var gelu = result.gelu();
        return result.copy_(gelu);
    }

    internal static byte[] Native(string text) => Encoding.UTF8.GetBytes(text + "\0");
}
