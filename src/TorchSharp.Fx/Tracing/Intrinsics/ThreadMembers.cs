namespace TorchSharp.Fx.Tracing;

/// <summary>Methods that start other threads: a graph has one order of execution, and so has the interpreter.</summary>
internal static class ThreadMembers
{
    internal static Dictionary<string, CallHandler> Table { get; } = new()
    {
        ["System.Threading.Tasks.Task.Run"] = Refused,
        ["System.Threading.Tasks.Task.Start"] = Refused,
        ["System.Threading.Tasks.Task.ContinueWith"] = Refused,
        ["System.Threading.Tasks.Task`1.ContinueWith"] = Refused,
        ["System.Threading.Tasks.TaskFactory.StartNew"] = Refused,
        ["System.Threading.Tasks.TaskFactory`1.StartNew"] = Refused,
        ["System.Threading.Tasks.Parallel.*"] = Refused,
        ["System.Threading.Thread.Start"] = Refused,
        ["System.Threading.ThreadPool.QueueUserWorkItem"] = Refused,
        ["System.Threading.ThreadPool.UnsafeQueueUserWorkItem"] = Refused,
        ["System.Linq.ParallelEnumerable.*"] = Refused,
    };

    private static Value? Refused(in Invocation call)
        => call.Interpreter.Recording is null ? throw Untraceable.Async(call.Interpreter, call.Method) : Interpreter.RunAside(call);
}
