using System.Reflection;

namespace TorchSharp.Fx.Tracing;

/// <summary>The place of a field among those of its struct.</summary>
internal static class FieldNumbers
{
    private static readonly Memo<FieldInfo, int> Numbers = new(field => Array.IndexOf(
        [.. field.DeclaringType!.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)
            .OrderBy(each => each.MetadataToken).Select(each => each.MetadataToken)], field.MetadataToken));

    internal static int Of(FieldInfo field) => Numbers.Of(field);
}
