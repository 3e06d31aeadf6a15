using System.Collections.Frozen;
using System.Reflection;

namespace TorchSharp.Fx.Tracing;

/// <summary>
/// TorchSharp's state of the whole process or thread. Gradient modes are entered for real and go with the nodes; questions about them
/// are nodes where the answer is the caller's; a change of anything else is refused.
/// </summary>
internal static class GlobalState
{
    /// <summary>Methods that enter a gradient mode, which ends with what they return.</summary>
    internal static readonly FrozenSet<string> Modes = Names("no_grad enable_grad set_grad_enabled inference_mode");

    /// <summary>Methods that change a setting of the process.</summary>
    internal static readonly FrozenSet<string> Settings = Names("""
        set_default_dtype set_default_device set_num_threads set_num_interop_threads use_deterministic_algorithms set_deterministic_debug_mode set_float32_matmul_precision set_warn_always
        set_printoptions set_TensorStringStyle detect_anomaly set_detect_anomaly enable_flash_sdp enable_math_sdp set_allow_tf32 set_allow_fp16_reduced_precision_reduction
        set_create_progress_bar_func
        """);

    internal static Value? Handle(in Invocation call)
    {
        if (call.Traits.Home != Home.TorchSharp)
            return null;
        var (interpreter, method, _) = call;
        if (method.Name == nameof(IDisposable.Dispose)
            && method.DeclaringType is { IsVisible: false, Name: "AutoGradMode" or "InferenceMode" })
            return End(call);
        if (!method.IsStatic)
            return null;
        if (method == GradientMode.GradientsEnabled)
            return Asked(interpreter, GradientMode.GradientsEnabled, interpreter.Gradients.Records);
        if (method == GradientMode.InferenceEnabled)
            return Asked(interpreter, GradientMode.InferenceEnabled, interpreter.Gradients.Infers);
        if (method.DeclaringType == typeof(torch) && Modes.Contains(method.Name))
            return Enter(call);
        return Settings.Contains(method.Name) ? throw Untraceable.ChangesProcess(interpreter, method) : null;
    }

    private static Value Enter(in Invocation call)
    {
        var (interpreter, method, _) = call;
        var guard = interpreter.RunOnHost(method, Array.ConvertAll(call.Arguments, argument => Known(interpreter, method, argument)), null);
        interpreter.Gradients.Entered(guard.Reference!, method.Name == nameof(torch.inference_mode));
        return guard;
    }

    private static Value End(in Invocation call)
    {
        call.Interpreter.Gradients.Ended(call.This!);
        call.Interpreter.RunOnHost(call.Method, call.Arguments, null);
        return default;
    }

    private static Value Asked(Interpreter interpreter, MethodInfo question, bool? answer) => answer is { } known
        ? Value.Of(known)
        : interpreter.FromProxy(interpreter.Tracer.create_proxy(Opcode.call_function, new FunctionTarget(question), [], typeof(bool)));

    private static Value Known(Interpreter interpreter, MethodBase method, Value flag)
        => flag.IsSymbol ? interpreter.Specialise(flag.Symbol) ?? throw Untraceable.NeedsValue(interpreter, method, flag.Symbol) : flag;

    private static FrozenSet<string> Names(string names)
        => names.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).ToFrozenSet(StringComparer.Ordinal);
}
