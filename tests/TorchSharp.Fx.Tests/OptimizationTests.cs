using System.Diagnostics;
using System.Reflection;

namespace TorchSharp.Fx.Tests;

/// <summary>The same tests run against what a Debug compiler emits and, in Tests.Optimized, against what a Release compiler does.</summary>
public sealed class OptimizationTests
{
    [Fact]
    public void Each_test_project_is_compiled_as_its_name_says_in_every_configuration()
    {
        var assembly = typeof(OptimizationTests).Assembly;
        var isUnoptimized = assembly.GetCustomAttribute<DebuggableAttribute>()?.IsJITOptimizerDisabled ?? false;
        Assert.Equal(assembly.GetName().Name == "TorchSharp.Fx.Tests", isUnoptimized);
    }
}
