using System.Reflection;
using System.Reflection.Emit;

namespace TorchSharp.Fx.Cil;

/// <summary>A method's body, decoded once.</summary>
internal sealed class MethodIL
{
    private static readonly Memo<MethodBase, MethodIL?> Cache = new(Read);

    private SequencePoints? points;

    internal MethodIL(MethodBase method, MethodBody body)
    {
        Method = method;
        Parameters = method.GetParameters();
        ArgumentCount = Parameters.Length + (method.IsStatic ? 0 : 1);
        InitLocals = body.InitLocals;
        MaxStack = body.MaxStackSize;
        Locals = LocalTypes(body);
        (Instructions, Regions) = new Decoder(this, body).Decode();
    }

    public MethodBase Method { get; }

    public ParameterInfo[] Parameters { get; }

    /// <summary>How many arguments the method has, <c>this</c> included.</summary>
    public int ArgumentCount { get; }

    public Type[] Locals { get; }

    public bool InitLocals { get; }

    public int MaxStack { get; }

    public Instruction[] Instructions { get; }

    /// <summary>The protected regions in the order of the metadata: inner ones first.</summary>
    public ExceptionRegion[] Regions { get; }

    /// <summary>
    /// The body of a method, or null if it has none in CIL: abstract, extern, provided by the runtime, or generated at run time.
    /// </summary>
    /// <exception cref="InvalidProgramException">The body is malformed.</exception>
    /// <exception cref="TypeLoadException">The method's own signature or locals name a type that cannot be loaded.</exception>
    public static MethodIL? Of(MethodBase method)
    {
        if (method is DynamicMethod) return null;
        return Cache.Of(AsDeclared(method));
    }

    /// <summary>The line of C# that an instruction was compiled from; null without a matching PDB.</summary>
    public SourceLine? LineOf(int instructionIndex) =>
        (points ??= SequencePoints.Of(Method)).At(Instructions[instructionIndex].Offset);

    public override string ToString() => Describe(Method);

    internal static string Describe(MethodBase method) =>
        $"`{method.DeclaringType?.ToString() ?? "<Module>"}.{method.Name}` in {method.Module.Assembly.GetName().Name}";

    /// <summary>Reflection hands out another object for each derived class that a method is seen through.</summary>
    private static MethodBase AsDeclared(MethodBase method) =>
        method.DeclaringType is not { } type || type == method.ReflectedType
            ? method
            : MethodBase.GetMethodFromHandle(method.MethodHandle, type.TypeHandle)!;

    private static MethodIL? Read(MethodBase method)
    {
        try
        {
            return method.GetMethodBody() is { } body ? new MethodIL(method, body) : null;
        }
        catch (Exception e) when (e is not InvalidProgramException)
        {
            throw new TypeLoadException($"{Describe(method)} has a signature or locals that cannot be loaded: {e.Message} " +
                "A dependency of that assembly is missing or of another version.", e);
        }
    }

    private static Type[] LocalTypes(MethodBody body)
    {
        var variables = body.LocalVariables;
        var types = new Type[variables.Count];
        for (var i = 0; i < types.Length; i++) types[i] = variables[i].LocalType;
        return types;
    }
}
