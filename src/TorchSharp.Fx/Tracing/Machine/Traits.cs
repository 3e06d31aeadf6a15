using System.Reflection;
using System.Runtime.CompilerServices;

namespace TorchSharp.Fx.Tracing;

/// <summary>The facts about a method that call handlers need again and again.</summary>
internal sealed class Traits
{
    private static readonly Memo<MethodBase, Traits> Known = new(method => new(method));

    private Traits(MethodBase method)
    {
        Method = method;
        Home = HomeOf(method.DeclaringType ?? typeof(object));
        IsPlace = Home == Home.User
            && method.DeclaringType?.Namespace?.StartsWith("Microsoft.FSharp.", StringComparison.Ordinal) is not true;
        Parameters = method.GetParameters();
        ReturnType = method is MethodInfo { ReturnType: var type } ? type : method.DeclaringType!;
        ReturnsVoid = method is ConstructorInfo || ReturnType == typeof(void);
        Property = method.IsSpecialName && method.Name.StartsWith("get_", StringComparison.Ordinal) && Parameters.Length == 0
            && !method.IsStatic
            ? method.DeclaringType!.GetProperty(method.Name[4..],
                BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly)
            : null;
        IsModuleCall = !method.IsStatic && method.Name is "call" or "forward"
            && (typeof(torch.nn.Module).IsAssignableFrom(method.DeclaringType) || method.DeclaringType is { IsInterface: true }
                && method.DeclaringType.Name.StartsWith("IModule", StringComparison.Ordinal));
        MayWrite = Home == Home.TorchSharp
            && (Operations.Of(method).Writes != Operands.None
                || Array.Exists(Parameters, parameter => parameter.Name is "inplace" or "out"));
        IsAsync = method.IsDefined(typeof(AsyncStateMachineAttribute), false)
            || method.IsDefined(typeof(AsyncIteratorStateMachineAttribute), false);
        var open = Open(method);
        OpenParameters = open is null ? Parameters : open.GetParameters();
        Surroundings = Home == Home.User ? null : Tracing.Surroundings.Of(method);
    }

    internal MethodBase Method { get; }

    /// <summary>The method's body; null if it has none in CIL.</summary>
    internal MethodIL? Code => field ??= MethodIL.Of(Method);

    internal Home Home { get; }

    /// <summary>Its row in the table of operations.</summary>
    internal Operation Does => field ??= Operations.Of(Method);

    /// <summary>Whether a call may write to an argument.</summary>
    internal bool MayWrite { get; }

    /// <summary>
    /// Whether a message may name a line of this code: F#'s own library is followed like the user's code, but nobody looks there.
    /// </summary>
    internal bool IsPlace { get; }

    internal ParameterInfo[] Parameters { get; }

    /// <summary>
    /// The parameters in the open generic definition: a bare type parameter there means that the method can't look into the argument.
    /// </summary>
    internal ParameterInfo[] OpenParameters { get; }

    /// <summary>The type of a call's result; a constructor's is the type it constructs.</summary>
    internal Type ReturnType { get; }

    /// <summary>Whether the body ends with nothing on the stack.</summary>
    internal bool ReturnsVoid { get; }

    /// <summary>The property whose getter this is.</summary>
    internal PropertyInfo? Property { get; }

    /// <summary>Whether it is the <c>call</c> or <c>forward</c> of a module.</summary>
    internal bool IsModuleCall { get; }

    internal bool IsAsync { get; }

    /// <summary>The fact about the time, the process, the machine or a setting that the method tells; null if none.</summary>
    internal SurroundingsKind? Surroundings { get; }

    internal static Traits Of(MethodBase method) => Known.Of(method);

    internal static Home HomeOf(Type type) => Homes.Of(type);

    private static MethodBase? Open(MethodBase method)
    {
        try
        {
            return method.Module.ResolveMethod(method.MetadataToken);
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException or NotSupportedException)
        {
            return null;
        }
    }
}
