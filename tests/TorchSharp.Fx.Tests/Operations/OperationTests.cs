using System.Reflection;
using TorchSharp.Fx.Tests.Tracing;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Operations;

/// <summary>Every public operation of TorchSharp, found by reflection: it records one node of itself, and the compiled node gives what a direct call gives.</summary>
[Collection("Tensor counts")] // it seeds the generator that all share
public sealed class OperationTests
{
    private static readonly ScalarType[] DTypes = [float32, int64, ScalarType.Bool];

    /// <summary>Operations whose result is memory as it was found, also in part.</summary>
    private static readonly string[] LeavesUndetermined = ["empty", "new_empty", "lstsq"];

    private static HashSet<string> WithoutNode => [.. OperationExceptions.WithoutNode.SelectMany(group => group.Operations)];

    [Fact]
    public void An_operation_on_symbols_is_a_node_of_that_very_overload_and_compiles()
    {
        using var scope = NewDisposeScope();
        var failed = PublicOperations.All.Where(operation => !Succeeds(() => Recorded(operation.Value, true, float32).Compile())).Select(operation => operation.Key);
        Assert.Equal(WithoutNode.Order(StringComparer.Ordinal), failed.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void An_operation_that_takes_a_generator_draws()
        => Assert.All(PublicOperations.All.Where(operation => operation.Value.GetParameters().Any(parameter => parameter.ParameterType == typeof(Generator))),
            operation => Assert.True(Fx.Graphs.Operations.Of(operation.Value) is var does && (does.IsOpaque || does.Views == Operands.All || does.Has(Effects.Draws)), operation.Key));

    [Fact]
    public void No_operation_takes_or_gives_code_modules_handles_or_files()
    {
        Type[] refused = [typeof(Delegate), typeof(nn.Module), typeof(optim.Optimizer), typeof(Stream), typeof(MemberInfo), typeof(Task)];
        var operations = typeof(torch).Assembly.GetExportedTypes().SelectMany(type => type.GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly))
            .Where(Fx.Tracing.TensorOperations.IsOperation).ToArray();
        Assert.InRange(operations.Length, 1000, 5000);
        Assert.All(operations, operation => Assert.DoesNotContain(operation.GetParameters().Select(parameter => parameter.ParameterType).Append(operation.ReturnType).SelectMany(Parts),
            part => part.IsPointer || part == typeof(nint) || Array.Exists(refused, type => type.IsAssignableFrom(part))));

        static IEnumerable<Type> Parts(Type type) => [type, .. type.HasElementType ? Parts(type.GetElementType()!) : type.GetGenericArguments().SelectMany(Parts)];
    }

    [Fact]
    public void An_operation_on_symbolic_tensors_gives_what_a_direct_call_gives()
    {
        var (failures, compared) = (new List<string>(), 0);
        var skipped = WithoutNode;
        foreach (var (name, method) in PublicOperations.All)
        {
            if (skipped.Contains(name) || !TakesTensors(method))
                continue;
            using var scope = NewDisposeScope();
            try
            {
                if (!OperationExceptions.EndTheProcess.Contains(name) && DTypes.Any(dtype => Compare(method, dtype)))
                    compared++;
                else
                    _ = Recorded(method, false, float32).Compile();
            }
            catch (Exception exception)
            {
                failures.Add($"{name}: {exception.Message}");
            }
        }
        Assert.Empty(failures);
        Assert.InRange(compared, 1350, PublicOperations.All.Count);
    }

    private static bool TakesTensors(MethodBase method)
        => (!method.IsStatic && !method.IsConstructor) || method.GetParameters().Any(parameter => PublicOperations.HoldsTensor(parameter.ParameterType));

    private static SymbolicCall Recorded(MethodBase method, bool everything, ScalarType dtype)
    {
        var call = new SymbolicCall(method, everything, new Samples(dtype, everything));
        Assert.Single(call.Calls);
        return call;
    }

    /// <summary>Whether the direct call accepts the samples; if so the compiled one must give the same, and leave the same in its inputs.</summary>
    private static bool Compare(MethodBase method, ScalarType dtype)
    {
        var samples = new Samples(dtype);
        var call = Recorded(method, false, dtype);
        if (call.Inputs.Count is 0 or > 2 || !call.Inputs.All(input => input is Tensor))
            return false;
        var receiver = method.IsStatic || method.IsConstructor ? null : samples.Receiver(method.DeclaringType!);
        object?[] arguments = [.. method.GetParameters().Select(samples.Of)];
        object? direct = null;
        if (!Succeeds(() => direct = Seeded(() => Thunks.Invoke(method, receiver, arguments))))
            return false;
        var compiled = Seeded(call.Compile());
        if (!Array.Exists(LeavesUndetermined, method.Name.StartsWith))
            Same(direct, compiled, method);
        foreach (var (left, right) in arguments.Prepend(receiver).OfType<Tensor>().Zip(call.Inputs.OfType<Tensor>()))
            if (!left.IsInvalid)
                Traced.Same(left, right);
        return true;
    }

    private static void Same(object? direct, object? compiled, MethodBase method)
    {
        if (direct is Tensor { IsInvalid: true })
            Assert.True(compiled is Tensor { IsInvalid: true });
        else if (direct is Tensor { is_sparse: true } sparse)
            Traced.Same(sparse.to_dense(), ((Tensor)compiled!).to_dense());
        else if (direct is Device or Scalar or Size)
            Assert.Equal(direct.ToString(), compiled?.ToString());
        else if (direct is Tensor or System.Collections.IList or System.Runtime.CompilerServices.ITuple or string || direct?.GetType().IsValueType == true)
            Traced.Same(direct, compiled);
        else if ((method as MethodInfo)?.ReturnType != typeof(void))
            Assert.Equal(direct?.GetType(), compiled?.GetType());
    }

    private static object? Seeded(Func<object?> run)
    {
        manual_seed(1);
        return run();
    }

    private static bool Succeeds(Func<object?> act)
    {
        try
        {
            _ = act();
            return true;
        }
        catch (Exception)
        {
            return false;
        }
    }
}
