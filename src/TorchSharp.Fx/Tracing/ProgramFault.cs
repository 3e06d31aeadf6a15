using System.Runtime.CompilerServices;

namespace TorchSharp.Fx.Tracing;

/// <summary>
/// Which exceptions are the traced program's own: those that a call of real code, a <c>throw</c> or one of CIL's checks raised. Its
/// handlers may catch these. Any other exception is a fault of the interpreter, which the program must not see.
/// </summary>
internal static class ProgramFault
{
    private static readonly ConditionalWeakTable<Exception, object> Raised = [];

    /// <summary>The exception, as one of the program's.</summary>
    internal static Exception Raise(Exception exception)
    {
        Raised.TryAdd(exception, exception);
        return exception;
    }

    /// <summary>For the filter of a handler around a call of real code: notes the exception and lets it go on.</summary>
    internal static bool Note(Exception exception)
    {
        if (!IsOurs(exception))
            Raise(exception);
        return false;
    }

    /// <summary>The result of real code, whose exceptions are the program's.</summary>
    internal static T Of<T>(Func<T> real)
    {
        try
        {
            return real();
        }
        catch (Exception exception) when (Note(exception))
        {
            throw;
        }
    }

    /// <summary>
    /// Whether an exception is the program's. Code that can't be loaded and a static constructor that throws are found out wherever the
    /// code is first looked at.
    /// </summary>
    internal static bool Is(Exception exception) => !IsOurs(exception)
        && (Raised.TryGetValue(exception, out _)
            || exception is TypeInitializationException or TypeLoadException or MissingMemberException or FileNotFoundException
                or FileLoadException or OutOfMemoryException);

    /// <summary>A refusal, or a fault of the interpreter: what ends a trace.</summary>
    internal static bool IsOurs(Exception exception) => exception is TraceException or InterpreterFault or LoopRefusal;
}
