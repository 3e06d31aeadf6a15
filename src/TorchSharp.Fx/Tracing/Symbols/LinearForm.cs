namespace TorchSharp.Fx.Tracing;

/// <summary>
/// A symbolic integer as a sum of lengths and other symbols with whole factors: two that are equal this way are the same number.
/// </summary>
internal sealed class LinearForm : IEquatable<LinearForm>
{
    private readonly Dictionary<object, long> terms;
    private readonly long constant;

    private LinearForm(Dictionary<object, long> terms, long constant) => (this.terms, this.constant) = (terms, constant);

    internal static LinearForm Zero { get; } = new([], 0);

    internal static LinearForm Of(Value value)
    {
        if (!value.IsSymbol)
            return new([], value.Int64);
        return value.Symbol switch
        {
            Deferred { Operation: Builtin.add } sum => Of(sum.Left).Plus(Of(sum.Right), 1),
            Deferred { Operation: Builtin.sub } difference => Of(difference.Left).Plus(Of(difference.Right), -1),
            Deferred { Operation: Builtin.len } length => Atom(length.Left.Reference!),
            var symbol => Atom(symbol.Argument),
        };
    }

    internal LinearForm Plus(LinearForm other, long factor)
    {
        var sum = new Dictionary<object, long>(terms);
        foreach (var (atom, count) in other.terms)
        {
            sum[atom] = sum.GetValueOrDefault(atom) + factor * count;
            if (sum[atom] == 0)
                sum.Remove(atom);
        }
        return new(sum, constant + factor * other.constant);
    }

    /// <summary>Whether this is the length of the sequence plus a constant.</summary>
    internal bool IsLengthOf(object sequence, out long offset)
    {
        offset = constant;
        return terms.Count == 1 && terms.GetValueOrDefault(sequence) == 1;
    }

    public bool Equals(LinearForm? other)
        => other is not null && constant == other.constant && terms.Count == other.terms.Count
            && terms.All(term => other.terms.GetValueOrDefault(term.Key) == term.Value);

    public override bool Equals(object? obj) => Equals(obj as LinearForm);

    public override int GetHashCode() => HashCode.Combine(terms.Count, constant);

    private static LinearForm Atom(object atom) => new(new Dictionary<object, long> { [atom] = 1 }, 0);
}
