namespace TorchSharp.Fx.Tracing;

/// <summary>
/// Free dimensions: the program is run by example with two sizes of each, side by side, and goes on only by what is the same for both.
/// </summary>
internal sealed partial class Interpreter
{
    /// <summary>The example's answer, refused where another size of a free dimension says otherwise.</summary>
    private T Agreed<T>(Func<ExampleValues, T> ask, Func<string> what)
    {
        var answer = ask(Examples!);
        foreach (var (dimension, values) in Examples!.Others)
            if (!Equals(ask(values), answer))
                throw Untraceable.DependsOnFree(this, dimension, what());
        return answer;
    }

    /// <summary>Whether a number changes with a free dimension, so that it can't be asserted as a number.</summary>
    private bool IsFree(Proxy symbol)
        => Examples!.Others.Any(other => !Equals(other.Values.Of(symbol.Argument), Examples.Of(symbol.Argument)));
}
