using System.Collections;
using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Graphs;

/// <summary>
/// Calls operations through a function of TorchScript with one line, which takes arguments of every type. The dispatcher's C entry has no
/// form for a number of any type (<c>Scalar</c>).
/// </summary>
internal static class ScriptedCall
{
    private const string Name = "call";
    private static readonly ConcurrentDictionary<string, Lazy<jit.CompilationUnit>> Compiled = new(StringComparer.Ordinal);

    /// <summary>Calls an operation with arguments that its schema takes.</summary>
    internal static Tensor[] Call(AtenSchema schema, object?[] values)
    {
        var (script, inputs) = Function(schema, values);
        var function = Compiled.GetOrAdd(script, static script => new(() => jit.compile(script))).Value;
        var result = function.invoke(Name, inputs);
        return result switch
        {
            Tensor only => [only],
            ITuple tuple => [.. Enumerable.Range(0, tuple.Length).Select(i => (Tensor)tuple[i]!)],
            IEnumerable<Tensor> list => [.. list],
            _ => throw new InvalidOperationException($"aten::{schema.Overload} gave {result?.GetType().Name ?? "nothing"}, not tensors."),
        };
    }

    /// <summary>The function's text, the same for all calls with arguments of the same kinds, and what it is called with.</summary>
    internal static (string Script, object[] Inputs) Function(AtenSchema schema, object?[] values)
    {
        var (parameters, arguments, inputs) = (new List<string>(), new List<string>(), new List<object>());
        foreach (var (parameter, value) in schema.Parameters.Zip(values))
            // TorchScript has no word for a layout or a memory format that nobody chose: they are left out.
            if (!parameter.IsKeyword || value is not null)
                arguments.Add((parameter.IsKeyword ? parameter.Name + "=" : "") + Text(value, parameter.Type));
        return ($"def {Name}({string.Join(", ", parameters)}):\n    return torch.{schema.Name}({string.Join(", ", arguments)})\n",
            [.. inputs]);

        string Text(object? value, AtenType type) => value switch
        {
            null => "None",
            string text => Quoted(text),
            ScalarType element => ((int)element).ToString(CultureInfo.InvariantCulture),
            Device device => $"torch.device({Quoted(device.ToString())})",
            Tensor tensor => Input("Tensor", tensor),
            bool truth => Input("bool", truth),
            int or long => type.Name == "float"
                ? Input("float", Convert.ToDouble(value, CultureInfo.InvariantCulture))
                    : Input("int", Convert.ToInt64(value, CultureInfo.InvariantCulture)),
            float or double => Input("float", Convert.ToDouble(value, CultureInfo.InvariantCulture)),
            IEnumerable items
                when items.Cast<object?>()
                    .ToList() is { Count: > 0 } list => $"[{string.Join(", ", list.Select(item => Text(item, type.Item)))}]",
            _ => $"torch.jit.annotate(List[{(type.Name == "Scalar" ? "number" : type.Name)}], [])",
        };

        string Input(string type, object value)
        {
            parameters.Add($"a{inputs.Count}: {type}");
            inputs.Add(value is Tensor or bool ? value : value is long integer ? integer.ToScalar() : ((double)value).ToScalar());
            return $"a{inputs.Count - 1}";
        }
    }

    private static string Quoted(string text)
    {
        var quoted = new StringBuilder("\"");
        foreach (var letter in text)
            quoted.Append(letter is '"' or '\\' ? $"\\{letter}" : char.IsControl(letter) || letter > '~'
                ? throw new ArgumentException($"An operation's text can't have the character U+{(int)letter:X4}.", nameof(text))
                    : letter.ToString());
        return quoted.Append('"').ToString();
    }
}
