namespace TorchSharp.Fx.Graphs;

/// <summary>A row of the table of operations: what a call of one does.</summary>
/// <param name="Does">What it does beside computing a value, and what that is made of.</param>
/// <param name="Writes">The arguments whose content, shape or state it changes.</param>
/// <param name="Views">The arguments that its value may be, contain or share memory with.</param>
internal sealed record Operation(Effects Does, Operands Writes = Operands.None, Operands Views = Operands.None)
{
    /// <summary>Computes a new value and does nothing else.</summary>
    internal static readonly Operation Pure = new(Effects.None);

    /// <summary>Gives the first argument or a view of it, or does so for some sizes and types.</summary>
    internal static readonly Operation View = new(Effects.None, Views: Operands.First);

    /// <summary>Gives, holds or views any of its arguments.</summary>
    internal static readonly Operation ViewOfAny = new(Effects.None, Views: Operands.All);

    /// <summary>Writes to the first argument and returns it.</summary>
    internal static readonly Operation InPlace = new(Effects.None, Operands.First, Operands.First);

    /// <summary>Writes to the first argument and returns nothing.</summary>
    internal static readonly Operation Changes = new(Effects.None, Operands.First);

    /// <summary>Code that isn't known: it may do anything.</summary>
    internal static readonly Operation Opaque = new(Effects.Opaque, Operands.All, Operands.All);

    internal bool IsOpaque => Has(Effects.Opaque);

    /// <summary>Whether it does any of these.</summary>
    internal bool Has(Effects any) => (Does & any) != 0;

    /// <summary>Does what both do.</summary>
    internal Operation And(Operation other) => new(Does | other.Does, Wider(Writes, other.Writes), Wider(Views, other.Views));

    /// <summary>Does all this where the model may be in training; without training neither dropout draws nor statistics change.</summary>
    /// <param name="training">Whether it is; null where that isn't known.</param>
    internal Operation In(bool? training) => training is false && Has(Effects.DrawsInTraining | Effects.UpdatesInTraining)
        ? this with { Does = Does & ~(Effects.DrawsInTraining | Effects.UpdatesInTraining) }
        : this;

    private static Operands Wider(Operands a, Operands b) => a == b || b == Operands.None ? a : a == Operands.None ? b : Operands.All;
}
