using System.Reflection;

namespace TorchSharp.Fx;

/// <summary>
/// The traced program does something that a graph can't express. The message names the construct, the module, the place and a way out;
/// <c>docs/untraceable.md</c> explains every <see cref="code"/>.
/// </summary>
public sealed class TraceException : Exception
{
    internal TraceException(string code, string what, string fix, string modulePath, string place, string location,
        IReadOnlyList<Origin> stack)
        : base($"{code}: {what} It happens in {place} at {location}. {fix}")
        => (this.code, module_path, this.location, program_stack) = (code, modulePath, location, stack);

    /// <summary>The code of the refusal, e.g. <c>FX001</c>; see <c>docs/untraceable.md</c>.</summary>
    public string code { get; }

    /// <summary>The qualified name of the module whose code can't be traced; empty for the root.</summary>
    public string module_path { get; }

    /// <summary>The C# file and line; without a PDB the method and IL offset.</summary>
    public string location { get; }

    /// <summary>
    /// The call stack of the traced program, the innermost call first, with module path, method and place of each. Repeated calls from the
    /// same place appear once.
    /// </summary>
    public IReadOnlyList<Origin> program_stack { get; }
}

/// <summary>
/// The tracer itself failed; the inner exception tells how. This is a bug in TorchSharp.Fx, not in the traced program, whose catch blocks
/// never see it. Please report it.
/// </summary>
public sealed class InterpreterFault : Exception
{
    internal InterpreterFault(Exception failure, string modulePath, string place, string location, IReadOnlyList<Origin> stack)
        : base($"TorchSharp.Fx itself failed while it traced {place} at {location}: {failure.GetType().Name}: {failure.Message} This is a "
            + "fault of TorchSharp.Fx, not of the model. Please report it, with this message, the inner exception's stack trace and, if "
            + "you can, the code at that line. Until it is mended, make the method a leaf function (tracer_kwargs.autowrap_functions) or "
            + "its module a leaf module (tracer_kwargs.leaf_modules).", failure)
        => (module_path, this.location, program_stack) = (modulePath, location, stack);

    /// <summary>The qualified name of the module whose code was traced; empty for the root.</summary>
    public string module_path { get; }

    /// <summary>The C# file and line; without a PDB the method and IL offset.</summary>
    public string location { get; }

    /// <summary>The call stack of the traced program, the innermost call first, with module path, method and place of each.</summary>
    public IReadOnlyList<Origin> program_stack { get; }
}

/// <summary>The traced program threw an exception, as it would have when run. It is the inner exception.</summary>
public sealed class TracedProgramException : Exception
{
    internal TracedProgramException(Exception thrown, string modulePath, string place, string location, IReadOnlyList<Origin> stack)
        : base($"The model threw {Described(thrown)} It happened in {place} at {location}.", thrown)
        => (module_path, this.location, program_stack) = (modulePath, location, stack);

    /// <summary>An exception of reflection says nothing by itself: the inner one counts.</summary>
    private static string Described(Exception thrown)
        => thrown is TargetInvocationException { InnerException: { TargetSite: { } site } inner }
            && !thrown.Message.Contains(inner.Message, StringComparison.Ordinal)
        ? $"{inner.GetType().Name} in {Untraceable.Short(site)}, which it calls by reflection, while it was traced: {inner.Message}"
        : $"{thrown.GetType().Name} while it was traced: {thrown.Message}";

    /// <summary>The qualified name of the module whose code threw; empty for the root.</summary>
    public string module_path { get; }

    /// <summary>The C# file and line; without a PDB the method and IL offset.</summary>
    public string location { get; }

    /// <summary>The call stack of the traced program, the innermost call first, with module path, method and place of each.</summary>
    public IReadOnlyList<Origin> program_stack { get; }
}
