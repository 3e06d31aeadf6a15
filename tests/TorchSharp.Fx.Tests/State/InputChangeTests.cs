using TorchSharp.Fx.Tests.Tracing;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.State;

/// <summary>A program that changes a collection that it was given: the graph computes what it computes, leaves the caller's collection, and the report says so.</summary>
public sealed class InputChangeTests
{
    private sealed class Changing<T>(Func<T, Tensor> body) : nn.Module<T, Tensor>("Changing")
    {
        public override Tensor forward(T input) => body(input);
    }

    private static void Check<T>(Func<T> input, Func<T, Tensor> forward, string? reported)
    {
        var tracer = new Tracer();
        var model = new Changing<T>(forward);
        var graph = tracer.trace(model, [input()!]);
        Traced.Same(forward(input()), new GraphInterpreter(model, graph, tracer.tensor_constants).run(input()));
        Assert.Equal(reported is null ? [] : [reported], tracer.report.dropped_state.Select(note => note.text).Distinct());
    }

    private static Tensor One => arange(4, dtype: float32);

    [Fact]
    public void A_store_into_an_array()
        => Check(() => new[] { One, One * 2 }, e => { e[1] = e[0] + 1; return e[0] + e[1]; }, "an element of the input 'input'");

    [Fact]
    public void A_store_into_an_array_within_is_refused_as_each_reading_of_it_is_a_node_of_its_own()
    {
        var model = new Changing<(Tensor, Tensor[])>(e => { e.Item2[0] = e.Item1 * 3; return e.Item2[0] + e.Item2[1]; });
        var refused = Assert.Throws<TraceException>(() => fx.symbolic_trace(model, example_inputs: [(One, new[] { One, One * 2 })]));
        Assert.StartsWith("FX036: The program changes a Tensor[] inside the input 'input'", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_change_of_a_list()
        => Check(() => new List<Tensor> { One, One * 2 }, e => { e.Add(e[0] + 1); return e[^1] + e[1]; }, "an element of the input 'input'");

    [Fact]
    public void A_store_into_a_dictionary()
        => Check(() => new Dictionary<string, Tensor> { ["a"] = One }, e => { e["b"] = e["a"] + 1; return e["b"] * 2; }, "an element of the input 'input'");

    [Fact]
    public void What_the_program_made_of_an_input_is_its_own()
        => Check(() => One, x => { var parts = x.chunk(2); parts[0] = parts[1] + 1; return parts[0]; }, null);

    [Fact]
    public void Reading_is_no_change()
        => Check(() => new List<Tensor> { One, One * 2 }, e => { var copy = e.ToArray(); copy[0] = e[1]; return copy[0] + e.Last(); }, null);
}
