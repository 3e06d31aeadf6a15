namespace TorchSharp.Fx;

/// <summary>How feature extraction treats a model that can't be traced.</summary>
public enum Refused
{
    /// <summary>Throw the <see cref="TraceException"/>.</summary>
    raise,
    /// <summary>
    /// Record its runs, as <see cref="feature_extraction.create_recorder(torch.nn.Module, ReturnNodes?, ReturnNodes?, ReturnNodes?, TracerKwargs?, bool)"/> does.
    /// </summary>
    record,
}
