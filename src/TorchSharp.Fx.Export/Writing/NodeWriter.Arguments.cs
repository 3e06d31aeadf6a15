namespace TorchSharp.Fx.Export;

/// <summary>The arguments of calls.</summary>
internal sealed partial class NodeWriter
{
    private void Value(Argument argument, AtenType type)
    {
        switch (argument)
        {
            case ListArgument list: Many(list, type); break;
            case NodeArgument { Node: { type: var sequence } array } when sequence == typeof(long[]): Sizes([.. Sizes(array)]); break;
            case NodeArgument { Node: { type: { IsArray: true } } many }:
                write.Object(() => write.List("as_tensors",
                    Enumerable.Range(0, ((Fact.OfMany)facts[many]).Items.Length).Select(i => names[(many, i)]), write.Named));
                break;
            case NodeArgument { Node: var node } when Number(node) is { IsConstant: true,
                Hint: var constant }: write.Constant(constant); break;
            case NodeArgument { Node: var node } when facts[node] is Fact.OfOther { Value: var other }: write.Constant(other); break;
            case NodeArgument { Node: var node } when Reference(node) is var (name, isTensor):
                if (isTensor)
                    write.Tensor(name);
                else
                    write.Symbol(name);
                break;
            // What is rounded to single precision stays so.
            case ConvertArgument { Value: NodeArgument { Node: var node }, Type: var to } when to == typeof(float)
                && facts[node] is Fact.OfOther { Value: double number }:
                write.Constant((double)(float)number);
                break;
            case ConvertArgument convert: Value(convert.Value, type); break;
            case Literal { Value: long number } when type.Name == "float": write.Constant((double)number); break;
            case Literal literal: write.Constant(literal.Value); break;
            default: throw new NotSupportedException($"an argument of it is a {argument.GetType().Name}, which the format does not have");
        }
    }

    private void Many(ListArgument list, AtenType type)
    {
        if (type.Name == "Tensor")
        {
            write.Object(() =>
            {
                if (list.Items.Any(item => item is Literal { Value: null }))
                    write.List("as_optional_tensors", list.Items, item => Value(item, type.Item));
                else
                    write.List("as_tensors", list.Items, item => write.Named(Reference(((NodeArgument)item).Node).Name));
            });
            return;
        }
        if (type.Name == "float")
        {
            write.Object(() => write.Floats("as_floats",
                list.Items.Select(item => Convert.ToDouble(((Literal)item).Value, System.Globalization.CultureInfo.InvariantCulture))));
            return;
        }
        Sizes([.. list.Items.SelectMany(item => item is SpreadArgument { Sequence: NodeArgument { Node: var array } } ? Sizes(array)
            : [Item(item)])]);
    }

    private object Item(Argument item) => item switch
    {
        Literal { Value: long or int or bool } literal => Convert.ToInt64(literal.Value, System.Globalization.CultureInfo.InvariantCulture),
        ConvertArgument convert => Item(convert.Value),
        NodeArgument { Node: var node } => Number(node) is { IsConstant: true, Hint: var size } ? size : Reference(node).Name,
        _ => throw new NotSupportedException($"an item of a list is a {item.GetType().Name}, which the format does not have"),
    };

    private void Sizes(object[] sizes) => write.Object(() =>
    {
        if (Array.TrueForAll(sizes, size => size is long))
            write.List("as_ints", sizes, size => json.WriteNumberValue((long)size));
        else
            write.List("as_sym_ints", sizes, size => write.Object(() =>
            {
                if (size is long number)
                    json.WriteNumber("as_int", number);
                else
                    json.WriteString("as_name", (string)size);
            }));
    });
}
