namespace TorchSharp.Fx;

/// <summary>A module that returns named values of a model: by a graph, or by running the model's own code.</summary>
public interface IFeatureExtractor
{
    /// <summary>Runs on the inputs; those left out take their defaults.</summary>
    Features call(params object?[] inputs);
}
