using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.State;

/// <summary>All that can be reached from an object, as text: fields of every class, elements of every collection, content and handles of tensors, statics of the given types.</summary>
internal sealed class Picture
{
    private readonly Dictionary<object, int> seen = new(ReferenceEqualityComparer.Instance);
    private readonly StringBuilder text = new();

    internal static string Of(object root, params Type[] statics)
    {
        var picture = new Picture();
        picture.Add("root", root, 0);
        foreach (var field in statics.SelectMany(type => type.GetFields(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic)).Where(field => !field.Name.StartsWith('<') && !field.DeclaringType!.Name.StartsWith('<')))
            picture.Add(field.Name, field.GetValue(null), 0);
        return picture.text.ToString();
    }

    private void Add(string name, object? value, int depth)
    {
        text.Append(' ', depth).Append(name).Append(": ");
        switch (value)
        {
            case null: text.Append("null\n"); return;
            case string or Type or MemberInfo or nint or Pointer: text.Append(value).Append('\n'); return;
            case IFormattable number when value.GetType().IsPrimitive || value is Enum or decimal: text.Append(number.ToString(null, CultureInfo.InvariantCulture)).Append('\n'); return;
            case bool or char: text.Append(value).Append('\n'); return;
        }
        var isKnown = !value.GetType().IsValueType && !seen.TryAdd(value, seen.Count);
        text.Append(value.GetType().Name).Append(value is ValueType ? "" : $" #{seen[value]}").Append('\n');
        if (isKnown || depth > 60)
            return;
        switch (value)
        {
            case Tensor tensor: AddTensor(tensor); break;
            case Delegate callee: Delegates(callee, depth); break;
            case nn.Module module: text.Append(module.training).Append('\n'); Fields(value, depth); break;
            case Array array: Items(array, depth); break;
            case IDictionary or ICollection: Items((IEnumerable)value, depth); Fields(value, depth); break;
            case Thread or Task or CultureInfo: break;
            default: Fields(value, depth); break;
        }
    }

    private void AddTensor(Tensor tensor)
    {
        text.Append(tensor.IsInvalid ? "invalid" : $"{tensor.dtype} {string.Join(',', tensor.shape)} {Convert.ToHexString(tensor.detach().contiguous().bytes)} {tensor.requires_grad}").Append('\n');
    }

    private void Delegates(Delegate callee, int depth)
    {
        foreach (var single in callee.GetInvocationList())
            Add(single.Method.Name, single.Target, depth + 1);
    }

    private void Items(IEnumerable items, int depth)
    {
        var i = 0;
        foreach (var item in items)
            Add($"[{i++}]", item, depth + 1);
    }

    private void Fields(object value, int depth)
    {
        // What one thread has is kept in one table for all such objects.
        if (value.GetType() is { IsGenericType: true, Name: "ThreadLocal`1" } perThread)
        {
            Add("Value", perThread.GetProperty("IsValueCreated")!.GetValue(value) is true ? perThread.GetProperty("Value")!.GetValue(value) : "none", depth + 1);
            return;
        }
        // A weak table's entries are told by what it finds.
        if (value.GetType() is { IsGenericType: true } type && type.GetGenericTypeDefinition() == typeof(ConditionalWeakTable<,>))
            Items((IEnumerable)value, depth);
        else
            for (var level = value.GetType(); level is not null && level != typeof(object); level = level.BaseType)
                foreach (var field in level.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
                    if (!field.FieldType.IsPointer && !field.FieldType.IsByRefLike && field.FieldType.Name is not ("HType" or "BoxedModule" or "DependentHandle" or "GCHandle"))
                        Add(field.Name, field.GetValue(value), depth + 1);
    }
}
