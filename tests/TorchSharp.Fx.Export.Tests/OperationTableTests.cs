using Xunit;

namespace TorchSharp.Fx.Export.Tests;

/// <summary>The table of operations fits both libtorch's schemas and TorchSharp's members.</summary>
public class OperationTableTests
{
    [Fact]
    public void EveryRowIsAnOperationOfLibtorch()
        => Assert.DoesNotContain(OperationTable.Rows.Keys, overload => AtenSchema.Find(overload) is null);

    [Fact]
    public void EveryFormNamesArgumentsOfItsOperation()
    {
        var wrong = from row in OperationTable.Rows
                    from form in row.Value
                    let schema = AtenSchema.Find(row.Key)!
                    from entry in form.Arguments
                    where !Form.IsConstant(entry) && !schema.Parameters.Any(parameter => parameter.Name == entry)
                    select $"{row.Key}: {form.Name}({entry})";
        Assert.True(!wrong.Any(), string.Join("\n", wrong));
    }

    [Fact]
    public void EveryFormIsAMemberOfTorchSharp()
    {
        var wrong = from row in OperationTable.Rows
                    from form in row.Value
                    let schema = AtenSchema.Find(row.Key)!
                    where form.Bind([.. form.Arguments.Select(entry => Sample(schema, entry))]) is null
                    select $"{row.Key}: {form.Owner.Name}.{form.Name}({string.Join(", ", form.Arguments)})";
        Assert.True(!wrong.Any(), string.Join("\n", wrong));
    }

    [Fact]
    public void EverySchemaIsReadToItsEnd()
    {
        var known = new[] { "Tensor", "int", "float", "bool", "Scalar", "str", "ScalarType", "Device", "Layout", "MemoryFormat",
            "Generator" };
        Assert.All(AtenSchema.Overloads, overload =>
        {
            var schema = AtenSchema.Find(overload)!;
            Assert.All(schema.Parameters, parameter => Assert.Contains(parameter.Type.Name, known));
            Assert.All(schema.Returns, type => Assert.Contains(type.Name, known));
        });
    }

    /// <summary>An argument as a program has it.</summary>
    private static (Argument, AtenType?) Sample(AtenSchema schema, string entry)
    {
        if (Form.IsConstant(entry))
            return (Form.Constant(entry), null);
        if (schema.Parameters.FirstOrDefault(parameter => parameter.Name == entry) is not { } parameter)
            return (new Literal(null), null);
        var type = parameter.Type;
        Argument one = type.Name switch
        {
            "Tensor" => new Graph().placeholder("x", typeof(torch.Tensor)),
            "int" => 1L,
            "float" => 1.0,
            "Scalar" => 1.0,
            "bool" => true,
            "str" => parameter.Name switch { "approximate" => "tanh", "mode" => "reflect", "rounding_mode" => "floor", "padding" => "same",
                "indexing" => "ij", _ => "a" },
            "ScalarType" => new Literal(torch.float32),
            "Device" => new Literal(torch.CPU),
            _ => new Literal(null),
        };
        return (type.IsList ? new ListArgument([one], AtenSchema.ItemType(type)) : one, type);
    }
}
