using TorchSharp.Fx.Tests.Tracing;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.State;

/// <summary>A program that changes a collection that it was given: the graph changes it, too.</summary>
public sealed class InputChangeTests
{
    private sealed class Changing<T>(Func<T, Tensor> body) : nn.Module<T, Tensor>("Changing")
    {
        public override Tensor forward(T input) => body(input);
    }

    private static void Check<T>(Func<T> input, Func<T, Tensor> forward, bool isChanged = true)
    {
        var tracer = new Tracer();
        var model = new Changing<T>(forward);
        var graph = tracer.trace(model, [input()!]);
        var (expected, interpreted, compiled) = (input(), input(), input());
        var result = forward(expected);
        Traced.Same((result, expected), (new GraphInterpreter(model, graph, tracer.tensor_constants).run(interpreted), interpreted));
        Traced.Same((result, expected), (new GraphModule(model, graph, tracer.tensor_constants).call(compiled), compiled));
        Assert.Equal(isChanged ? ["input"] : [], tracer.report.state.Select(path => path.Split('.')[0]).Distinct());
        Assert.Empty(tracer.report.dropped_state);
        // Without the state the caller's stays as it is, and the report says so.
        var without = new Tracer { state = TracedState.dropped };
        try
        {
            var alone = new GraphModule(model, without.trace(model, [input()!]), without.tensor_constants);
            Assert.Equal(isChanged, without.report.dropped_state.Any(note => note.text == "an element of the input 'input'"
                || note.text.StartsWith("Box.", StringComparison.Ordinal)));
            Traced.Same(result, alone.call(input()));
        }
        catch (TraceException refused)
        {
            Assert.Matches(@"^FX036: The program changes a (Tensor\[\]|List<(Tensor|Box)>) inside the input 'input'", refused.Message);
        }
    }

    private static Tensor One => arange(4, dtype: float32);

    [Fact]
    public void A_store_into_an_array()
        => Check(() => new[] { One, One * 2 }, e => { e[1] = e[0] + 1; return e[0] + e[1]; });

    [Fact]
    public void A_store_into_an_array_within()
        => Check(() => (One, new[] { One, One * 2 }), e => { e.Item2[0] = e.Item1 * 3; return e.Item2[0] + e.Item2[1]; });

    [Fact]
    public void A_change_of_a_list_in_a_dictionary()
        => Check(() => new Dictionary<string, List<Tensor>> { ["a"] = [One] }, e => { e["a"].Add(e["a"][0] + 1); return e["a"][1]; });

    [Fact]
    public void A_change_of_a_list()
        => Check(() => new List<Tensor> { One, One * 2 }, e => { e.Add(e[0] + 1); return e[^1] + e[1]; });

    [Fact]
    public void A_store_into_a_dictionary()
        => Check(() => new Dictionary<string, Tensor> { ["a"] = One }, e => { e["b"] = e["a"] + 1; return e["b"] * 2; });

    [Fact]
    public void What_the_program_made_of_an_input_is_its_own()
        => Check(() => One, x => { var parts = x.chunk(2); parts[0] = parts[1] + 1; return parts[0]; }, isChanged: false);

    [Fact]
    public void Reading_is_no_change()
        => Check(() => new List<Tensor> { One, One * 2 }, e => { var copy = e.ToArray(); copy[0] = e[1]; return copy[0] + e.Last(); }, isChanged: false);

    public sealed class Box
    {
        public Tensor? Key { get; set; }

        public Tensor? Value { get; set; }
    }

    [Fact]
    public void A_member_that_is_null_and_is_read_after_it_was_set()
        => Check(() => new Box { Value = One }, e => { e.Key ??= e.Value! * 2; return e.Key + e.Value!; });

    [Fact]
    public void Members_that_are_null_and_are_set_by_turns()
        => Check(() => new Box(), e =>
        {
            e.Value = ones(4);
            e.Key = e.Value.cumsum(0);
            e.Value = cat([e.Key, e.Value], 0);
            return e.Value.exp();
        });

    [Fact]
    public void A_member_that_is_set_and_read_again()
        => Check(() => new Box { Key = One, Value = One }, e => { e.Key = e.Value! * 3; e.Value = e.Key + 1; return e.Key * e.Value; });

    [Fact]
    public void A_member_of_an_object_that_the_program_puts_into_another()
        => Check(() => (new Box { Key = One }, new List<Box>()), e =>
        {
            e.Item2.Add(new Box());
            e.Item2[0].Value = e.Item1.Key;
            e.Item1.Value = e.Item2[0].Value!.exp();
            return e.Item1.Value + e.Item1.Key!;
        });
}
