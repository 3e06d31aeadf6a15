using System.Reflection;
using System.Text.RegularExpressions;

namespace TorchSharp.Fx.Tests.Docs;

/// <summary>docs/fx-parity.md names tests that exist.</summary>
public sealed partial class ParityDocumentTests
{
    private static readonly string[] Rows = File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "docs", "fx-parity.md"))
        .Where(line => line.StartsWith("| ", StringComparison.Ordinal) && !line.StartsWith("| Python |", StringComparison.Ordinal)).ToArray();

    [Fact]
    public void Every_test_it_names_exists()
    {
        var tests = from type in typeof(ParityDocumentTests).Assembly.GetTypes()
                    from method in type.GetMethods(BindingFlags.Instance | BindingFlags.Public | BindingFlags.Static)
                    where method.IsDefined(typeof(FactAttribute), true)
                    select $"{type.Name}.{method.Name}";
        var known = tests.ToHashSet();
        Assert.Equal("", string.Join('\n', Rows.SelectMany(row => Named().Matches(row)).Select(match => match.Groups[1].Value).Where(name => !known.Contains(name)).Distinct()));
    }

    [Fact]
    public void Every_row_has_a_test_or_a_reason()
    {
        Assert.True(Rows.Length > 100);
        Assert.All(Rows, row => Assert.True(row.Split('|')[2].Trim().Length > 0, row));
    }

    [GeneratedRegex("`([A-Za-z]+Tests\\.[A-Za-z0-9_]+)`")]
    private static partial Regex Named();
}
