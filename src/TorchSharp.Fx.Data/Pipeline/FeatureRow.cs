namespace TorchSharp.Fx.Data;

/// <summary>The outcome for one input.</summary>
/// <param name="Row">Its place among the inputs, from 0.</param>
/// <param name="Path">Its name: relative to the source.</param>
/// <param name="Values">What its source says of it, a value for each column.</param>
/// <param name="Features">A value for each of <see cref="FeaturePipeline.Columns"/>; empty where there is an error.</param>
/// <param name="Error">What is wrong, in one sentence; null if nothing is.</param>
public sealed record FeatureRow(long Row, string Path, IReadOnlyList<object?> Values, IReadOnlyList<FeatureValue> Features, string? Error);

/// <summary>A feature of one input.</summary>
/// <param name="Elements">float[], Half[], double[] or long[]: the elements, row by row.</param>
/// <param name="Shape">The sizes of its dimensions, without the batch's.</param>
public sealed record FeatureValue(Array Elements, IReadOnlyList<long> Shape);

/// <summary>A column of features.</summary>
/// <param name="Key">Its name.</param>
/// <param name="Type">float, Half, double or long.</param>
/// <param name="Shape">The shape of what the model was tried on; other inputs may give others.</param>
public sealed record FeatureColumn(string Key, Type Type, IReadOnlyList<long> Shape)
{
    /// <summary>Whether it is more than a vector, so that its shape stands beside it.</summary>
    public bool IsMap => Shape.Count > 1;
}

/// <summary>How far a pipeline is.</summary>
/// <param name="Rows">Rows that are done.</param>
/// <param name="Errors">Those of them with an error.</param>
public sealed record PipelineProgress(long Rows, long Errors);
