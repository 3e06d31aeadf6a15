using System.Reflection;
using System.Runtime.CompilerServices;

namespace TorchSharp.Fx.Tracing;

/// <summary>The message of a guard's exception.</summary>
internal sealed partial class Interpreter
{
    private void Assert(Frame f, Proxy condition, int thrower, string message)
    {
        // The condition comes first; a deferred one is recorded when it is read.
        _ = condition.Argument;
        RecordMessage(f, thrower);
        Assert(condition, message);
    }

    /// <summary>
    /// Python computes the message of <c>torch._assert</c> before the assertion, and so its graph has what the message reads, such as a
    /// shape. Here the way to the exception is followed for that, where it does nothing but write the message.
    /// </summary>
    private void RecordMessage(Frame f, int thrower)
    {
        if (!OnlyFormats(f.Code, thrower))
            return;
        IsWritingMessage = true;
        try
        {
            Execute(current = f.Fork(thrower));
        }
        // It ends with the exception, or at what a message needs and a symbol lacks: an element's value, a length.
        catch (Exception exception) when (exception is TraceException || ProgramFault.Is(exception))
        {
            escaped = null;
        }
        finally
        {
            current = f;
            IsWritingMessage = false;
        }
    }

    /// <summary>Whether only a message is being written: the example isn't asked for what it shows.</summary>
    private bool IsWritingMessage { get; set; }

    private static bool OnlyFormats(MethodIL code, int at)
    {
        for (; at < code.Instructions.Length; at++)
        {
            ref readonly var i = ref code.Instructions[at];
            if (i.Op == Op.Throw)
                return true;
            if (i.Op is Op.Stfld or Op.Stsfld or Op.Stobj or Op.Stelem or Op.BrTrue or Op.BrFalse or Op.Ret or (>= Op.Beq and <= Op.BltUn)
                || (i.Op is Op.Call or Op.Newobj && !Formats(i.Get<Cil.CallSite>().Method)))
                return false;
            if (i.Op == Op.Br)
                at = i.Index - 1;
        }
        return false;
    }

    private static bool Formats(MethodBase method)
        => method.DeclaringType == typeof(string) || method.DeclaringType == typeof(DefaultInterpolatedStringHandler)
            || (method.IsConstructor && typeof(Exception).IsAssignableFrom(method.DeclaringType))
            || (method.IsSpecialName && method.Name.StartsWith("get_", StringComparison.Ordinal)
                && Traits.Of(method).Home == Home.TorchSharp);
}
