using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis.Diagnostics;

namespace TorchSharp.Fx.Analyzers.Tests;

public sealed partial class DocumentTests
{
    [Fact]
    public void Every_rule_has_its_row_and_the_section_that_its_help_link_leads_to()
    {
        var document = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "docs", "analyzers.md"));
        var rules = new DiagnosticAnalyzer[] { new ForwardAnalyzer(), new RegistrationAnalyzer() }.SelectMany(analyzer => analyzer.SupportedDiagnostics).OrderBy(rule => rule.Id).ToArray();
        Assert.Equal(rules.Select(rule => $"{rule.Id} {rule.DefaultSeverity}".ToLowerInvariant()), Row().Matches(document).Select(row => $"{row.Groups[1].Value} {row.Groups[2].Value}".ToLowerInvariant()));
        Assert.Equal(rules.Select(rule => rule.Id), Section().Matches(document).Select(section => section.Groups[1].Value));
        Assert.All(rules, rule => Assert.Equal($"docs/analyzers.md#{rule.Id.ToLowerInvariant()}", rule.HelpLinkUri));
    }

    [GeneratedRegex(@"^\| \[(FX\d+)\]\(#fx\d+\) \| (\w+) \|", RegexOptions.Multiline)]
    private static partial Regex Row();

    [GeneratedRegex(@"^## (FX\d+)$", RegexOptions.Multiline)]
    private static partial Regex Section();
}
