namespace TorchSharp.Fx.Tests.Operations;

/// <summary>What is missing, by name and with the reason. docs/operations.md shows these tables.</summary>
internal static class OperationExceptions
{
    /// <summary>Operations that record no node of themselves. A test fails when one here does after all.</summary>
    internal static readonly (string Reason, string[] Operations)[] WithoutNode =
    [
        ("Who disposes what is decided when the graph runs: while tracing, moving and disposing do nothing.",
        [
            "DisposeScope.Detach<Tensor, Tensor, Tensor>(Tensor, Tensor, Tensor)",
            "DisposeScope.Detach<Tensor, Tensor>(Tensor, Tensor)",
            "DisposeScope.Detach<Tensor>(Tensor)",
            "DisposeScope.DisposeEverythingBut<Tensor, Tensor, Tensor>(Tensor, Tensor, Tensor)",
            "DisposeScope.DisposeEverythingBut<Tensor, Tensor>(Tensor, Tensor)",
            "DisposeScope.DisposeEverythingBut<Tensor>(Tensor)",
            "DisposeScope.MoveToOther<Tensor, Tensor, Tensor>(DisposeScope, Tensor, Tensor, Tensor)",
            "DisposeScope.MoveToOther<Tensor, Tensor>(DisposeScope, Tensor, Tensor)",
            "DisposeScope.MoveToOther<Tensor>(DisposeScope, Tensor)",
            "DisposeScope.MoveToOuter<Tensor, Tensor, Tensor>(Tensor, Tensor, Tensor)",
            "DisposeScope.MoveToOuter<Tensor, Tensor>(Tensor, Tensor)",
            "DisposeScope.MoveToOuter<Tensor>(Tensor)",
            "Tensor.DetachFromDisposeScope()",
            "Tensor.DetatchFromDisposeScope()",
            "Tensor.Dispose()",
            "Tensor.MoveToOtherDisposeScope(DisposeScope)",
            "Tensor.MoveToOtherDisposeScope(Tensor)",
            "Tensor.MoveToOuterDisposeScope()",
        ]),
        ("Gives a module: making or moving one needs numbers, not symbols (FX003).",
        [
            "ModuleExtensionMethods.to<Linear>(Linear, Tensor, bool)",
        ]),
        ("Writes a file or reads one (FX006).",
        [
            "Tensor.save(string)",
            "TensorExtensionMethods.Load(Tensor, BinaryReader, bool)",
            "TensorExtensionMethods.Save(Tensor, BinaryWriter)",
            "TensorExtensionMethods.Save(Tensor, Stream)",
            "TensorExtensionMethods.Save(Tensor, string)",
            "torch.save(Tensor, string)",
        ]),
        ("Gives the memory, identity or handle of a tensor (FX006).",
        [
            "Tensor.DecoupleFromNativeHandle()",
            "Tensor.Equals(Tensor)",
            "Tensor.Equals(object)",
            "Tensor.GetHashCode()",
            "Tensor.data<float>()",
            "Tensor.get_Handle()",
            "Tensor.get_IsInvalid()",
            "Tensor.get_bytes()",
            "Tensor.tolist()",
            "TensorExtensionMethods.IntShape(Tensor)",
        ]),
        ("The text of a symbol is its name, such as <add_3>: logging in forward makes no node.",
        [
            "Tensor.ToString()",
            "Tensor.ToString(TensorStringStyle, string, int?, CultureInfo, string)",
            "Tensor.ToString(bool, string, int?, CultureInfo, string)",
            "TensorExtensionMethods.cstr(Tensor, string, int?, string, CultureInfo)",
            "TensorExtensionMethods.jlstr(Tensor, string, int?, string, CultureInfo)",
            "TensorExtensionMethods.metastr(Tensor)",
            "TensorExtensionMethods.npstr(Tensor, string, int?, string, CultureInfo)",
            "TensorExtensionMethods.str(Tensor, string, int?, string, CultureInfo, TensorStringStyle)",
        ]),
        ("Its result is a string, which a symbol can't be (FX008).",
        [
            "Tensor.get_name()",
        ]),
        ("Takes a delegate, which a graph can't write down (FX007).",
        [
            "Tensor.type(Func<Tensor, Tensor>)",
            "torch.autograd.functional.jacobian(Func<Tensor, Tensor>, Tensor)",
        ]),
        ("Gives a result through a reference, which a graph can't write down (FX007); the overload without it gives the same.",
        [
            "TensorExtensionMethods.Load(ref Tensor, BinaryReader, bool)",
            "torch.histogram(Tensor, Tensor, Tensor, bool, out (Tensor, Tensor))",
            "torch.histogram(Tensor, Tensor, out (Tensor, Tensor))",
            "torch.histogram(Tensor, long, (double, double)?, Tensor, bool, out (Tensor, Tensor))",
            "torch.histogram(Tensor, long, (double, double)?, out (Tensor, Tensor))",
            "torch.histogram(Tensor, long, out (Tensor, Tensor))",
        ]),
        ("Part of an indexer's node, not one of its own.",
        [
            "TensorIndex.Tensor(Tensor)",
        ]),
        ("An array of bool holds no symbols: it is refused where one is written to it (FX010).",
        [
            "Tensor.op_Implicit(bool[]) → Tensor",
        ]),
    ];

    /// <summary>Operations whose direct call, on the samples of these tests, ends the process: TorchSharp lets the native error through. They record nodes, but are not run.</summary>
    internal static readonly string[] EndTheProcess =
    [
        "Generator.set_state(Tensor)",
        "Tensor.align_as(Tensor)",
        "Tensor.cross(Scalar, long)",
        "Tensor.rand_out(long[])",
        "Tensor.randint_like(long, long, ScalarType?, Device, bool)",
        "Tensor.randint_out(long, long[])",
        "Tensor.randn_out(long[])",
        "Tensor.var((long, long), bool, bool, ScalarType?)",
        "Tensor.var((long, long, long), bool, bool, ScalarType?)",
        "Tensor.var(ReadOnlySpan<long>, bool, bool, ScalarType?)",
        "Tensor.var(long, bool, bool, ScalarType?)",
        "Tensor.var(long[], bool, bool, ScalarType?)",
        "torch.cross(Tensor, Scalar, long)",
        "torch.nn.functional.lp_pool2d(Tensor, double, long[], long[], bool)",
        "torch.nn.functional.max_unpool2d(Tensor, Tensor, long[], long[], long[], long[])",
        "torch.nn.functional.max_unpool3d(Tensor, Tensor, long[], long[], long[], long[])",
        "torch.rand_out(Tensor, long[])",
        "torch.randint_out(Tensor, long, long[])",
        "torch.random.set_rng_state(Tensor)",
        "torch.set_rng_state(Tensor)",
        "torch.sparse(Tensor, Tensor, long[], ScalarType?, Device, bool, string[])",
        "torch.var(Tensor, (long, long), bool, bool, ScalarType?)",
        "torch.var(Tensor, (long, long, long), bool, bool, ScalarType?)",
        "torch.var(Tensor, long, bool, bool, ScalarType?)",
    ];
}
