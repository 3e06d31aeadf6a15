namespace TorchSharp.Fx.Graphs;

/// <summary>
/// The functions by which a graph holds a value to the type that the example or the program's own cast gave it, where the declared type
/// says less.
/// </summary>
internal static class Casts
{
    /// <summary>
    /// The value as a <typeparamref name="T"/>; of the user's own classes as that very class, for another overrides its methods.
    /// </summary>
    /// <exception cref="InvalidCastException">It is of another type.</exception>
    internal static T cast<T>(object? value) => value is T same && (Homes.Of(typeof(T)) != Home.User || same.GetType() == typeof(T))
        ? same
        : throw new InvalidCastException(
            $"The value is {(value is null ? "null" : $"of type {CSharpNames.OfType(value.GetType())}")}, and the graph was traced for "
                + $"one of type {CSharpNames.OfType(typeof(T))}: trace again with inputs like these.");
}
