using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CodeActions;
using Microsoft.CodeAnalysis.CodeFixes;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Analyzers.Tests;

/// <summary>What the analyzer tells of a class is what TorchSharp then has registered.</summary>
public sealed class RegistrationTests
{
    private const string Head = """
        using TorchSharp;
        using TorchSharp.Modules;
        using static TorchSharp.torch;
        using static TorchSharp.torch.nn;

        public sealed class Model : Module<Tensor, Tensor>
        {
            private readonly Linear first;

        """;

    private const string Tail = "\n    public override Tensor forward(Tensor x) => first.call(x);\n}\n";

    [Fact]
    public void A_class_that_registers_nothing()
    {
        const string Body = """
                public Model() : base("Model")
                {
                    first = Linear(2, 2);
                }
            """;
        Assert.Equal(["FX101: 'first' is never registered, so its parameters neither train nor move nor are saved: call RegisterComponents() at the end of the constructor"], Told(Body));
        Assert.Empty(Registered(Body));
        Assert.Equal("""
                public Model() : base("Model")
                {
                    first = Linear(2, 2);
                    RegisterComponents();
                }
            """, Fixed(Body));
    }

    [Fact]
    public void A_module_that_comes_after_the_registration()
    {
        const string Body = """
                private readonly Linear second;
                private readonly Parameter scale;

                public Model() : base("Model")
                {
                    first = Linear(2, 2);
                    RegisterComponents();
                    second = Linear(2, 2); // comes too late
                    scale = new(ones(2));
                }
            """;
        Assert.Equal(
        [
            "FX102: 'second' is assigned after RegisterComponents() and stays unregistered, so its parameters neither train nor move nor are saved: call RegisterComponents() last",
            "FX102: 'scale' is assigned after RegisterComponents() and stays unregistered, so its parameters neither train nor move nor are saved: call RegisterComponents() last",
        ], Told(Body));
        Assert.Equal(["first"], Registered(Body));
        Assert.Equal("""
                private readonly Linear second;
                private readonly Parameter scale;

                public Model() : base("Model")
                {
                    first = Linear(2, 2);
                    second = Linear(2, 2); // comes too late
                    scale = new(ones(2));
                    RegisterComponents();
                }
            """, Fixed(Body));
        Assert.Equal(["first", "second"], Registered(Fixed(Body)));
    }

    [Fact]
    public void Modules_in_a_collection_of_NET()
    {
        const string Body = """
                private readonly List<Module<Tensor, Tensor>> blocks = [Linear(2, 2)];
                private readonly Module<Tensor, Tensor>[] heads = [Linear(2, 2)];

                public Model() : base("Model")
                {
                    first = Linear(2, 2);
                    RegisterComponents();
                }
            """;
        Assert.Equal(
        [
            "FX101: 'blocks' is never registered, so its parameters neither train nor move nor are saved: use ModuleList or ModuleDict",
            "FX101: 'heads' is never registered, so its parameters neither train nor move nor are saved: use ModuleList or ModuleDict",
        ], Told(Body));
        Assert.Equal(["first"], Registered(Body));
    }

    [Theory]
    [InlineData("public Model() : base(\"Model\") { first = Linear(2, 2); register_module(\"first\", first); }")]
    [InlineData("public Model() : base(\"Model\") { first = Linear(2, 2); Finish(); } private void Finish() => RegisterComponents();")]
    [InlineData("public Model() : base(\"Model\") { first = Linear(2, 2); RegisterComponents(); step = 0; } private readonly int step;")]
    [InlineData("public Model() : base(\"Model\") { first = Linear(2, 2); RegisterComponents(); var copy = first; copy.train(); }")]
    public void What_is_registered_is_not_told(string body)
    {
        Assert.Empty(Told(body));
        Assert.Equal(["first"], Registered(body));
    }

    private static Code Compile(string body) => new($"Model{Guid.NewGuid():n}", ("Model.cs", Head + body + Tail));

    private static IEnumerable<string> Told(string body)
        => Compile(body).Diagnostics().Select(diagnostic => $"{diagnostic.Id}: {diagnostic.GetMessage(System.Globalization.CultureInfo.InvariantCulture)}");

    private static List<string> Registered(string body)
    {
        using var model = (nn.Module)Activator.CreateInstance(Compile(body).Load().GetType("Model")!)!;
        return [.. model.named_children().Select(child => child.name)];
    }

    /// <summary>The class's own part after the fix of the first diagnostic.</summary>
    private static string Fixed(string body)
    {
        var diagnostic = Compile(body).Diagnostics()[0];
        using var workspace = new AdhocWorkspace();
        var document = workspace.AddProject("Model", LanguageNames.CSharp).AddDocument("Model.cs", Head + body + Tail);
        CodeAction? action = null;
        new RegistrationFix().RegisterCodeFixesAsync(new CodeFixContext(document, diagnostic, (found, _) => action = found, default)).GetAwaiter().GetResult();
        var changed = action!.GetOperationsAsync(default).GetAwaiter().GetResult().OfType<ApplyChangesOperation>().Single().ChangedSolution.GetDocument(document.Id)!;
        var text = Microsoft.CodeAnalysis.Formatting.Formatter.FormatAsync(changed, Microsoft.CodeAnalysis.Formatting.Formatter.Annotation).GetAwaiter().GetResult().GetTextAsync().GetAwaiter().GetResult().ToString();
        return text[Head.Length..^Tail.Length];
    }
}
