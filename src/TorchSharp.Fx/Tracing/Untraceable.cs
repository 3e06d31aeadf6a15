using System.Reflection;

namespace TorchSharp.Fx.Tracing;

/// <summary>
/// The catalogue of what can't be traced: one method an entry, with its code, its sentence and its way out. <c>docs/untraceable.md</c>
/// explains each.
/// </summary>
internal static class Untraceable
{
    private const string LeafFix =
        "make the method a leaf function (tracer_kwargs.autowrap_functions) or its module a leaf module (tracer_kwargs.leaf_modules)";

    internal static TraceException Branch(Interpreter at, Proxy condition)
        => Interpreter.ContentOf(condition) is null ? BranchOnSize(at, condition) : BranchOnContent(at, condition);

    private static TraceException BranchOnContent(Interpreter at, Proxy condition) => Interpreter.IsOfModelAlone(condition) ? OfContent(at,
            $"The program branches on {Describe(condition)}, which is read out of the model's own parameters or buffers, and training or "
                + "loading changes those.",
            $"Give example_inputs: the graph asserts then that the condition holds. Or {LeafFix}.")
        : OfContent(at,
        $"The program branches on {Describe(condition)}, which is read out of a tensor that depends on an input, so a graph of it would "
            + "hold for some inputs only.",
        "Compute with tensors (torch.where) instead, let an example decide (example_inputs with allow_value_specialization: true), or "
            + $"{LeafFix}.");

    private static TraceException OfContent(Interpreter at, string what, string fix) => Error(at, "FX018", what, fix);

    private static TraceException BranchOnSize(Interpreter at, Proxy condition) => Error(at, "FX001",
        $"The program branches on {Describe(condition)}, which depends on an input, so a graph of it would hold for some inputs only.",
        $"Fix the value with concrete_args if it is an argument, compute with tensors (torch.where) instead, or {LeafFix}.");

    internal static TraceException UnknownLength(Interpreter at, Proxy sequence) => Error(at, "FX002",
        $"The program needs the number of elements of '{sequence.node.name}' ({Short(sequence.type)}), which depends on an input.",
        $"Index the elements it uses (t[0], t[1]), or {LeafFix}.");

    internal static TraceException NeedsValue(Interpreter at, MethodBase method, Proxy value) => Error(at, "FX003",
        $"{Short(method)} needs the value of '{value.node.name}' ({Short(value.type)}), which depends on an input.",
        $"Use arithmetic, Math or tensor operations on it instead, or {LeafFix}.");

    internal static TraceException NoBody(Interpreter at, MethodBase method) => Error(at, "FX004",
        $"{Short(method)} has no CIL to trace (it is native, abstract or made at run time).",
        $"Make it a leaf function: tracer_kwargs.autowrap_functions = [{Short(method)}], or make its module a leaf module "
            + "(tracer_kwargs.leaf_modules).");

    internal static TraceException Instruction(Interpreter at, Op op) => Error(at, "FX005",
        $"The program uses unsafe code (the CIL instruction {op}), which can't be followed symbolically.",
        $"Write it without pointers, or {LeafFix}.");

    internal static TraceException ReadsTensor(Interpreter at, MethodBase method, Proxy tensor) => Error(at, "FX006",
        $"{Short(method)} reads the content of the tensor '{tensor.node.name}', which depends on an input.",
        method.Name == "get_Handle" ? NativeFix(at) : $"Compute with tensor operations instead, or {LeafFix}.");

    /// <summary>Native code has no other way out than a leaf: the line to add, for the method that hands a tensor to it.</summary>
    private static string NativeFix(Interpreter at) => at.UserMethod is { IsStatic: true } function
        ? $"Make it a leaf function: tracer_kwargs.autowrap_functions = [{Short(function)}]."
        : at.Tracer.CurrentPath.Length > 0
        ? $"Make its module a leaf module: tracer_kwargs.leaf_modules = [typeof({Short(at.Tracer.CurrentModule!.GetType())})]."
        : "Move it to a static method or a submodule, and make that a leaf (tracer_kwargs.autowrap_functions or "
            + "tracer_kwargs.leaf_modules).";

    internal static TraceException ArgumentType(Interpreter at, Type type) => Error(at, "FX007",
        $"An object of type {Short(type)} is used together with values that depend on an input, and a graph has no way to write it down.",
        $"Pass numbers, strings, tensors, or tuples, arrays, lists, dictionaries and records of them, or {LeafFix}.");

    internal static TraceException ResultType(Interpreter at, Proxy result) => Error(at, "FX008",
        $"'{result.node.name}' gives a {Short(result.type)} that depends on an input, and the tracer can't make a fake object of that "
            + "type.",
        $"Change the method to return tensors, numbers, tuples or a class that isn't abstract, or {LeafFix}.");

