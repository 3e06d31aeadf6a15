namespace TorchSharp.Fx.Tests.Operations;

/// <summary>docs/operations.md counts and lists what the tests found.</summary>
public sealed class OperationsDocumentTests
{
    private static readonly string Document = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "docs", "operations.md")).ReplaceLineEndings("\n");

    [Fact]
    public void The_document_counts_the_operations()
    {
        var missing = OperationExceptions.WithoutNode.Sum(group => group.Operations.Length);
        Assert.Contains($"{PublicOperations.All.Count} operations: {PublicOperations.All.Count - missing} record a node of themselves, {missing} don't.", Document, StringComparison.Ordinal);
    }

    [Fact]
    public void The_document_lists_what_records_no_node()
        => Assert.Contains(string.Join("\n", OperationExceptions.WithoutNode.Select(group => $"- {group.Reason}\n{Lines(group.Operations)}")), Document, StringComparison.Ordinal);

    [Fact]
    public void The_document_lists_what_is_not_run() => Assert.Contains(Lines(OperationExceptions.EndTheProcess), Document, StringComparison.Ordinal);

    [Fact]
    public void Every_exception_is_an_operation_of_TorchSharp()
        => Assert.All(OperationExceptions.WithoutNode.SelectMany(group => group.Operations).Concat(OperationExceptions.EndTheProcess), name => Assert.Contains(name, PublicOperations.All.Keys));

    private static string Lines(IEnumerable<string> operations) => string.Join("\n", operations.Select(name => $"  - `{name}`"));
}
