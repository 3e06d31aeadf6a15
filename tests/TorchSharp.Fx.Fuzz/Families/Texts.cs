namespace TorchSharp.Fx.Fuzz;

/// <summary>Strings and characters.</summary>
internal static class Texts
{
    internal static Family Family { get; } = new(
        "",
        new Dictionary<string, string[]>
        {
            ["int"] = ["«string».IndexOf('a')", "«string».IndexOf(\"1\", StringComparison.Ordinal)", "string.CompareOrdinal(«string», «string»)", "Math.Sign(string.Compare(«string», «string», StringComparison.OrdinalIgnoreCase))", "«string».Split(',').Length", "(int.TryParse(«string», out var v§) ? v§ : -1)", "(int)char.GetNumericValue(«char»)", "«string».Count(z => z == 'a')", "Convert.ToInt32(«bool»)", "«string».LastIndexOf('-')", "System.Text.Encoding.UTF8.GetByteCount(«string»)", "(«string» as object as string)!.Length", "«string».TrimEnd('a', 'b').Length"],
            ["char"] = ["char.ToUpperInvariant(«char»)", "(char)('a' + («int» & 7))", "(«string» + \"q\")[0]", "(char)(«char» + 1)"],
            ["string"] = ["«string».PadLeft(«int» & 7, '.')", "«string».Replace('a', 'b')", "«string».Replace(\"b\", \"--\")", "string.Format(\"{0}-{1:X}\", «int», «int»)", "$\"{«int»,6}|{«long»,-4}|{«double»:E1}\"", "$\"{«string»}{«char»}{«Pair».A}\"", "«string».Trim('a').Insert(0, \"<\")", "string.Join('+', ai)", "string.Join(\", \", at.Reverse())", "new string(«char», «int» & 3)", "new string(«string».Reverse().ToArray())", "string.Concat(«string», «string», «string»)", "(«string» + «int» + «bool» + «char»)", "(«string» + null + «double»)", "Convert.ToString(«int» & 255, 2)", "«string».Substring(0, 0)", "«string».Substring(«int» & 1)", "(«string» is { Length: > 2 } w§ ? w§[..2] : \"short\")", "«int».ToString(\"D4\")", "«double».ToString(\"R\", System.Globalization.CultureInfo.InvariantCulture)", "string.IsNullOrEmpty(«string») ? \"none\" : \"some\"", "«string».ToLowerInvariant().TrimStart()", "nameof(Helpers) + «int»", "new System.Text.StringBuilder().Append(«int»).Append(\", \").AppendJoin('/', ai).Insert(0, «char»).ToString()", "$\"{(«bool» ? $\"[{«int»}]\" : «string»)}\"", "string.Create(3, «char», (span, c) => span.Fill(c))"],
            ["bool"] = ["string.IsNullOrWhiteSpace(«string»)", "«string».StartsWith(\"b\", StringComparison.Ordinal)", "«string».EndsWith('-')", "string.Equals(«string», «string», StringComparison.OrdinalIgnoreCase)", "(«string» != «string»)", "char.IsLetter(«char»)", "bool.TryParse(«string», out _)", "ReferenceEquals(\"same\", string.Intern(\"sa\" + \"me\"))"],
        },
        [
            "var builder§ = new System.Text.StringBuilder(); foreach (var e§ in at) { builder§.Append(e§).Append(';'); if (builder§.Length > 20) break; } text = builder§.ToString();", "text = «string».Length > 30 ? \"\" : «string»; text += «char»; text += «int»;", "foreach (var e§ in «string».Split('1')) { p0 = unchecked(p0 * 5 + e§.Length); «loop string e§» }", "var chars§ = «string».ToCharArray(); Array.Sort(chars§); text = new string(chars§);", "at[«index»] = at[«index»].Length > 30 ? \"cut\" : at[«index»] + «string»;",
            "foreach (var (c§, n§) in «string».GroupBy(z => z).Select(z => (z.Key, z.Count()))) p0 = unchecked(p0 + c§ * n§);", "for (int i§ = 0; i§ < «string».Length && fuel-- > 0; i§++) «loop int i§»",
        ]);
}
