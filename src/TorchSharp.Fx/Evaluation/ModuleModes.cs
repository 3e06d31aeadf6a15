using System.Reflection;

namespace TorchSharp.Fx.Evaluation;

/// <summary>
/// Training or evaluation, module by module, beside the modules' own flags: those belong to whoever uses the model meanwhile, and are only
/// read.
/// </summary>
internal sealed class ModuleModes(ModuleModes? outer = null)
{
    private static readonly Memo<Type, bool> Readers = new(Reads);

    private readonly Dictionary<torch.nn.Module, bool> given = new(ReferenceEqualityComparer.Instance);

    /// <summary>Whether a module is in training.</summary>
    internal bool IsTraining(torch.nn.Module module)
        => given.TryGetValue(module, out var training) ? training : outer?.IsTraining(module) ?? module.training;

    internal void Set(torch.nn.Module module, bool training) => given[module] = training;

    /// <summary>
    /// Whether a module of TorchSharp's own, or one in it, does something else in training; what it keeps in native code can't be told, or
    /// set, from here.
    /// </summary>
    internal static bool Matters(torch.nn.Module module) => Readers.Of(module.GetType()) || module.children().Any(Matters);

    private static bool Reads(Type type)
    {
        const BindingFlags Declared = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;
        for (var owner = type; owner is not null && owner != typeof(torch.nn.Module); owner = owner.BaseType)
            if (owner.GetMethods(Declared)
                .Any(method => MethodIL.Of(method) is { } code
                    && Array.Exists(code.Instructions, instruction => instruction.Operand is CallSite { Method.Name: "get_training" })))
                return true;
        return false;
    }
}
