using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Reflection;

namespace TorchSharp.Fx.Export;

/// <summary>Which member of TorchSharp an overload of ATen is, and the other way round: the rows of <c>operations.txt</c>.</summary>
internal static class OperationTable
{
    /// <summary>Arguments that make no difference to a tensor of the usual kind.</summary>
    private static readonly FrozenSet<string> Irrelevant = new[] { "pin_memory", "layout", "non_blocking", "cudnn_enabled", "cudnn_enable",
        "implicit" }.ToFrozenSet(StringComparer.Ordinal);

    private static readonly Lazy<(FrozenDictionary<string, ImmutableArray<Form>> Forms, ILookup<string,
        (string Overload, Form Form)> Members)> Table = new(Read);

    /// <summary>The overloads that have a row, with their forms.</summary>
    internal static IReadOnlyDictionary<string, ImmutableArray<Form>> Rows => Table.Value.Forms;

    /// <summary>The overloads that a member may be, by the member's name.</summary>
    internal static IEnumerable<(string Overload, Form Form)> OfMember(string name) => Table.Value.Members[name];

    /// <summary>The TorchSharp form of an overload's call: a member's call, or a call by name where there is no member for these
    /// arguments.</summary>
    /// <param name="schema">The overload.</param>
    /// <param name="given">The arguments by name; those that are left out have their defaults.</param>
    internal static (MethodInfo Method, ImmutableArray<Argument> Args) Call(AtenSchema schema, IReadOnlyDictionary<string, Argument> given)
    {
        var used = given.Where(entry => !IsIrrelevant(entry.Key, entry.Value) && !IsDefault(schema, entry.Key, entry.Value)).Select(entry
            => entry.Key).ToArray();
        foreach (var form in Rows.GetValueOrDefault(schema.Overload, []))
            if (used.All(form.Arguments.Contains) && form.Required.All(used.Contains)
                && form.Bind([.. form.Arguments.Select(entry => Entry(schema, given, entry))]) is { } bound)
                return bound;
        return schema.GivesTensors
            ? Named(schema, given)
            : throw new NotSupportedException(
                $"TorchSharp has no member for aten::{schema.Overload} with the arguments {string.Join(", ", used)}, and it can't be "
                    + "called by name, since it gives what is no tensor");
    }

    private static (MethodInfo Method, ImmutableArray<Argument> Args) Named(AtenSchema schema, IReadOnlyDictionary<string, Argument> given)
    {
        var arguments = schema.Parameters.Select(parameter => given.GetValueOrDefault(parameter.Name)
            ?? (parameter.HasDefault ? Preset(parameter) : Default(schema, parameter)));
        var isOne = schema.Returns is [{ IsList: false }];
        return (typeof(aten).GetMethod(isOne ? nameof(aten.call) : nameof(aten.call_many))!,
            [schema.Overload, new ListArgument([.. arguments], typeof(object))]);
    }

    private static (Argument Argument, AtenType? Type) Entry(AtenSchema schema, IReadOnlyDictionary<string, Argument> given, string entry)
    {
        if (Form.IsConstant(entry))
            return (Form.Constant(entry), null);
        var parameter = schema.Parameters.FirstOrDefault(parameter => parameter.Name == entry);
        return parameter is null ? (new Literal(null), null)
            : (given.GetValueOrDefault(entry) ?? Default(schema, parameter), parameter.Type);
    }

    /// <summary>The argument that stands for one that is left out.</summary>
    internal static Argument Default(AtenSchema schema, AtenParameter parameter) => parameter switch
    {
        { HasDefault: false } => throw new InvalidDataException($"calls aten::{schema.Overload} without its argument '{parameter.Name}'"),
        { Default: long or double, Type.IsList: true } => new Literal(parameter.Type.IsOptional ? parameter.Default : null),
        _ => Preset(parameter),
    };

    /// <summary>The default of an argument, as the schema has it.</summary>
    internal static Argument Preset(AtenParameter parameter) => parameter switch
    {
        { Default: Array items }
            => new ListArgument([.. items.Cast<object?>().Select(item => new Literal(item))], items.GetType().GetElementType()!),
        { Default: long or double, Type.IsList: true }
            => new ListArgument([.. Enumerable.Repeat(new Literal(parameter.Default), parameter.Type.Count)],
            AtenSchema.ItemType(parameter.Type)),
        _ => new Literal(parameter.Default),
    };

    /// <summary>Whether an argument says where or how an operation computes, and not what.</summary>
    internal static bool MakesNoDifference(string name) => Irrelevant.Contains(name);

    private static bool IsIrrelevant(string name, Argument value) => MakesNoDifference(name)
        || (name == "memory_format" && value is Literal { Value: null });

    private static bool IsDefault(AtenSchema schema, string name, Argument value)
        => schema.Parameters.FirstOrDefault(parameter => parameter.Name == name) is { HasDefault: true } parameter
            && (value, parameter.Default) switch
        {
            (Literal { Value: var constant }, var preset) => Equals(constant, preset)
                || (constant is long integer && preset is double number && integer == number)
                || (constant is double real && preset is long whole && real == whole),
            (ListArgument list, Array preset) => list.Items.Length == preset.Length
                && list.Items.Zip(preset.Cast<object?>()).All(pair => pair.First is Literal { Value: var item }
                && Equals(item, pair.Second)),
            (ListArgument list, long or double)
                => list.Items.All(item => item is Literal { Value: var one } && Equals(one, parameter.Default)),
            _ => false,
        };

    private static (FrozenDictionary<string, ImmutableArray<Form>>, ILookup<string, (string, Form)>) Read()
    {
        var forms = new Dictionary<string, List<Form>>(StringComparer.Ordinal);
        var members = new List<(string Overload, Form Form)>();
        using var reader = new StreamReader(typeof(OperationTable).Assembly.GetManifestResourceStream("operations.txt")!);
        while (reader.ReadLine() is { } line)
            if (line.Length > 0 && line[0] != '#' && line.Split(" => ") is [var overloads, var texts])
                foreach (var overload in overloads.Split(' '))
                    foreach (var text in texts.Split(" | "))
                    {
                        var form = Form.Parse(text.Replace("*", overload.Split('.')[0], StringComparison.Ordinal));
                        members.Add((overload, form));
                        // An operator is how C# writes it, not how it is read.
                        if (!form.Name.StartsWith("op_", StringComparison.Ordinal) || form.Owner != typeof(torch.Tensor)
                            || overload.StartsWith("__", StringComparison.Ordinal))
                            (forms.TryGetValue(overload, out var known) ? known : forms[overload] = []).Add(form);
                    }
        return (forms.ToFrozenDictionary(entry => entry.Key, entry => entry.Value.ToImmutableArray(), StringComparer.Ordinal),
            members.ToLookup(member => member.Form.Name, StringComparer.Ordinal));
    }
}
