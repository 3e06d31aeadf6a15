namespace TorchSharp.Fx.TorchScript;

/// <summary>Operations on numbers, tuples and lists.</summary>
internal static class ScriptedNumbers
{
    private const string FloorDivide = """
        def divide(a: int,
            b: int) -> int:
          q = torch.floordiv(a, b)
          if torch.__and__(torch.lt(q, 0), torch.ne(torch.mul(q, b), a)):
            r = torch.add(q, 1)
          else:
            r = q
          return r
        """;

    private const string Remainder = """
        def remainder(a: int,
            b: int) -> int:
          return torch.sub(a, torch.mul(b, __torch__.divide(a, b)))
        """;

    internal static string Expression(Script script, BuiltinTarget target, Node node, Expressions expressions)
    {
        var args = node.args.Select(argument => argument is SliceArgument ? "" : expressions.Of(argument)).ToArray();
        return target.Operation switch
        {
            Builtin.floordiv => $"{script.Helper("divide", FloorDivide)}({args[0]}, {args[1]})",
            Builtin.mod when IsFloat(target) => $"torch.fmod({args[0]}, {args[1]})",
            Builtin.mod => Modulo(script, args),
            Builtin.truediv => $"torch.div({args[0]}, {args[1]})",
            Builtin.getitem
                when node.args[1] is SliceArgument slice =>
                    $"torch.slice({args[0]}, {Bound(slice.Start, expressions)}, {Bound(slice.Stop, expressions)}, "
                        + $"{(slice.Step is null ? "1" : expressions.Of(slice.Step))})",
            Builtin.getitem => $"{args[0]}[{args[1]}]",
            Builtin.and_ or Builtin.or_ or Builtin.xor
                or Builtin.not_ => $"torch.__{target.Operation.ToString().TrimEnd('_')}__({string.Join(", ", args)})",
            Builtin.lshift or Builtin.rshift => $"torch.__{target.Operation}__({args[0]}, {args[1]})",
            Builtin.eq or Builtin.ne
                when Arithmetic.Operand(target.Type) == typeof(object) =>
                    $"torch.{(target.Operation == Builtin.eq ? "__is__" : "__isnot__")}({args[0]}, {args[1]})",
            Builtin.invert => throw new NotSupportedException("~ of a number is not supported"),
            var same => $"torch.{same}({string.Join(", ", args)})",
        };
    }

    private static string Modulo(Script script, string[] args)
    {
        script.Helper("divide", FloorDivide);
        return $"{script.Helper("remainder", Remainder)}({args[0]}, {args[1]})";
    }

    private static bool IsFloat(BuiltinTarget target) => target.Type == typeof(double) || target.Type == typeof(float);

    private static string Bound(Argument? bound, Expressions expressions) => bound is null ? "None" : expressions.Of(bound);
}
