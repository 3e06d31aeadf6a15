namespace TorchSharp.Fx.Fuzz;

/// <summary>
/// What programs are made of: C# with holes. «int» is an expression of that type, «#int» one or a literal, «!int» one or a literal that may be divided by, «=int» a variable
/// that may be written, «&int» an expression for a lambda, «block», «loop» and «finally» are statements in braces («loop int i» declares a variable in them), and § is a number of its own.
/// No expression is constant, so that the compiler computes nothing and refuses nothing.
/// </summary>
/// <param name="Expressions">By type.</param>
/// <param name="Literals">By type; none is zero.</param>
/// <param name="Statements">One that starts with "type v§ =" declares a variable.</param>
/// <param name="Jumps">Statements for loops only.</param>
/// <param name="Exits">Statements that end the program; not for finally blocks.</param>
/// <param name="Mark">The last statement of every block; one with an effect keeps a Release compiler from dropping the branch that leads there.</param>
internal sealed record Grammar(
    IReadOnlyDictionary<string, string[]> Expressions,
    IReadOnlyDictionary<string, string[]> Literals,
    string[] Statements,
    string[] Jumps,
    string[] Exits,
    string Mark = "");
