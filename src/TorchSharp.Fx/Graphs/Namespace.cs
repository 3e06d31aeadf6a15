using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;

namespace TorchSharp.Fx.Graphs;

/// <summary>Hands out the names of a graph's nodes, each once, by the rules of <c>torch.fx.graph._Namespace</c>.</summary>
internal sealed class Namespace
{
    private static readonly SearchValues<char> LegalCharacters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");

    private readonly HashSet<string> used = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> counts = new(StringComparer.Ordinal);

    /// <summary>A free name made of <paramref name="candidate"/>: itself, or with the lowest suffix <c>_N</c> not handed out yet.</summary>
    internal string Create(string candidate)
    {
        candidate = Legal(candidate);
        var (stem, suffix) = SplitSuffix(candidate);
        ref var number = ref CollectionsMarshal.GetValueRefOrAddDefault(counts, stem, out _);
        if (suffix is not (null or 0))
            number = suffix.Value;
        while (PythonNames.IsReserved(candidate) || !used.Add(candidate))
            candidate = $"{stem}_{++number}";
        return candidate;
    }

    /// <summary>The beginning of the names of all nodes with a target, before the number that tells them apart.</summary>
    internal static string Stem(string target) => SplitSuffix(Legal(SnakeCase(target))).Stem;

    /// <summary>Takes back a name, so that it can be handed out again.</summary>
    internal void Release(string name) => used.Remove(name);

    /// <summary><c>relu_1</c> → (<c>relu</c>, 1); <c>relu</c> → (<c>relu</c>, null).</summary>
    internal static (string Stem, int? Number) SplitSuffix(string name)
    {
        var at = name.LastIndexOf('_');
        return at > 0 && at < name.Length - 1 && name.AsSpan(at + 1).IndexOfAnyExceptInRange('0', '9') < 0
            && int.TryParse(name.AsSpan(at + 1), out var number)
            ? (name[..at], number)
            : (name, null);
    }

    /// <summary><c>AuxLogits.Conv0</c> → <c>aux_logits.conv0</c>, as PyTorch names a node after its target.</summary>
    internal static string SnakeCase(string name)
    {
        if (!name.AsSpan().ContainsAnyInRange('A', 'Z'))
            return name;
        var text = new StringBuilder(name.Length + 4);
        for (var i = 0; i < name.Length; i++)
        {
            if (char.IsAsciiLetterUpper(name[i]) && i > 0 && char.IsAsciiLetterLower(name[i - 1]))
                text.Append('_');
            text.Append(char.ToLowerInvariant(name[i]));
        }
        return text.ToString();
    }

    private static string Legal(string candidate)
    {
        if (candidate.Length == 0 || char.IsAsciiDigit(candidate[0]))
            candidate = '_' + candidate;
        return !candidate.AsSpan().ContainsAnyExcept(LegalCharacters)
            ? candidate : string.Create(candidate.Length, candidate, static (text, candidate) =>
        {
            for (var i = 0; i < text.Length; i++)
                text[i] = LegalCharacters.Contains(candidate[i]) ? candidate[i] : '_';
        });
    }
}
