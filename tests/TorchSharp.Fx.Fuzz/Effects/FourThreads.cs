using static TorchSharp.torch;

namespace TorchSharp.Fx.Fuzz.Effects;

/// <summary>A module without state of its own, called by four threads at once.</summary>
internal static class FourThreads
{
    private const int Threads = 4, Calls = 3;

    internal static string? Difference(Scenario scenario, Observation eager)
    {
        if (scenario.Training || eager.Thrown is not null || HasEffects(scenario))
            return null;
        using var traced = new Traced(scenario);
        var module = traced.GraphModule;
        var expected = new Observation();
        using (no_grad())
            expected.Add("result", Eager.Call(traced.Module)(scenario.Inputs(0)));
        var differences = new string?[Threads];
        var threads = Enumerable.Range(0, Threads).Select(number => new Thread(() => differences[number] = Repeated())).ToList();
        threads.ForEach(thread => thread.Start());
        threads.ForEach(thread => thread.Join());
        return Array.Find(differences, difference => difference is not null);

        string? Repeated() => Enumerable.Range(0, Calls).Select(_ => Called()).FirstOrDefault(difference => difference is not null);

        string? Called()
        {
            using var scope = NewDisposeScope();
            using var noGradients = no_grad();
            var actual = new Observation();
            try
            {
                actual.Add("result", module.call(scenario.Inputs(0)));
            }
            catch (Exception thrown)
            {
                actual.Thrown = thrown;
            }
            return expected.Difference(actual, new(ComparesGradients: false));
        }
    }

    /// <summary>Whether two calls in a row differ, or a call changes parameters, buffers or the generator.</summary>
    private static bool HasEffects(Scenario scenario)
    {
        var called = scenario.New();
        var (before, after) = (State(called), new Observation());
        using var noGradients = no_grad();
        var call = Eager.Call(called);
        // A program that seeds the generator at its end gives other results after another seed.
        manual_seed(4);
        var first = Snapshot.Of(call(scenario.Inputs(0)));
        manual_seed(3);
        var second = Snapshot.Of(call(scenario.Inputs(0)));
        var draw = rand(1).item<float>();
        manual_seed(3);
        var differs = first.Difference(second, 0) is not null || draw != rand(1).item<float>() || before.Difference(State(called), 0) is not null;
        called.Dispose();
        return differs;
    }

    private static Snapshot State(nn.Module module) => Snapshot.Of(module.parameters().Concat(module.buffers()).ToArray());
}
