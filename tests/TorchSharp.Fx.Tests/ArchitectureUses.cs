using System.Reflection;
using System.Reflection.Emit;

namespace TorchSharp.Fx.Tests;

/// <summary>
/// Tells which types a type uses, in its signatures and in its code. Constants are not seen: the compiler leaves no trace of where they
/// came from.
/// </summary>
internal static class ArchitectureUses
{
    private const BindingFlags Declared = BindingFlags.DeclaredOnly | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance;

    private static readonly Dictionary<short, OpCode> OpCodesByValue = typeof(OpCodes).GetFields()
        .Select(field => field.GetValue(null)).OfType<OpCode>().ToDictionary(code => code.Value);

    /// <summary>The top-level types which a top-level type and all types nested in it use.</summary>
    public static IEnumerable<Type> Of(Type type) =>
        WithNested(type).SelectMany(Directly).SelectMany(Parts).Select(ArchitectureFolders.Outermost).Distinct();

    /// <summary>The methods and constructors that a type declares itself.</summary>
    public static IEnumerable<MethodBase> Methods(Type type) => [.. type.GetMethods(Declared), .. type.GetConstructors(Declared)];

    private static IEnumerable<Type> WithNested(Type type) => type.GetNestedTypes(Declared).SelectMany(WithNested).Prepend(type);

    private static IEnumerable<Type?> Directly(Type type) =>
    [
        type.BaseType,
        .. type.GetInterfaces(),
        .. type.GetGenericArguments().SelectMany(argument => argument.GetGenericParameterConstraints()),
        .. type.GetFields(Declared).Select(field => field.FieldType),
        .. type.GetMembers(Declared).Prepend(type).SelectMany(member => member.CustomAttributes).Select(attribute => attribute.AttributeType),
        .. Methods(type).SelectMany(InSignature),
        .. Methods(type).SelectMany(InCode),
    ];

    private static IEnumerable<Type?> InSignature(MethodBase method) =>
        method.GetParameters().Select(parameter => parameter.ParameterType).Append((method as MethodInfo)?.ReturnType);

    private static IEnumerable<Type?> InCode(MethodBase method)
    {
        if (method.GetMethodBody() is not { } body) return [];
        return
        [
            .. body.LocalVariables.Select(local => local.LocalType),
            .. body.ExceptionHandlingClauses.Where(clause => clause.Flags == ExceptionHandlingClauseOptions.Clause).Select(clause => clause.CatchType),
            .. Tokens(body.GetILAsByteArray()!).SelectMany(token => Named(Resolve(method, token))),
        ];
    }

    private static MemberInfo? Resolve(MethodBase method, int token) => method.Module.ResolveMember(
        token,
        method.DeclaringType!.GetGenericArguments(),
        method.IsGenericMethod ? method.GetGenericArguments() : []);

    private static IEnumerable<Type?> Named(MemberInfo? member) => member switch
    {
        Type type => [type],
        MethodBase { IsGenericMethod: true } method => [method.DeclaringType, .. method.GetGenericArguments()],
        _ => [member?.DeclaringType],
    };

    /// <summary>The metadata tokens among the operands of a method's code: ECMA-335, III.1.9.</summary>
    private static IEnumerable<int> Tokens(byte[] code)
    {
        for (var offset = 0; offset < code.Length;)
        {
            var isLong = code[offset] == 0xfe;
            var instruction = OpCodesByValue[isLong ? (short)(0xfe00 | code[offset + 1]) : code[offset]];
            offset += isLong ? 2 : 1;
            if (instruction.OperandType is OperandType.InlineMethod or OperandType.InlineField or OperandType.InlineType or OperandType.InlineTok)
                yield return BitConverter.ToInt32(code, offset);
            offset += OperandSize(instruction.OperandType, code, offset);
        }
    }

    private static int OperandSize(OperandType type, byte[] code, int offset) => type switch
    {
        OperandType.InlineNone => 0,
        OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
        OperandType.InlineVar => 2,
        OperandType.InlineI8 or OperandType.InlineR => 8,
        OperandType.InlineSwitch => 4 + 4 * BitConverter.ToInt32(code, offset),
        _ => 4,
    };

    /// <summary>The type definitions that a constructed type names: an array's element, a generic type and its arguments.</summary>
    private static IEnumerable<Type> Parts(Type? type) => type switch
    {
        null => [],
        { HasElementType: true } => Parts(type.GetElementType()),
        { IsConstructedGenericType: true } => type.GetGenericArguments().SelectMany(Parts).Prepend(type.GetGenericTypeDefinition()),
        { IsGenericParameter: true } => [],
        _ => [type],
    };
}
