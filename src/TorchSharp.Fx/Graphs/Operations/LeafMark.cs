using System.Reflection;

namespace TorchSharp.Fx.Graphs;

/// <summary>
/// The mark of a leaf: an attribute of this name on a module's class, a function or a function's class, in any library. So that library
/// doesn't need to know this one, as torchvision's ops don't know torch.fx. What is marked computes a value and does no more, unless the
/// mark says so.
/// </summary>
/// <param name="Row">What a call does.</param>
/// <param name="Always">Whether no trace can follow it.</param>
internal sealed record LeafMark(Operation Row, bool Always)
{
    private const string Name = "TorchSharp.Fx.FxLeafAttribute";

    private static readonly Memo<MemberInfo, LeafMark?> Known = new(Find);

    /// <summary>The mark that a class carries; null for none.</summary>
    internal static LeafMark? Of(Type type) => Known.Of(type);

    /// <summary>The mark that a function or its class carries; null for none, and for what is no function.</summary>
    internal static LeafMark? Of(MethodBase method)
        => method.IsStatic && !method.IsSpecialName ? Known.Of(method) ?? (method.DeclaringType is { } type ? Known.Of(type) : null) : null;

    private static LeafMark? Find(MemberInfo member)
    {
        if (Array.Find(member.GetCustomAttributes(inherit: true).ToArray(),
            attribute => attribute.GetType().FullName == Name) is not { } mark)
            return null;
        var does = (Says(mark, "Draws") ? Effects.DrawsInTraining : Effects.None) | (Says(mark, "ShapedByElements")
            ? Effects.ShapedByElements : Effects.None);
        return new(new Operation(does, Says(mark, "Writes") ? Operands.All : Operands.None, Operands.All), Says(mark, "Always"));
    }

    private static bool Says(object mark, string property) => mark.GetType().GetProperty(property)?.GetValue(mark) is true;
}
