using System.Reflection;

namespace TorchSharp.Fx.Tracing;

/// <summary>
/// Calls of <c>train</c>, <c>eval</c> and <c>training</c>: they go by the modes of the trace, and the modules' own flags stay as they are.
/// </summary>
internal static class ModeCalls
{
    private static readonly MethodInfo Train = typeof(torch.nn.Module).GetMethod(nameof(torch.nn.Module.train))!;
    private static readonly MethodInfo Eval = typeof(torch.nn.Module).GetMethod(nameof(torch.nn.Module.eval))!;

    /// <summary>The modes that a module's <c>train()</c> or <c>eval()</c> would give it and all inside.</summary>
    internal static ModuleModes Of(torch.nn.Module root, bool training) => new Tracer { Training = training }.ModesOf(root);

    /// <summary>Sets the modes as the root's own <c>train()</c> or <c>eval()</c> would: overrides are followed.</summary>
    internal static void Switch(Interpreter interpreter, bool training)
    {
        var root = interpreter.Root;
        var method = Overrides.Find(training ? Train : Eval, root.GetType());
        Value[] arguments = training ? [Value.OfObject(root), Value.Of(true)] : [Value.OfObject(root)];
        interpreter.Dispatch(method, arguments);
        if (interpreter.Graph.Count > 0)
            throw Untraceable.ModeComputes(interpreter, method);
        interpreter.Overlay.ForgetDropped();
    }

    /// <summary>Answers what the traced program asks of modes, and notes what it sets.</summary>
    internal static Value? Handle(in Invocation call)
    {
        if (call.Traits.Home != Home.TorchSharp || call.Method.Name is not ("get_training" or "train" or "eval")
            || call.This is not torch.nn.Module module || call.Interpreter.Overlay.Owns(module))
            return null;
        var interpreter = call.Interpreter;
        if (call.Method.Name == "get_training")
            return Value.Of(interpreter.Modes.IsTraining(module));
        if (call.Method.Name == "eval")
            return interpreter.Dispatch(Overrides.Find(Train, module.GetType()), Value.OfObject(module), Value.Of(false));
        if (call.Operands[0].IsSymbol)
            throw Untraceable.NeedsValue(interpreter, call.Method, call.Operands[0].Symbol);
        Note(interpreter, module, call.Operands[0]);
        return default(Value);
    }

    private static void Note(Interpreter interpreter, torch.nn.Module module, Value training)
    {
        if (interpreter.Modes.IsTraining(module) != (training.Int32 != 0))
            interpreter.Overlay.Drop($"the training mode of {Untraceable.Short(module.GetType())}");
        interpreter.Modes.Set(module, training.Int32 != 0);
        foreach (var (_, child) in module.named_children())
            interpreter.Dispatch(Overrides.Find(Train, child.GetType()), Value.OfObject(child), training);
    }
}
