using System.Reflection;

namespace TorchSharp.Fx.Fuzz;

/// <summary>Programs without tensors: the interpreter does what the CLR does.</summary>
public sealed class ConcreteProgramTests
{
    [Fact]
    public void CSharp_in_Debug_and_Release_gives_what_the_CLR_gives()
        => new Campaign(GetType(), programs: 200, new CSharpKind(ConcreteProgram.Write, (seed, builds) => Difference(builds, $"P{seed}", "Run", ConcreteProgram.Inputs(seed)))).Run();

    /// <summary>What is different between the interpreter, on any build, and the CLR.</summary>
    internal static string? Difference(Builds builds, string type, string name, IEnumerable<object[]> arguments)
    {
        foreach (var inputs in arguments)
        {
            // The Debug build's code, which .NET does not optimise: see ILProgram.
            var expected = Outcome.Of(() => Method(builds.Assemblies[0]).Invoke(null, BindingFlags.DoNotWrapExceptions, null, inputs, null));
            foreach (var assembly in builds.Assemblies)
                if (Outcome.Of(() => Interpreted(Method(assembly), inputs)) is var actual && actual != expected)
                    return $"({string.Join(", ", inputs)})\n{Outcome.Difference("the CLR", expected, $"{builds.NameOf(assembly)} here", actual)}";
        }
        return null;

        MethodInfo Method(Assembly assembly) => assembly.GetType(type)!.GetMethod(name)!;
    }

    private static object? Interpreted(MethodInfo method, object[] inputs)
    {
        var interpreter = new Interpreter(new Tracer(), new Graph(), torch.nn.Identity());
        return interpreter.ToObject(interpreter.Run(method, Array.ConvertAll(inputs, value => interpreter.ToValue(value, value.GetType()))), method.ReturnType);
    }
}
