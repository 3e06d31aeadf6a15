namespace TorchSharp.Fx.Tracing;

/// <summary>
/// The gradient mode that the traced program is in. It enters modes for real, so that what it computes for real is right; this follows
/// which of them are its own: all others are the caller's, whoever that will be when the graph runs.
/// </summary>
internal sealed class GradientState(Interpreter interpreter)
{
    // What each guard that the program made gives back.
    private readonly Dictionary<object, ((bool? Records, bool? Infers) Before, bool IsInference)?> before =
        new(ReferenceEqualityComparer.Instance);
    private (bool? Records, bool? Infers) now;
    private Origin? at;

    /// <summary>Whether gradients are recorded; null where the caller decides.</summary>
    internal bool? Records => now.Records;

    /// <summary>Whether inference mode is on; null where the caller decides.</summary>
    internal bool? Infers => now.Infers;

    /// <summary>The mode of a node that is made now.</summary>
    internal GradientMode? ModeOf(Node node)
        => now.Records is { } records && GradientMode.Matters(node) && (node.target is not MemberTarget || TensorTypes.MayHold(node.type))
        ? GradientMode.Of(records, now.Infers)
        : null;

    /// <summary>Notes that a mode was just entered.</summary>
    /// <param name="guard">What ends it when it is disposed.</param>
    /// <param name="isInference">Whether it is inference mode, which sets gradients, too.</param>
    internal void Entered(object guard, bool isInference)
    {
        before[guard] = (now, isInference);
        at = interpreter.Here();
        now = (torch.is_grad_enabled(), isInference ? torch.is_inference_mode_enabled() : now.Infers);
    }

    /// <summary>Notes that a mode ends.</summary>
    internal void Ended(object guard)
    {
        if (!before.TryGetValue(guard, out var entered))
            throw Untraceable.ForeignMode(interpreter, "ends a gradient mode that was entered before it ran");
        // Disposed once more, inference mode does nothing, and the others give back what they found once more.
        if (entered is not (var earlier, var isInference))
            return;
        now = isInference ? earlier : now with { Records = earlier.Records };
        if (isInference)
            before[guard] = null;
        if (now is (null, not null))
            throw Untraceable.ForeignMode(interpreter, "ends an outer gradient mode before an inner one");
    }

    /// <summary>Refuses a program that leaves a mode on.</summary>
    internal void CheckRestored()
    {
        if (now.Records is { } records)
            throw Untraceable.ModeIsLeft(interpreter, GradientMode.Of(records, now.Infers), at);
    }
}
