using System.Reflection;
using System.Runtime.CompilerServices;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Testing;

/// <summary>
/// A static tensor lives as long as the process. Made where a dispose scope happens to be open, it would die with that scope: so it is made outside of all (<c>DetachFromDisposeScope</c>), whoever touches
/// its class first.
/// </summary>
public sealed class StaticTensorTests
{
    private const BindingFlags Statics = BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;

    [Fact]
    public void No_static_tensor_belongs_to_whichever_dispose_scope_is_open()
    {
        FieldInfo[] fields = [.. Assemblies().SelectMany(assembly => assembly.GetTypes()).Where(type => !type.ContainsGenericParameters).SelectMany(type => type.GetFields(Statics)).Where(field => !field.IsLiteral && MayHold(field.FieldType))];
        using (NewDisposeScope())
            foreach (var field in fields)
                RuntimeHelpers.RunClassConstructor(field.DeclaringType!.TypeHandle);
        Assert.Equal("", string.Join('\n', fields.Where(field => Tensors(field.GetValue(null)).Any(tensor => tensor.IsInvalid)).Select(field => $"{field.DeclaringType}.{field.Name}")));
    }

    private static IEnumerable<Assembly> Assemblies()
        => AppDomain.CurrentDomain.GetAssemblies().Where(assembly => !assembly.IsDynamic && assembly.GetName().Name is { } name && (name == "torchfx" || name.StartsWith("TorchSharp.Fx", StringComparison.Ordinal)));

    /// <summary>A tensor, a module, or an array or pair of them; what a list or dictionary holds comes later than its class.</summary>
    private static bool MayHold(Type type) => typeof(Tensor).IsAssignableFrom(type) || typeof(nn.Module).IsAssignableFrom(type)
        || (type.IsArray ? MayHold(type.GetElementType()!) : typeof(ITuple).IsAssignableFrom(type) && type.GetGenericArguments().Any(MayHold));

    private static IEnumerable<Tensor> Tensors(object? value) => value switch
    {
        Tensor tensor => [tensor],
        nn.Module module => module.parameters().Concat(module.buffers()),
        ITuple tuple => Enumerable.Range(0, tuple.Length).SelectMany(i => Tensors(tuple[i])),
        Array array => array.Cast<object?>().SelectMany(Tensors),
        _ => [],
    };
}
