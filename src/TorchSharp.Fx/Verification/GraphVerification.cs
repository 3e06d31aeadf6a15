using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>Compares a graph with the program that it was traced from.</summary>
public static class GraphVerification
{
    extension(fx)
    {
        /// <summary>
        /// Runs a module and its graph on the same inputs and compares them. It runs the module itself (eager), the compiled graph, the
        /// node-by-node evaluator, and in eval mode also the copy that <see cref="InferenceOptimization.optimize_for_inference"/> makes; on
        /// the given inputs and on inputs of other sizes; in both modes. It compares results, parameters, buffers and the state of the
        /// random number generator. Afterwards it restores parameters, buffers, modes and the generator's state, but not fields that the
        /// module wrote to.
        /// </summary>
        /// <param name="traced">The graph module.</param>
        /// <param name="model">The module that it was traced from.</param>
        /// <param name="inputs">A value for each input, in order, or an <see cref="InputShape"/> where only sizes matter; those left out
        /// take their defaults.</param>
        /// <exception cref="ArgumentException">The number of inputs is not that of the graph.</exception>
        public static VerificationReport verify<T>(T traced, nn.Module model, params IReadOnlyList<object?> inputs)
            where T : nn.Module, IGraphModule
            => Verify(traced, model, inputs, [false, true]);

        /// <summary>The same in one mode only, for a graph that holds for that mode.</summary>
        /// <param name="traced">The graph module.</param>
        /// <param name="model">The module that it was traced from.</param>
        /// <param name="training">Whether to run in train mode.</param>
        /// <param name="inputs">A value for each input, in order, or an <see cref="InputShape"/>.</param>
        public static VerificationReport verify_mode<T>(T traced, nn.Module model, bool training, params IReadOnlyList<object?> inputs)
            where T : nn.Module, IGraphModule
            => Verify(traced, model, inputs, [training]);
    }

    private static VerificationReport Verify<T>(T traced, nn.Module model, IReadOnlyList<object?> inputs, bool[] modes)
        where T : nn.Module, IGraphModule
    {
        ArgumentNullException.ThrowIfNull(traced);
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(inputs);
        var given = GraphInputs.Bind(traced.graph, [.. inputs]);
        using var scope = NewDisposeScope();
        using var gradients = no_grad();
        using var world = new World(model, traced);
        var device = model.parameters().FirstOrDefault()?.device ?? CPU;
        var sets = new OtherSizes(device).Of(given);
        var traceMode = traced.training;
        var runs = new List<VerifiedRun>();
        foreach (var training in modes)
        {
            world.SetMode(training);
            using var verifier = new Verifier<T>(traced, model, world, isOtherMode: training != traceMode && modes.Length > 1);
            foreach (var set in sets)
                runs.AddRange(verifier.Run(set));
        }
        return new(Untraceable.Short(model.GetType()), runs);
    }
}
