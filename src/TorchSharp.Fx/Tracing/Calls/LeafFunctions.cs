namespace TorchSharp.Fx.Tracing;

/// <summary>Functions that are recorded as one node and not looked into, when an argument depends on an input.</summary>
internal static class LeafFunctions
{
    internal static Value? Handle(in Invocation call)
    {
        var interpreter = call.Interpreter;
        if (!interpreter.Tracer.IsLeafFunction(call.Method) || !Array.Exists(call.Arguments, interpreter.DependsOnInput))
            return null;
        var traits = call.Traits;
        interpreter.Constants.BeforeSharing(() => traits.Does, call.Arguments.Select(argument => argument.Reference));
        return TensorOperations.Record(call);
    }
}
