namespace TorchSharp.Fx.Tracing;

/// <summary>
/// A symbolic comparison or length that has made no node yet. It makes one when something reads it as a value; a branch on it, its negation
/// or an array that is built with it never need one. So a Debug and a Release build of the same C# give the same graph.
/// </summary>
internal sealed class Deferred : Proxy
{
    private readonly Interpreter interpreter;
    private Argument? recorded;
    private Deferred? opposite;

    internal Deferred(Interpreter interpreter, Builtin operation, Type operands, Type type, Value left, Value right = default)
        : base(null, type)
        => (this.interpreter, Operation, Operands, Left, Right, serial) =
            (interpreter, operation, operands, left, right, interpreter.LoopSerial);

    private readonly int serial;

    internal Builtin Operation { get; }

    /// <summary>The type in which the operation computes.</summary>
    internal Type Operands { get; }

    internal Value Left { get; }

    /// <summary>The second operand; the default value for an operation with one.</summary>
    internal Value Right { get; }

    internal override Argument Argument => recorded ??= Recorded();

    /// <summary>A value of before a loop that is recorded in one of its turns would be gone after it.</summary>
    private Argument Recorded() => interpreter.Loop is { } loop && serial < loop.Serial
        ? throw new LoopRefusal("a value of before is computed in it")
        : interpreter.RecordBuiltin(Operation, Operands, type, false, Left, Right).Argument;

    /// <summary>The node that the first operand is, as a message names it.</summary>
    internal string LeftName => interpreter.ToArgument(Left, Operands) is NodeArgument { Node.name: var name } ? name : "an array";

    internal bool IsComparison => Operation is >= Builtin.eq and <= Builtin.ge or Builtin.not_;

    /// <summary>
    /// The comparison that holds exactly when this one does not; its own opposite is this one again, so that no condition is recorded
    /// twice.
    /// </summary>
    internal Deferred Negated()
    {
        if (opposite is null)
            (opposite = Opposite()).opposite = this;
        return opposite;
    }

    private Deferred Opposite() => Operation switch
    {
        Builtin.eq => With(Builtin.ne),
        Builtin.ne => With(Builtin.eq),
        // With NaN neither x < y nor x >= y holds, so a floating-point order has no opposite.
        Builtin.lt when !IsFloating => With(Builtin.ge),
        Builtin.ge when !IsFloating => With(Builtin.lt),
        Builtin.gt when !IsFloating => With(Builtin.le),
        Builtin.le when !IsFloating => With(Builtin.gt),
        _ => new Deferred(interpreter, Builtin.not_, typeof(bool), typeof(bool), Value.Of(this)),
    };

    private bool IsFloating => Operands == typeof(float) || Operands == typeof(double);

    private Deferred With(Builtin operation) => new(interpreter, operation, Operands, type, Left, Right);
}
