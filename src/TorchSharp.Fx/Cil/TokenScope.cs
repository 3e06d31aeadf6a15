using System.Reflection;

namespace TorchSharp.Fx.Cil;

/// <summary>Resolves the metadata tokens of one method's body in that method's generic context.</summary>
internal sealed class TokenScope(MethodBase method)
{
    private readonly Module module = method.Module;
    private readonly Type[]? typeArguments = method.DeclaringType is { IsGenericType: true } type ? type.GetGenericArguments() : null;
    private readonly Type[]? methodArguments = method.IsGenericMethod ? method.GetGenericArguments() : null;

    public Type Type(int token) => Resolve(token, static (s, t) => s.module.ResolveType(t, s.typeArguments, s.methodArguments));

    public MethodBase Method(int token) =>
        Resolve(token, static (s, t) => s.module.ResolveMethod(t, s.typeArguments, s.methodArguments)!);

    public FieldInfo Field(int token) =>
        Resolve(token, static (s, t) => s.module.ResolveField(t, s.typeArguments, s.methodArguments)!);

    public MemberInfo Member(int token) =>
        Resolve(token, static (s, t) => s.module.ResolveMember(t, s.typeArguments, s.methodArguments)!);

    // Equal literals are one object (ECMA-335 III.4.16).
    public string String(int token) => Resolve(token, static (s, t) => string.Intern(s.module.ResolveString(t)));

    public byte[] Signature(int token) => Resolve(token, static (s, t) => s.module.ResolveSignature(t));

    private T Resolve<T>(int token, Func<TokenScope, int, T> resolve)
    {
        try
        {
            return resolve(this, token);
        }
        catch (Exception e)
        {
            // A missing assembly, type or member and a bad token each come as another exception, all with the same meaning here.
            throw new TypeLoadException(
                $"{MethodIL.Describe(method)} refers to something that cannot be loaded (token 0x{token:X8}): {e.Message} " +
                "A dependency of that assembly is missing or of another version.", e);
        }
    }
}
