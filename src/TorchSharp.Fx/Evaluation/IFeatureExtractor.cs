namespace TorchSharp.Fx;

/// <summary>A module that returns named intermediate values of a model. It runs a graph, or the model's own code.</summary>
public interface IFeatureExtractor
{
    /// <summary>Runs on the inputs; those left out take their defaults.</summary>
    Features call(params object?[] inputs);
}
