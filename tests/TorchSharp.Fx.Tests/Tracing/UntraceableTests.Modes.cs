using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Tracing;

/// <summary>Refusals of what a forward does to the modes of its thread and the settings of its process.</summary>
public sealed partial class UntraceableTests
{
    private sealed class LeavingMode() : nn.Module<Tensor, Tensor>(nameof(LeavingMode))
    {
        public override Tensor forward(Tensor x)
        {
            set_grad_enabled(false);
            return x * 2;
        }
    }

    [Fact]
    public void FX030_a_gradient_mode_that_outlasts_forward()
    {
        var before = is_grad_enabled();
        var refusal = Assert.Throws<TraceException>(() => new Tracer().trace(new LeavingMode()));
        Assert.Equal(before, is_grad_enabled());
        Assert.Equal("FX030: The program enters no_grad() at UntraceableTests.Modes.cs:12 and returns without leaving it, so that all its caller does next would run in it; a graph gives the caller's mode "
            + "back. It happens in the root module at its start. Leave it before forward returns (using var mode = no_grad();), or enter it outside of forward.", refusal.Message);
    }

    private static void RefusedIn(nn.Module module, int line, string what, string fix)
        => Assert.Equal($"{what} It happens in the root module at UntraceableTests.Modes.cs:{line}. {fix}", Assert.Throws<TraceException>(() => new Tracer().trace(module)).Message);

    private sealed class Interleaved() : nn.Module<Tensor, Tensor>(nameof(Interleaved))
    {
        public override Tensor forward(Tensor x)
        {
            var gradients = no_grad();
            using var inference = inference_mode();
            gradients.Dispose();
            return x * 2;
        }
    }

    private sealed class EndingAnothers(IDisposable mode) : nn.Module<Tensor, Tensor>(nameof(EndingAnothers))
    {
        public override Tensor forward(Tensor x)
        {
            mode.Dispose();
            return x * 2;
        }
    }

    [Fact]
    public void FX031_gradient_modes_that_forward_alone_does_not_tell()
    {
        const string Fix = "Enter each gradient mode within forward, with using, and let the inner one end before the outer one.";
        RefusedIn(new Interleaved(), 36, "FX031: The program ends an outer gradient mode before an inner one, so that forward alone doesn't say in which mode the next operations run.", Fix);
        using var mode = no_grad();
        RefusedIn(new EndingAnothers(mode), 45, "FX031: The program ends a gradient mode that was entered before it ran, so that forward alone doesn't say in which mode the next operations run.", Fix);
        Assert.False(is_grad_enabled());
    }

    private sealed class SettingDefaults() : nn.Module<Tensor, Tensor>(nameof(SettingDefaults))
    {
        public override Tensor forward(Tensor x)
        {
            set_default_dtype(float64);
            return x + ones(2);
        }
    }

    [Fact]
    public void FX032_a_setting_of_the_process()
    {
        const string What = "FX032: torch.set_default_dtype changes a setting of the whole process, which running the graph would not do.";
        var refusal = Assert.Throws<TraceException>(() => new Tracer().trace(new SettingDefaults()));
        Assert.Equal(float32, get_default_dtype());
        Assert.Equal($"{What} It happens in the root module at UntraceableTests.Modes.cs:64. Call it before the model runs, give each operation what it needs (dtype:, device:), or {OrLeaf}", refusal.Message);
    }

    /// <summary>What TorchSharp's public static methods without tensors do to the process; what is made here is none of it.</summary>
    [Fact]
    public void Every_setting_of_TorchSharp_is_known()
    {
        string[] harmless = ["InitializeDeviceType", "CheckForErrors", "synchronize", "manual_seed", "manual_seed_all", "_assert", "DecompressGZipFile", "ExtractTGZ", "download_url_to_file", "clip_grad_value_", "save"];
        var settings = typeof(torch).Assembly.GetExportedTypes().Where(type => type.IsAbstract && type.IsSealed && (type == typeof(torch) || type.FullName!.StartsWith("TorchSharp.torch+", StringComparison.Ordinal)))
            .SelectMany(type => type.GetMethods(System.Reflection.BindingFlags.Static | System.Reflection.BindingFlags.Public | System.Reflection.BindingFlags.DeclaredOnly))
            .Where(method => (method.ReturnType == typeof(void) || method.ReturnType == typeof(IDisposable) || method.Name.StartsWith("set_", StringComparison.Ordinal))
                && !method.GetParameters().Any(parameter => parameter.ParameterType.ToString().Contains("Tensor", StringComparison.Ordinal) || parameter.ParameterType.ToString().Contains("Parameter", StringComparison.Ordinal)))
            .Select(method => method.Name).Distinct();
        Assert.Empty(settings.Except([.. harmless, .. Fx.Tracing.GlobalState.Modes, .. Fx.Tracing.GlobalState.Settings, "set_rng_state"]));
    }
}
