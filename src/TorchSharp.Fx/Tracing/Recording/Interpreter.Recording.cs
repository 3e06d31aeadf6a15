using System.Reflection;

namespace TorchSharp.Fx.Tracing;

/// <summary>The questions that the handlers of calls ask a recorded run.</summary>
internal sealed partial class Interpreter
{
    /// <summary>
    /// Whether .NET's code is running over numbers that depend on an input, so that what it calls back is given such ones.
    /// </summary>
    internal bool GivesElements { get; set; }

    /// <summary>Makes a call that a trace has a node for.</summary>
    internal static Value Recorded(in Invocation call) => RecordedCalls.Recorded(call);

    /// <summary>Runs code that is not followed.</summary>
    internal static Value? RunAside(in Invocation call) => RecordedCalls.Aside(call);

    /// <summary><c>var (a, b) = tuple</c> of what an operation gave.</summary>
    internal static Value? DeconstructRecorded(in Invocation call) => RecordedMembers.Deconstruct(call);

    /// <summary><c>array[range]</c> of an array that an operation gave; null elsewhere.</summary>
    internal static Value? SliceRecorded(in Invocation call, Array array) => RecordedMembers.Sliced(call, array);

    /// <summary>An element, or some, of an array that an operation gave; null elsewhere.</summary>
    internal static Value? ItemRecorded(in Invocation call, Func<Array, Value> read) => RecordedSequences.Item(call, read);

    /// <summary>The array of a sequence of numbers whose elements have marks; null where it has none.</summary>
    internal Array? Marked(System.Collections.IEnumerable sequence)
        => Recording is null ? null : sequence as Array ?? RecordedLists.Items(sequence);

    /// <summary>
    /// A delegate that runs its method in the recording, and as it is elsewhere: on another thread, or once the run is over.
    /// </summary>
    internal Delegate RecordedDelegate(Delegate callee, object? target, MethodInfo method)
        => Delegates.Over(callee.GetType(), arguments => Recording!.IsHere ? CallBack(method, target, Use.Carry, arguments)
            : method.IsStatic && target is not null
                ? method.Invoke(null, BindingFlags.DoNotWrapExceptions, null, [target, .. arguments], null)
            : method.Invoke(target, BindingFlags.DoNotWrapExceptions, null, arguments, null));
}
