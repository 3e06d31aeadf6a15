using System.Reflection;

namespace TorchSharp.Fx;

/// <summary>
/// Whether a node records gradients, where the traced program set this with <c>no_grad</c>, <c>enable_grad</c> or <c>inference_mode</c>. A
/// node without a gradient mode runs in the mode of the code that runs the graph. Counterparts: <c>torch.no_grad</c>,
/// <c>torch.enable_grad</c>, <c>torch.inference_mode</c>.
/// </summary>
public sealed class GradientMode
{
    /// <summary>No gradients are recorded. Counterpart: <c>torch.no_grad</c>.</summary>
    public static readonly GradientMode no_grad = new(false, null, "no_grad", "no_grad()");

    /// <summary>Gradients are recorded, even if the caller switched them off. Counterpart: <c>torch.enable_grad</c>.</summary>
    public static readonly GradientMode enable_grad = new(true, null, "enable_grad", "enable_grad()");

    /// <summary>
    /// No gradients are recorded, and the new tensors can never take part in differentiation. Counterpart: <c>torch.inference_mode</c>.
    /// </summary>
    public static readonly GradientMode inference_mode = new(false, true, "inference_mode", "inference_mode()");

    private static readonly GradientMode[] All =
    [
        no_grad, enable_grad, inference_mode,
        new(true, true, "inference_mode+enable_grad", "inference_mode()", "enable_grad()"),
        new(true, false, "no_inference_mode", "inference_mode(false)"),
        new(false, false, "no_inference_mode+no_grad", "inference_mode(false)", "no_grad()"),
    ];

    private readonly string name;

    private GradientMode(bool records, bool? infers, string name, params string[] calls)
        => (Records, Infers, this.name, Calls) = (records, infers, name, calls);

    /// <summary>Whether gradients are recorded.</summary>
    internal bool Records { get; }

    /// <summary>Whether inference mode is on; as the caller has it when null.</summary>
    internal bool? Infers { get; }

    /// <summary>The calls of TorchSharp that enter it, the outer first.</summary>
    internal IReadOnlyList<string> Calls { get; }

    /// <summary>The mode that records gradients or doesn't, with inference mode on, off, or as the caller has it.</summary>
    internal static GradientMode Of(bool records, bool? infers)
        => Array.Find(All, mode => mode.Records == records && mode.Infers == infers)!;

    /// <summary>The mode of a name, as <see cref="ToString"/> writes it; null for any other text.</summary>
    internal static GradientMode? Of(string name) => Array.Find(All, mode => mode.name == name);

    /// <summary>The function that asks whether gradients are recorded.</summary>
    internal static readonly MethodInfo GradientsEnabled = typeof(torch).GetMethod(nameof(torch.is_grad_enabled))!;

    /// <summary>The function that asks whether inference mode is on.</summary>
    internal static readonly MethodInfo InferenceEnabled = typeof(torch).GetMethod(nameof(torch.is_inference_mode_enabled))!;

    /// <summary>Whether a method asks for the mode that it is called in.</summary>
    internal static bool IsAskedBy(MethodBase method) => method == GradientsEnabled || method == InferenceEnabled;

    /// <summary>Whether a node does.</summary>
    internal static bool IsAskedBy(Node node) => node.target is FunctionTarget { Method: var method } && IsAskedBy(method);

    /// <summary>Whether the mode makes a difference to a node: arithmetic on numbers and reads of parameters don't notice it.</summary>
    internal static bool Matters(Node node) => node.target is not (AttributeTarget or BuiltinTarget or OutputTarget or PlaceholderTarget);

    /// <summary>Enters the mode on this thread until the result is disposed.</summary>
    internal IDisposable Enter() => new Entered(this);

    /// <summary><c>no_grad</c></summary>
    public override string ToString() => name;

    private sealed class Entered(GradientMode mode) : IDisposable
    {
        // In this order: inference mode sets the other, too.
        private readonly IDisposable? inference = mode.Infers is { } infers ? torch.inference_mode(infers) : null;
        private readonly IDisposable gradients = torch.set_grad_enabled(mode.Records);

        public void Dispose()
        {
            gradients.Dispose();
            inference?.Dispose();
        }
    }
}
