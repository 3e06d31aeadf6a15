namespace TorchSharp.Fx.Tracing;

/// <summary>The user's own methods are followed, whatever they are given: what they do to the model must stay within the trace.</summary>
internal static class UserCode
{
    internal static Value? Handle(in Invocation call)
    {
        if (call.Traits.Home != Home.User)
            return null;
        var (interpreter, method, arguments) = call;
        if (call.Traits.IsAsync)
            throw Untraceable.Async(interpreter, method);
        if (call.Traits.Code is not null)
            return interpreter.Run(call.Traits, arguments);
        return Array.Exists(arguments, interpreter.DependsOnInput) ? throw Untraceable.NoBody(interpreter, method) : null;
    }
}
