using Microsoft.CodeAnalysis;

namespace TorchSharp.Fx.Analyzers;

/// <summary>
/// The rules of the analyzers. Ids below FX100 are those of the tracer's refusals; the others are about modules that the tracer would take,
/// but not as meant.
/// </summary>
internal static class Rules
{
    private const string Docs = "docs/analyzers.md#";

    internal static readonly DiagnosticDescriptor BranchOnSize = Rule("FX001", DiagnosticSeverity.Info, "A branch on a size of an input",
        "'{0}' depends on a size of an input, so a trace without example inputs is refused: give example_inputs, compute with tensors or "
            + "make the decision an argument (concrete_args)");

    internal static readonly DiagnosticDescriptor NeedsValue =
        Rule("FX003", DiagnosticSeverity.Info, ".NET code that needs a size of an input",
        "'{0}' needs the value of a size of an input, so a trace without example inputs is refused: give example_inputs, or use a tensor "
            + "operation over the whole dimension");

    internal static readonly DiagnosticDescriptor NativeCode =
        Rule("FX004", DiagnosticSeverity.Warning, "A native function on a value that depends on an input",
        "'{0}' is native code, which can't be traced: make it a leaf function (tracer_kwargs.autowrap_functions)");

    internal static readonly DiagnosticDescriptor ReadsTensor = Rule("FX006", DiagnosticSeverity.Warning, "The content of a tensor is read",
        "'{0}' reads the content of a tensor that depends on an input, which has none while tracing: compute with tensor operations");

    internal static readonly DiagnosticDescriptor StaticModule =
        Rule("FX009", DiagnosticSeverity.Warning, "A module outside the hierarchy is called",
        "'{0}' is static, so the model doesn't reach it and no name can be given to it: hold it in a field of the module");

    internal static readonly DiagnosticDescriptor Concurrency =
        Rule("FX012", DiagnosticSeverity.Warning, "A forward awaits or starts a thread",
        "'{0}' starts another thread of execution, and a graph has one order: call the work directly");

    internal static readonly DiagnosticDescriptor ChangesModel = Rule("FX013", DiagnosticSeverity.Warning, "A forward changes the model",
        "'{0}' changes the model, which a trace leaves as it is: register in the constructor and update in place");

    internal static readonly DiagnosticDescriptor ArrayIndex =
        Rule("FX014", DiagnosticSeverity.Warning, "An array is indexed by a size of an input",
        "'{0}' is an ordinary array, which can't be indexed by a number that depends on an input: index a tensor");

    internal static readonly DiagnosticDescriptor InputType =
        Rule("FX016", DiagnosticSeverity.Info, "An input of a type that can't be traced",
        "The input '{0}' is a string, and the tracer can't make a fake object of that type: fix it with concrete_args, or give it a default value");

    internal static readonly DiagnosticDescriptor BranchOnContent =
        Rule("FX018", DiagnosticSeverity.Warning, "A branch on the content of a tensor",
        "'{0}' is read out of a tensor that depends on an input, so a graph would hold for some inputs only: compute with tensors "
            + "(torch.where)");

    internal static readonly DiagnosticDescriptor Unregistered = Rule("FX101", DiagnosticSeverity.Warning, "A module is not registered",
        "'{0}' is never registered, so its parameters neither train nor move nor are saved: {1}");

    internal static readonly DiagnosticDescriptor AssignedLate =
        Rule("FX102", DiagnosticSeverity.Warning, "A module is assigned after RegisterComponents",
        "'{0}' is assigned after RegisterComponents() and stays unregistered, so its parameters neither train nor move nor are saved: call "
            + "RegisterComponents() last");

    private static DiagnosticDescriptor Rule(string id, DiagnosticSeverity severity, string title, string message)
        => new(id, title, message, "TorchSharp.Fx", severity, isEnabledByDefault: true, helpLinkUri: Docs + id.ToLowerInvariant());
}
