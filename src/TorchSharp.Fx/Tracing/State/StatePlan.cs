using System.Collections.Immutable;
using System.Reflection;

namespace TorchSharp.Fx.Tracing;

/// <summary>A program's state between calls, as a trace of it found out: the next one takes that for the graph's state.</summary>
/// <param name="Inputs">The inputs in which it changes something, by parameter.</param>
/// <param name="Fields">The fields of modules that it writes to, or in whose objects it changes something.</param>
/// <param name="Unfit">The fields that hold no state after all: the next call doesn't depend on what is written, such as a table that is
/// made again when it is too short.</param>
/// <param name="Left">The paths of the same within an object that holds state.</param>
internal sealed record StatePlan(ImmutableHashSet<string> Inputs, ImmutableHashSet<StateField> Fields, ImmutableHashSet<StateField> Unfit,
    ImmutableHashSet<string> Left)
{
    internal static readonly StatePlan None = new([], [], [], []);

    internal bool IsEmpty => Inputs.IsEmpty && Fields.IsEmpty;

    /// <summary>The same with what a trace by this plan found.</summary>
    internal StatePlan With(Interpreter found)
    {
        var unfit = Unfit.Union(found.State?.Unfit() ?? []);
        var fields = Fields.Union(found.Overlay.Changes.SelectMany(change => Roots(found, change.Target, change.Field))).Except(unfit);
        return WithInputs(found) with { Fields = fields, Unfit = unfit, Left = Left.Union(found.State?.Left ?? []) };
    }

    /// <summary>The same with the inputs alone in which a trace found changes, be it that it ended early.</summary>
    internal StatePlan WithInputs(Interpreter found) => this with { Inputs = Inputs.Union(found.ChangedInputs).Union(Written(found)) };

    /// <summary>The same without numbers: a branch on one may be what the trace can't follow.</summary>
    internal StatePlan WithoutNumbers()
        => this with { Fields = Fields.Where(entry => !StateBorder.IsNumber(entry.Field.FieldType)).ToImmutableHashSet() };

    internal bool IsLike(StatePlan other)
        => Inputs.SetEquals(other.Inputs) && Fields.SetEquals(other.Fields) && Unfit.SetEquals(other.Unfit) && Left.SetEquals(other.Left);

    private static IEnumerable<string> Written(Interpreter found)
    {
        foreach (var (target, _) in found.Overlay.Changes)
            if (found.Symbols.TryGet(target, out var symbol) && Interpreter.InputOf(symbol.Argument) is { } input)
                yield return input.target.name;
    }

    /// <summary>The fields of modules through which a changed object is reached.</summary>
    private static IEnumerable<StateField> Roots(Interpreter found, object target, FieldInfo? field)
    {
        if (field is null ? !TensorTypes.MayHold(target.GetType()) : !StateBorder.MayKeep(field.FieldType))
            return [];
        if (target is torch.nn.Module module)
            return found.Tracer.Attributes.PathOf(module) is null ? [] : [new(module, field!)];
        return found.Tracer.Attributes.KnownModules.SelectMany(holder => StateBorder.FieldsOf(holder)
            .Where(own => Reaches(own.GetValue(holder), target)).Select(own => new StateField(holder, own)));
    }

    /// <summary>
    /// Whether an object is reached through fields of the user's classes and collections of .NET's. No code of the user's runs for it.
    /// </summary>
    private static bool Reaches(object? value, object target)
    {
        var open = new Stack<object?>([value]);
        var entered = new HashSet<object>(ReferenceEqualityComparer.Instance);
        while (open.TryPop(out var next))
        {
            if (ReferenceEquals(next, target))
                return true;
            if (next is not null and not torch.nn.Module and not torch.Tensor && (next is ValueType || entered.Add(next)))
                foreach (var part in StateBorder.PartsOf(next))
                    open.Push(part);
        }
        return false;
    }
}

/// <summary>A field of a module of the model.</summary>
internal readonly record struct StateField(torch.nn.Module Module, FieldInfo Field);

/// <summary>Where something is kept.</summary>
/// <param name="Owner">The input that has it inside; null for the model.</param>
/// <param name="Path">The way to it.</param>
internal readonly record struct StatePlace(Node? Owner, string Path)
{
    internal StatePlace In(string name) => this with { Path = ModuleHierarchy.Join(Path, name) };

    public override string ToString() => Owner is null ? Path : Path.Length == 0 ? Owner.target.name : $"{Owner.target.name}.{Path}";
}