    internal static TraceException NotInHierarchy(Tracer tracer, torch.nn.Module module) => Error(tracer.Interpreter, "FX009",
        $"The module {Short(module.GetType())} that is called here is not reachable from the root module by its submodules and fields, so "
            + "it has no qualified name.",
        "Keep it in a field of a module and register it (RegisterComponents or register_module).");

    internal static TraceException NoRoom(Interpreter at, Proxy symbol, Type type) => Error(at, "FX010",
        $"'{symbol.node.name}', which depends on an input, is stored where only a concrete {Short(type)} fits.",
        $"Keep it in a local variable, or {LeafFix}.");

    internal static TraceException TooDeep(Interpreter at, MethodBase method) => Error(at, "FX011",
        $"{Short(method)} calls itself too deeply to be followed.",
        $"Bound the recursion, or {LeafFix}.");

    internal static TraceException Async(Interpreter at, MethodBase method) => Error(at, "FX012",
        $"{Short(method)} is asynchronous or starts a thread, and a graph has one order of execution.",
        $"Call the work directly, or {LeafFix}.");

    internal static TraceException ChangesModel(Interpreter at, MethodBase method) => OfModel(at,
        $"{Short(method)} would change the model while it is traced.",
        $"Move the change out of forward, or {LeafFix}.");

    internal static TraceException ReadBeforeWrite(Interpreter at, MethodBase reader) => OfModel(at,
        $"The program writes to a tensor that the model keeps without having registered it, after {Short(reader)} computed with it: that "
            + "result would be a constant of the graph.",
        $"Register the tensor as a buffer (register_buffer), or {LeafFix}.");

    private static TraceException OfModel(Interpreter at, string what, string fix) => Error(at, "FX013", what, fix);

    internal static TraceException SymbolicIndex(Interpreter at, Proxy index) => Error(at, "FX014",
        $"An ordinary array is indexed by '{index.node.name}', which depends on an input.",
        $"Stack the elements into a tensor and index that, or {LeafFix}.");

    internal static TraceException OutOfOrder(Interpreter at) => Error(at, "FX015",
        "An array whose length depends on an input is not filled from its start to its end, so its content is not known.",
        $"Write it as a collection expression ([.. shape[..^1], n]), or {LeafFix}.");

    internal static TraceException InputType(Interpreter at, ParameterInfo input)
    {
        var name = PythonNames.Plain(input.Member.Name);
        var (sentence, advice) = input.ParameterType.IsByRef
            ? ($"{name} takes '{input.Name}' by reference ({(input.IsOut ? "out" : input.IsIn ? "in" : "ref")}), and a graph's inputs are "
                + "values.",
                "Return what it writes beside the result, as a tuple, and take what it reads as a plain parameter.")
            : ($"The input '{input.Name}' of {name} is a {Short(input.ParameterType)}, and the tracer can't make a fake object of that "
                + "type.",
                "Fix it with concrete_args, or give the parameter a default value.");
        return Error(at, "FX016", sentence, advice);
    }

    internal static TraceException ReadsContent(Interpreter at, Node read) => OfContent(at,
        $"To go on, the program needs the value of '{read.name}', which was read out of a tensor: for other inputs of the same shapes the "
            + "graph would be wrong.",
        $"Allow it with allow_value_specialization: true, compute with tensors (torch.where) instead, or {LeafFix}.");

    internal static TraceException DependsOnFree(Interpreter at, FreeDimension dimension, string what) => Error(at, "FX019",
        $"The dimension {dimension.Letter} is declared as free, but the program needs {what}, which comes out differently for "
            + $"{dimension.Letter} = {dimension.Size} and {dimension.Letter} = {dimension.Other}.",
        $"Declare the size that you need in place of {dimension.Letter}, compute with tensors instead, or {LeafFix}.");

    internal static TraceException ReadsText(Interpreter at, MethodBase? method, Proxy symbol) => Error(at, "FX025",
        $"{(method is null ? "The program returns, or gives to an operation," : $"{Short(method)} reads")} a text that shows "
            + $"'{symbol.node.name}', which depends on an input: while tracing, the text has a name where the program has a value.",
        $"Use the text in messages only and compute with the value itself, trace with example inputs, or {LeafFix}.");

    internal static TraceException ReadsTensors(Interpreter at, MethodBase method) => Error(at, "FX026",
        $"{Short(method)} is .NET's own code, which isn't followed, and it asks a tensor that depends on an input for its content or shape.",
        $"Write it as a loop or with a lambda (OrderBy(t => t.shape[0])), which is followed, or {LeafFix}.");

    internal static TraceException ModeIsLeft(Interpreter at, GradientMode mode, Origin? entered) => Error(at, "FX030",
        $"The program enters {mode.Calls[^1]} at {entered?.ToString() ?? "an unknown place"} and returns without leaving it, so that all "
            + "its caller does next would run in it; a graph gives the caller's mode back.",
        "Leave it before forward returns (using var mode = no_grad();), or enter it outside of forward.");

