using System.Collections;
using System.Reflection;
using System.Runtime.CompilerServices;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Evaluation;

/// <summary>
/// Copies modules with all that they hold: each object once, so that what is tied stays tied. Delegates, what is to be disposed, and the
/// objects of .NET's own that are no collections are shared.
/// </summary>
internal sealed class DeepCopy
{
    private static readonly MethodInfo MemberwiseCopy =
        typeof(object).GetMethod(nameof(MemberwiseClone), BindingFlags.Instance | BindingFlags.NonPublic)!;
    private readonly Dictionary<object, object> copies = new(ReferenceEqualityComparer.Instance);
    private string path = "";

    /// <summary>The modes that copied modules get; their own where null.</summary>
    internal ModuleModes? Modes { get; init; }

    /// <summary>Whether a module that TorchSharp keeps in native code is shared, unless it writes to its own parameters.</summary>
    internal bool SharesNative { get; init; }

    /// <summary>Whether parameters are shared, as TorchSharp's own modules only read them.</summary>
    internal bool SharesParameters { get; init; }

    /// <summary>The copies of tensors.</summary>
    internal IEnumerable<Tensor> Tensors => copies.Values.OfType<Tensor>();

    /// <summary>The copy of a module or tensor; <paramref name="name"/> is its path, for a message.</summary>
    internal object Of(object original, string name)
    {
        path = name;
        return Copy(original)!;
    }

    private object? Copy(object? original)
    {
        if (original is null or string or Delegate or MemberInfo or Device
            || original.GetType() is { IsPrimitive: true } or { IsEnum: true })
            return original;
        if (copies.TryGetValue(original, out var known))
            return known;
        return original switch
        {
            Parameter when SharesParameters => original,
            Tensor tensor => OfTensor(tensor),
            nn.Module module => OfModule(module),
            Array array => OfArray(array),
            IDictionary dictionary => OfDictionary(dictionary),
            _ => IsCopied(original) ? OfFields(original) : original,
        };
    }

    /// <summary>A disposable object holds something that its fields don't tell.</summary>
    private static bool IsCopied(object original) => original is ITuple
        || (original is not IDisposable && original.GetType().Namespace is var name
            && (name?.StartsWith("System", StringComparison.Ordinal) is not true
                || name.StartsWith("System.Collections", StringComparison.Ordinal)));

    private Tensor OfTensor(Tensor tensor)
    {
        using var values = tensor.detach();
        var copy = values.clone();
        if (tensor is not Parameter)
            return (Tensor)(copies[tensor] = copy.requires_grad_(tensor is { requires_grad: true, is_leaf: true })
                .DetachFromDisposeScope());
        // A parameter has a handle of its own.
        using (copy)
            return (Tensor)(copies[tensor] = new Parameter(copy, tensor.requires_grad).DetachFromDisposeScope());
    }

    private nn.Module OfModule(nn.Module module)
    {
        if (module is ICloneable own)
            return (nn.Module)(copies[module] = own.Clone());
        if (Registry.IsNative(module) && SharesNative && !NativeSettings.Renormalises(module))
            return module;
        var copy = (nn.Module)MemberwiseCopy.Invoke(module, null)!;
        copies[module] = copy;
        var donor = Registry.IsNative(module) ? Native(module) : new Scope(module.GetName());
        donor.train(Modes?.IsTraining(module) ?? module.training);
        CopyFields(module, copy);
        foreach (var (name, parameter) in donor.named_parameters())
        {
            // Those that native code makes are the dispose scope's in which it does.
            parameter.DetachFromDisposeScope();
            Registry.Replace(copy, name, parameter);
        }
        Registry.GiveHandle(donor, copy);
#pragma warning disable CA1816 // A finalizer may dispose what is shared; the handle has one of its own.
        if (SharesNative)
            GC.SuppressFinalize(copy);
#pragma warning restore CA1816
        return copy;
    }

    /// <summary>A native module of the same settings, whose parameters count as the copies of this one's.</summary>
    private nn.Module Native(nn.Module module)
    {
        nn.Module made;
        try
        {
            made = NativeSettings.Factory(module.GetType().Name) is null
                ? throw new NotSupportedException("TorchSharp keeps it in native code") : NativeSettings.Like(module);
        }
        catch (NotSupportedException error)
        {
            throw new NotSupportedException(
                $"The module '{path}', a {module.GetType().Name}, can't be copied: {error.Message}. Share it with clone(share_parameters: "
                    + "true), or make a model of its own and load this one's state_dict.", error);
        }
        foreach (var (name, parameter) in module.named_parameters())
        {
            var isTied = copies.ContainsKey(parameter);
            var given = (Parameter)Copy(parameter)!;
            var own = NativeSettings.Give(made, name, given);
            if (ReferenceEquals(own, given))
                continue;
            if (isTied)
                throw new NotSupportedException(
                    $"The module '{path}', a {module.GetType().Name}, can't be copied: it shares its parameter '{name}' with another "
                        + "module, and TorchSharp can't give it one.");
            given.Dispose();
            copies[parameter] = own;
        }
        return made;
    }

    private Array OfArray(Array array)
    {
        var copy = (Array)array.Clone();
        copies[array] = copy;
        if (array.GetType().GetElementType() is { IsPrimitive: false, IsEnum: false } element && element != typeof(string)
            && array.Rank == 1)
            for (var i = 0; i < copy.Length; i++)
                copy.SetValue(Copy(array.GetValue(i)), i);
        return copy;
    }

    /// <summary>Its entries are put in anew: a copied key has a hash of its own.</summary>
    private IDictionary OfDictionary(IDictionary dictionary)
    {
        var copy = (IDictionary)OfFields(dictionary);
        copy.Clear();
        foreach (DictionaryEntry entry in dictionary)
            copy.Add(Copy(entry.Key)!, Copy(entry.Value));
        return copy;
    }

    private object OfFields(object original)
    {
        var copy = MemberwiseCopy.Invoke(original, null)!;
        if (!original.GetType().IsValueType)
            copies[original] = copy;
        CopyFields(original, copy);
        return copy;
    }

    private void CopyFields(object original, object copy)
    {
        for (var type = original.GetType(); type is not null && type != typeof(object); type = type.BaseType)
            foreach (var field in type.GetFields(
                BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
                if (!field.FieldType.IsPrimitive && !field.FieldType.IsPointer && !Registry.IsNative(field))
                    field.SetValue(copy, Copy(field.GetValue(original)));
    }
}
