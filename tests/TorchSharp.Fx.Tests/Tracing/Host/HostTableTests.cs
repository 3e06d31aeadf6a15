namespace TorchSharp.Fx.Tests.Tracing.Host;

/// <summary>.NET's own code and symbols: several hundred small programs, each traced by symbols and by example, and held to eager on other sizes, too.</summary>
public sealed class HostTableTests
{
    private static readonly Dictionary<string, HostRow> Rows = new HostRow[][] { LinqRows.Rows, ArrayRows.Rows, NumberRows.Rows, TextRows.Rows }.SelectMany(rows => rows).ToDictionary(row => row.Name);

    public static TheoryData<string> Names => [.. Rows.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void By_symbols(string program) => Assert.Null(HostTable.Fault(Rows[program], byExample: false));

    [Theory]
    [MemberData(nameof(Names))]
    public void By_example(string program) => Assert.Null(HostTable.Fault(Rows[program], byExample: true));

    /// <summary>Thousands of members of .NET's own types, found by reflection: none makes a graph wrong.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Members_found_by_reflection(bool byExample)
        => Assert.DoesNotContain(GeneratedPrograms.Rows.Select(row => (row.Name, Fault: HostTable.Fault(row, byExample))), row => row.Fault is not null);
}
