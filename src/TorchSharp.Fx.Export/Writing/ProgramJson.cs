using System.Text.Json;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Export;

/// <summary>Writes the parts of a program's JSON that occur in many places.</summary>
internal sealed class ProgramJson(Utf8JsonWriter json)
{
    /// <summary>A member that is an object.</summary>
    internal void Object(string name, Action content)
    {
        json.WriteStartObject(name);
        content();
        json.WriteEndObject();
    }

    /// <summary>An object by itself.</summary>
    internal void Object(Action content)
    {
        json.WriteStartObject();
        content();
        json.WriteEndObject();
    }

    /// <summary>A member that is a list.</summary>
    internal void List<T>(string name, IEnumerable<T> items, Action<T> write)
    {
        json.WriteStartArray(name);
        foreach (var item in items)
            write(item);
        json.WriteEndArray();
    }

    /// <summary>A tensor by name, <c>{"name": "x"}</c>.</summary>
    internal void Named(string name) => Object(() => json.WriteString("name", name));

    /// <summary><c>{"as_tensor": {"name": "x"}}</c></summary>
    internal void Tensor(string name) => Object(() => Object("as_tensor", () => json.WriteString("name", name)));

    /// <summary>A number that depends on inputs by name, <c>{"as_sym_int": {"as_name": "s"}}</c></summary>
    internal void Symbol(string name) => Object(() => Object("as_sym_int", () => json.WriteString("as_name", name)));

    /// <summary>A size or number.</summary>
    internal void Size(SizeFact size) => Object(() =>
    {
        if (size.IsConstant)
            json.WriteNumber("as_int", size.Hint);
        else
            Object("as_expr", () =>
            {
                json.WriteString("expr_str", size.Text);
                Object("hint", () => json.WriteNumber("as_int", size.Hint));
            });
    });

    /// <summary>The facts known about a tensor.</summary>
    internal void Meta(Fact.OfTensor tensor)
    {
        json.WriteNumber("dtype", Elements.Number(tensor.Type));
        List("sizes", tensor.Sizes, Size);
        json.WriteBoolean("requires_grad", tensor.RequiresGrad);
        Object("device", () =>
        {
            json.WriteString("type", "cpu");
            json.WriteNull("index");
        });
        List("strides", tensor.Strides, Size);
        Object("storage_offset", () => json.WriteNumber("as_int", tensor.Offset));
        json.WriteNumber("layout", Elements.Strided);
    }

    /// <summary>A constant.</summary>
    internal void Constant(object? value) => Object(() =>
    {
        switch (value)
        {
            case null: json.WriteBoolean("as_none", true); break;
            case bool flag: json.WriteBoolean("as_bool", flag); break;
            case long number: json.WriteNumber("as_int", number); break;
            case int number: json.WriteNumber("as_int", number); break;
            case double number: Float("as_float", number); break;
            case float number: Float("as_float", number); break;
            case string text: json.WriteString("as_string", text); break;
            case ScalarType type: json.WriteNumber("as_scalar_type", Elements.Number(type)); break;
            case Device device: Object("as_device", () => Place(device)); break;
            default: throw new NotSupportedException($"a constant of it is a {value.GetType().Name}, which the format does not have");
        }
    });

    /// <summary>A list of numbers.</summary>
    internal void Floats(string kind, IEnumerable<double> numbers)
    {
        json.WriteStartArray(kind);
        foreach (var number in numbers)
            if (double.IsFinite(number))
                json.WriteNumberValue(number);
            else
                json.WriteStringValue(Text(number));
        json.WriteEndArray();
    }

    private void Float(string name, double number)
    {
        if (!double.IsFinite(number))
            json.WriteString(name, Text(number));
        else
        {
            // Python tells a float from an int by its point.
            json.WritePropertyName(name);
            var text = number.ToString("R", System.Globalization.CultureInfo.InvariantCulture);
            json.WriteRawValue(text.AsSpan().IndexOfAny('.', 'E') < 0 ? text + ".0" : text);
        }
    }

    private static string Text(double number) => double.IsNaN(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity";

    private void Place(Device device)
    {
        json.WriteString("type", device.type.ToString().ToLowerInvariant());
        if (device.index >= 0 && device.type != DeviceType.CPU)
            json.WriteNumber("index", device.index);
        else
            json.WriteNull("index");
    }
}