    internal static TraceException ForeignMode(Interpreter at, string what) => Error(at, "FX031",
        $"The program {what}, so that forward alone doesn't say in which mode the next operations run.",
        "Enter each gradient mode within forward, with using, and let the inner one end before the outer one.");

    internal static TraceException ChangesProcess(Interpreter at, MethodBase method) => Error(at, "FX032",
        $"{Short(method)} changes a setting of the whole process, which running the graph would not do.",
        $"Call it before the model runs, give each operation what it needs (dtype:, device:), or {LeafFix}.");

    internal static TraceException ModeComputes(Interpreter at, MethodBase method) => Error(at, "FX035",
        $"{Short(method)} computes with tensors, so that the mode can't be set without changing the model.",
        "Set the mode yourself before tracing, and trace the model in its present mode (fx.symbolic_trace).");

    private static TraceException Changes(Interpreter at, string what, string fix) => Error(at, "FX036", what, fix);

    internal static TraceException Outlives(Interpreter at, MethodBase method, Type type) => Changes(at,
        $"{Short(method)} may change a {Short(type)} that was there before the trace, and no copy can be made of it for the trace to "
            + "change instead.",
        $"Make a new one in forward, or {LeafFix}.");

    internal static TraceException ChangesInput(Interpreter at, Proxy part, Node input) => Changes(at,
        $"The program changes a {Short(part.type)} inside the input '{input.target.name}', and a later read of it would give the "
            + "caller's value.",
        $"Copy it first (ToArray, ToList) and change the copy, or {LeafFix}.");

    internal static TraceException SetsProcess(Interpreter at, MethodBase method) => Error(at, "FX037",
        $"{Short(method)} changes the whole process, also for the code that runs beside the trace.",
        $"Move it out of forward, or {LeafFix}.");

    internal static TraceException TypeTest(Interpreter at, Proxy value, Type type) => Error(at, "FX038",
        $"The program asks whether '{value.node.name}' ({Short(value.type)}), which depends on an input, is a {Short(type)}.",
        $"Trace with example inputs, which tell its type, or cast it ((Tensor)inputs[0]), or {LeafFix}.");

    internal static TraceException Dynamic(Interpreter at, string what) => Error(at, "FX039",
        $"The program uses '{what}' as dynamic, and what it stands for is only known when the model runs.",
        $"Trace with example inputs, which tell its type, declare its type in place of dynamic, or {LeafFix}.");

    /// <summary>Python's expression for the condition, when it is a comparison.</summary>
    internal static string Describe(Proxy condition) => condition is Deferred { IsComparison: true, Operation: not Builtin.not_ } comparison
        ? $"'{Operand(comparison.Left)} {Sign(comparison.Operation)} {Operand(comparison.Right)}'"
        : $"'{condition.node.name}'";

    private static string Operand(Value value) => value.Kind switch
    {
        ValueKind.Symbol when value.Symbol is Deferred { Operation: Builtin.len } length => $"len({length.LeftName})",
        ValueKind.Symbol => value.Symbol.node.name,
        ValueKind.Single => value.Single.ToString(System.Globalization.CultureInfo.InvariantCulture),
        ValueKind.Double => value.Double.ToString(System.Globalization.CultureInfo.InvariantCulture),
        ValueKind.Object => value.Reference?.ToString() ?? "null",
        _ => value.Int64.ToString(System.Globalization.CultureInfo.InvariantCulture),
    };

    private static string Sign(Builtin operation) => operation switch
    {
        Builtin.eq => "==",
        Builtin.ne => "!=",
        Builtin.lt => "<",
        Builtin.le => "<=",
        Builtin.gt => ">",
        _ => ">=",
    };

    internal static string Short(MethodBase method)
        => method.IsConstructor
            ? $"new {Short(method.DeclaringType!)}" : $"{Short(method.DeclaringType!)}.{PythonNames.Plain(method.Name)}";

    internal static string Short(Type type)
    {
        if (type.IsArray)
            return Short(type.GetElementType()!) + "[]";
        if (type.FullName?.StartsWith("System.ValueTuple`", StringComparison.Ordinal) == true)
            return $"({string.Join(", ", type.GenericTypeArguments.Select(Short))})";
        var name = type.IsPrimitive ? ArgumentText.PrimitiveName(type) : type.Name;
        return type.IsGenericType && name.Contains('`', StringComparison.Ordinal)
            ? $"{name[..name.IndexOf('`', StringComparison.Ordinal)]}<{string.Join(", ", type.GenericTypeArguments.Select(Short))}>"
            : name;
    }

    private static TraceException Error(Interpreter at, string code, string what, string fix)
        => new(code, what, char.ToUpperInvariant(fix[0]) + fix[1..], at.Tracer.CurrentPath, at.Place(at.Tracer.CurrentPath), at.Location(),
            at.ProgramStack());
}
