namespace TorchSharp.Fx.Vision;

/// <summary>
/// Takes shapes and lists of tensors apart as Python does: <c>var (n, c, h, w) = x.shape</c>. Every element is read, also one that is
/// discarded.
/// </summary>
internal static class Unpacking
{
    public static void Deconstruct<T>(this T[] items, out T first, out T second) => (first, second) = (items[0], items[1]);

    public static void Deconstruct<T>(this T[] items, out T first, out T second, out T third)
        => (first, second, third) = (items[0], items[1], items[2]);

    public static void Deconstruct<T>(this T[] items, out T first, out T second, out T third, out T fourth) =>
        (first, second, third, fourth) = (items[0], items[1], items[2], items[3]);

    public static void Deconstruct<T>(this T[] items, out T first, out T second, out T third, out T fourth, out T fifth) =>
        (first, second, third, fourth, fifth) = (items[0], items[1], items[2], items[3], items[4]);
}
