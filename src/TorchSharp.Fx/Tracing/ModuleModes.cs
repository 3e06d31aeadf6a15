using System.Reflection;
using TorchSharp.Fx.Cil;

namespace TorchSharp.Fx.Tracing;

/// <summary>Training or evaluation, module by module, beside the modules' own flags: those belong to whoever uses the model meanwhile, and are only read.</summary>
internal sealed class ModuleModes(ModuleModes? outer = null)
{
    private static readonly MethodInfo Train = typeof(torch.nn.Module).GetMethod(nameof(torch.nn.Module.train))!;
    private static readonly MethodInfo Eval = typeof(torch.nn.Module).GetMethod(nameof(torch.nn.Module.eval))!;
    private static readonly Memo<Type, bool> Readers = new(Reads);

    private readonly Dictionary<torch.nn.Module, bool> given = new(ReferenceEqualityComparer.Instance);

    /// <summary>The modes that a module's <c>train()</c> or <c>eval()</c> would give it and all inside.</summary>
    internal static ModuleModes Of(torch.nn.Module root, bool training) => new Tracer { Training = training }.ModesOf(root);

    /// <summary>Whether a module is in training.</summary>
    internal bool IsTraining(torch.nn.Module module) => given.TryGetValue(module, out var training) ? training : outer?.IsTraining(module) ?? module.training;

    internal void Set(torch.nn.Module module, bool training) => given[module] = training;

    /// <summary>Whether a module of TorchSharp's own, or one in it, does something else in training; what it keeps in native code can't be told, or set, from here.</summary>
    internal static bool Matters(torch.nn.Module module) => Readers.Of(module.GetType()) || module.children().Any(Matters);

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
        if (call.Traits.Home != Home.TorchSharp || call.Method.Name is not ("get_training" or "train" or "eval") || call.This is not torch.nn.Module module || call.Interpreter.Overlay.Owns(module))
            return null;
        var interpreter = call.Interpreter;
        if (call.Method.Name == "get_training")
            return Value.Of(interpreter.Modes.IsTraining(module));
        if (call.Method.Name == "eval")
            return interpreter.Dispatch(Overrides.Find(Train, module.GetType()), Value.OfObject(module), Value.Of(false));
        if (call.Operands[0].IsSymbol)
            throw Untraceable.NeedsValue(interpreter, call.Method, call.Operands[0].Symbol);
        interpreter.Modes.Note(interpreter, module, call.Operands[0]);
        return default(Value);
    }

    private void Note(Interpreter interpreter, torch.nn.Module module, Value training)
    {
        if (IsTraining(module) != (training.Int32 != 0))
            interpreter.Overlay.Drop($"the training mode of {Untraceable.Short(module.GetType())}");
        Set(module, training.Int32 != 0);
        foreach (var (_, child) in module.named_children())
            interpreter.Dispatch(Overrides.Find(Train, child.GetType()), Value.OfObject(child), training);
    }

    private static bool Reads(Type type)
    {
        const BindingFlags Declared = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;
        for (var owner = type; owner is not null && owner != typeof(torch.nn.Module); owner = owner.BaseType)
            if (owner.GetMethods(Declared).Any(method => MethodIL.Of(method) is { } code && Array.Exists(code.Instructions, instruction => instruction.Operand is CallSite { Method.Name: "get_training" })))
                return true;
        return false;
    }
}
