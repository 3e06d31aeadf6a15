namespace TorchSharp.Fx.Data;

/// <summary>The result for one input.</summary>
/// <param name="Row">Its index among the inputs, from 0.</param>
/// <param name="Path">Its name, relative to the source.</param>
/// <param name="Values">The values that the source passes on, one for each column.</param>
/// <param name="Features">A value for each of <see cref="FeaturePipeline.Columns"/>; empty where there is an error.</param>
/// <param name="Error">The error in one sentence; null if there is none.</param>
public sealed record FeatureRow(long Row, string Path, IReadOnlyList<object?> Values, IReadOnlyList<FeatureValue> Features, string? Error);

/// <summary>A feature of one input.</summary>
/// <param name="Elements">The elements in row-major order: float[], Half[], double[] or long[].</param>
/// <param name="Shape">The sizes of its dimensions, without the batch dimension.</param>
public sealed record FeatureValue(Array Elements, IReadOnlyList<long> Shape);

/// <summary>A column of features.</summary>
/// <param name="Key">The column's name.</param>
/// <param name="Type">The type of the elements: float, Half, double or long.</param>
/// <param name="Shape">The shape for the example input; other inputs may give other shapes.</param>
public sealed record FeatureColumn(string Key, Type Type, IReadOnlyList<long> Shape)
{
    /// <summary>Whether it has more than one dimension. The table then has a column with its shapes, too.</summary>
    public bool IsMap => Shape.Count > 1;
}

/// <summary>The progress of a pipeline.</summary>
/// <param name="Rows">The number of finished rows.</param>
/// <param name="Errors">The number of these rows with an error.</param>
public sealed record PipelineProgress(long Rows, long Errors);
