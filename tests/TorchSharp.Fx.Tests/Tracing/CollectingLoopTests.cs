using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Tracing;

/// <summary>Loops that run as often as an input says, and only collect: the graph has their turn once, and holds for any number of turns.</summary>
[Collection("Tensor counts")]
public sealed class CollectingLoopTests
{
    private sealed class ByIndex : nn.Module<Tensor, Tensor, Tensor>
    {
        private readonly Linear head = nn.Linear(4, 2);

        public ByIndex() : base(nameof(ByIndex)) => RegisterComponents();

        public override Tensor forward(Tensor boxes, Tensor scale)
        {
            var results = new List<Tensor>();
            for (var i = 0; i < boxes.shape[0]; i++)
            {
                var box = boxes[i] * scale;
                results.Add(head.call(box) + i);
            }
            return stack(results, 0);
        }
    }

    [Fact]
    public void For_with_an_index_into_a_list()
    {
        using var model = new ByIndex();
        Traced.Check(new Tracer(), model, """
            graph(%boxes, %scale):
                %boxes : [num_users=2] = placeholder[target=boxes]
                %scale : [num_users=1] = placeholder[target=scale]
                %getattr_1 : [num_users=1] = call_function[target=getattr](%boxes, shape)
                %getitem : [num_users=1] = call_function[target=getitem](%getattr_1, 0)
                %map_1 : [num_users=1] = call_function[target=map](%getitem, %boxes, %scale)
                    graph(%turn, %boxes, %scale):
                        %turn : [num_users=2] = placeholder[target=turn]
                        %boxes : [num_users=1] = placeholder[target=boxes]
                        %scale : [num_users=1] = placeholder[target=scale]
                        %getitem_1 : [num_users=1] = call_function[target=getitem](%boxes, long(%turn))
                        %mul : [num_users=1] = call_function[target=mul](%getitem_1, %scale)
                        %head : [num_users=1] = call_module[target=head](%mul)
                        %add : [num_users=1] = call_function[target=add](%head, %turn)
                        return [%add]
                %stack : [num_users=1] = call_function[target=stack](%map_1, 0)
                return %stack
            """, null, [Traced.Sample(0, 3, 4), Traced.Sample(1, 4)], [Traced.Sample(0, 1, 4), Traced.Sample(1, 1)], [Traced.Sample(0, 7, 4), Traced.Sample(1, 4)]);
    }

    /// <summary>One of the loops below, by a name.</summary>
    private sealed class Looping(string name) : nn.Module<Tensor, Tensor>(name)
    {
        private readonly Parameter weight = new(Traced.Sample(9, 4));
        private readonly List<double> factors = [1.5, 2.5];

        public override Tensor forward(Tensor x) => GetName() switch
        {
            "foreach" => Foreach(x),
            "array" => IntoArray(x),
            "two lists" => TwoLists(x),
            "from one" => FromOne(x),
            "nested" => Nested(x),
            "in place" => InPlace(x),
            "scope" => InScope(x),
            "helper" => stack(Rows(x, x.shape[0]), 1),
            "conditions" => Conditions(x),
            "chunks" => Chunks(x),
            "own writes" => OwnWrites(x),
            "count" => CountOfData(x),
            "same" => Same(x),
            "capacity" => Capacity(x),
            "linq" => stack(Enumerable.Range(0, (int)x.shape[0]).Select(i => x[i] * (weight + i)).ToList(), 0),
            "linq over tensors" => stack(x.unbind(0).Select(row => row * weight).ToArray(), 0),
            "linq with places" => cat(x.split(1, 0).Select((row, i) => row * i).ToList(), 0),
            _ => throw new ArgumentException(name),
        };

        private Tensor Foreach(Tensor x)
        {
            var parts = new List<Tensor>();
            foreach (var row in x.unbind(0))
                parts.Add((row * weight).unsqueeze(0));
            return cat(parts, 0);
        }

        private Tensor IntoArray(Tensor x)
        {
            var parts = new Tensor[x.shape[0]];
            for (var i = 0; i < parts.Length; i++)
                parts[i] = x[i].relu() + weight;
            return stack(parts, 0);
        }

        private Tensor TwoLists(Tensor x)
        {
            var (first, second) = (new List<Tensor>(), new List<Tensor>());
            for (long i = 0; i < x.size(0); i++)
            {
                var row = x[i];
                first.Add(row.sin());
                second.Add(row.cos());
            }
            return cat([stack(first, 0), stack(second, 0)], 1);
        }

        private static Tensor FromOne(Tensor x)
        {
            var steps = new List<Tensor>();
            for (var i = 1; i < x.shape[0]; i++)
                steps.Add(x[i] - x[i - 1]);
            return steps.Count > 0 ? stack(steps, 0) : x;
        }

        private Tensor Nested(Tensor x)
        {
            var rows = new List<Tensor>();
            for (var i = 0; i < x.shape[0]; i++)
            {
                var cells = new List<Tensor>();
                for (var j = 0; j < x.shape[1]; j++)
                    cells.Add(x[i, j] * (i + 1) + j + weight[0]);
                rows.Add(stack(cells, 0));
            }
            return stack(rows, 0);
        }

        private static Tensor InPlace(Tensor x)
        {
            var result = zeros_like(x);
            for (var i = 0; i < x.shape[0]; i++)
                result[i] = x[i].flip(0) * i;
            return result;
        }

        private static Tensor InScope(Tensor x)
        {
            var parts = new List<Tensor>();
            for (var i = 0; i < x.shape[0]; i++)
            {
                using var scope = NewDisposeScope();
                var shifted = x[i] + 1;
                parts.Add((shifted * shifted).MoveToOuterDisposeScope());
            }
            return stack(parts, 0);
        }

        private List<Tensor> Rows(Tensor x, long count)
        {
            var rows = new List<Tensor>();
            for (var i = 0; i < count; i++)
            {
                var row = x[i];
                foreach (var factor in factors)
                    row = row * factor;
                rows.Add(row);
            }
            return rows;
        }

        private static Tensor Conditions(Tensor x)
        {
            var parts = new List<Tensor>();
            for (var i = 0; i < x.shape[0]; i++)
                parts.Add(where(x[i] > i, x[i], -x[i]));
            return stack(parts, 0);
        }

        private static Tensor Chunks(Tensor x)
        {
            var chunks = x.split(1, 0);
            var parts = new List<Tensor>();
            for (var i = 0; i < chunks.Length; i++)
                parts.Add(chunks[i].tanh());
            return cat(parts, 0);
        }

        private static Tensor OwnWrites(Tensor x)
        {
            var parts = new List<Tensor>();
            for (var i = 0; i < x.shape[0]; i++)
            {
                var row = x[i].clone();
                row[0] = i;
                parts.Add(row.add_(1));
            }
            return stack(parts, 0);
        }

        private static Tensor CountOfData(Tensor x)
        {
            var places = x.gt(0).nonzero();
            var parts = new List<Tensor>();
            for (var i = 0; i < places.shape[0]; i++)
                parts.Add(x[places[i][0]] + places[i][1]);
            return stack(parts, 0);
        }

        private static Tensor Capacity(Tensor x)
        {
            var count = (int)x.shape[0];
            var parts = new List<Tensor>(count);
            for (var i = 0; i < count; i++)
                parts.Add(x[i].exp());
            return stack(parts.ToArray(), 0);
        }

        private static Tensor Same(Tensor x)
        {
            var parts = new List<Tensor>();
            for (var i = 0; i < x.shape[0]; i++)
                parts.Add(x);
            return cat(parts, 0);
        }
    }

    public static TheoryData<string> Names =>
    [
        "foreach", "array", "two lists", "from one", "nested", "in place", "scope", "helper", "conditions", "chunks", "own writes", "count", "same", "capacity", "linq", "linq over tensors",
        "linq with places",
    ];

    [Theory, MemberData(nameof(Names))]
    public void Of_any_number_of_turns_by_symbols(string name)
    {
        using var model = new Looping(name);
        if (name == "from one")
            return;
        var graph = Traced.Runs(model, [Traced.Sample(0, 3, 4)], [Traced.Sample(1, 1, 4)], [Traced.Sample(2, 6, 4)]);
        Assert.Contains(graph.nodes, node => node.target is MapTarget);
    }

    [Theory, MemberData(nameof(Names))]
    public void Of_any_number_of_turns_by_example(string name)
    {
        using var model = new Looping(name);
        using var traced = fx.symbolic_trace(model, example_inputs: [Traced.Sample(5, 3, 4)]);
        Assert.Contains(traced.graph.nodes, node => node.target is MapTarget);
        foreach (var count in new[] { 3, 2, 5 })
            Traced.Same(model.call(Traced.Sample(count, count, 4)), traced.call(Traced.Sample(count, count, 4)));
    }

    [Theory, MemberData(nameof(Names))]
    public void Optimised_saved_and_written_as_code(string name)
    {
        using var model = new Looping(name);
        using var traced = fx.symbolic_trace(model, example_inputs: [Traced.Sample(5, 3, 4)]);
        model.eval();
        using var optimised = traced.optimize_for_inference();
        var file = Path.GetTempFileName();
        fx.save(traced, file);
        using var loaded = fx.load<GraphModule<Tensor, Tensor>>(file);
        using var cloned = traced.clone();
        File.Delete(file);
        foreach (var count in new[] { 3, 2, 5 })
        {
            var x = Traced.Sample(count, count, 4);
            using var expected = model.call(x);
            Traced.Same(expected, loaded.call(x));
            Traced.Same(expected, cloned.call(x));
            Assert.True(expected.allclose(optimised.call(x), 1e-4, 1e-5));
        }
        Assert.Equal(traced.graph.ToString(), loaded.graph.ToString());
        Assert.Contains("_turn(int turn", traced.code.Replace("long turn", "int turn", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_turn_as_the_program_itself()
    {
        using var model = new Looping("foreach");
        using var joined = new Looping("in place");
        using var traced = fx.symbolic_trace(model);
        var eager = Assert.ThrowsAny<Exception>(() => { model.call(zeros(0, 4)); });
        var graph = Assert.Throws<NodeExecutionException>(() => { traced.call(zeros(0, 4)); });
        Assert.Equal(eager.Message, graph.InnerException!.Message);
        using var filled = fx.symbolic_trace(joined);
        Assert.Equal([0, 4], filled.call(zeros(0, 4)).shape);
    }

    [Fact]
    public void Results_train_what_the_turns_read()
    {
        using var model = new Looping("foreach");
        using var traced = fx.symbolic_trace(model);
        var x = Traced.Sample(0, 3, 4);
        traced.call(x).sum().backward();
        Assert.True(x.sum(0L).allclose(((Parameter)traced.get_parameter("weight")!).grad!));
    }

    /// <summary>What LINQ gives, taken at once or gone through later, again or in part.</summary>
    private sealed class Selecting(string name) : nn.Module<Tensor, Tensor>(name)
    {
        public override Tensor forward(Tensor x)
        {
            var y = x.clone();
            var rows = name is "at once" ? null : y.split(1, 0).Select(row => row * 2 + rand(4));
            var numbers = name is "by number" ? Enumerable.Range(0, (int)x.shape[0]) : null;
            switch (name)
            {
                case "at once":
                    return stack(y.unbind(0).Select(row => row * 2), 0);
                case "after a write":
                    y.add_(1);
                    return cat(rows!.ToArray(), 0);
                case "twice":
                    return cat(rows!.ToArray(), 0) + cat(rows!.ToArray(), 0);
                case "the first":
                    return rows!.First() + rand(4);
                default:
                    var other = new[] { 1, 2 }.Select(number => x * number).ToArray();
                    var parts = new List<Tensor>();
                    foreach (var number in numbers!)
                        parts.Add(x[number]);
                    return stack(parts, 0) + other[1];
            }
        }
    }

    [Theory]
    [InlineData("at once", 5)]
    [InlineData("after a write", 3)]
    [InlineData("twice", 3)]
    [InlineData("the first", 3)]
    [InlineData("by number", 3)]
    public void What_is_gone_through_later_is_no_loop(string name, int rows)
    {
        using var model = new Selecting(name);
        using var x = Traced.Sample(0, 3, 4);
        using var traced = fx.symbolic_trace(model, example_inputs: [x]);
        Assert.Equal(name == "at once", traced.graph.nodes.Any(node => node.target is MapTarget));
        using var given = Traced.Sample(1, rows, 4);
        manual_seed(1);
        using var expected = model.call(given);
        manual_seed(1);
        using var result = traced.call(given);
        Assert.True(expected.equal(result).all().item<bool>());
    }

    /// <summary>Each turn makes a tensor that no input is in, and one of them is written afterwards.</summary>
    private sealed class Making(bool isView) : nn.Module<Tensor, Tensor>(nameof(Making))
    {
        public override Tensor forward(Tensor x)
        {
            var made = new List<Tensor>();
            for (var i = 0; i < x.shape[0]; i++)
                made.Add(isView ? ones(2, 4)[i % 2] : ones(4));
            made[0].add_(1);
            return x + stack(made, 0);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_a_turn_makes_without_an_input_is_made_in_each(bool isView)
    {
        using var model = new Making(isView);
        using var x = Traced.Sample(0, 3, 4);
        using var traced = fx.symbolic_trace(model, example_inputs: [x]);
        using var expected = model.call(x);
        for (var call = 0; call < 2; call++)
        {
            using var result = traced.call(x);
            Assert.True(expected.equal(result).all().item<bool>());
        }
    }

    [Fact]
    public void Nothing_is_left_over_also_when_a_turn_fails()
    {
        using var model = new ByIndex();
        using var traced = fx.symbolic_trace(model);
        using var x = Traced.Sample(0, 5, 4);
        using var scale = Traced.Sample(1, 4);
        using var wrong = Traced.Sample(1, 3);
        LiveTensors.AssertStay(
            () =>
            {
                traced.call(x, scale).Dispose();
                Assert.Throws<NodeExecutionException>(() => { traced.call(x, wrong); });
            }, 5);
    }

    /// <summary>Loops whose turns know of each other, or go by their number.</summary>
    private sealed class Following(string name) : nn.Module<Tensor, Tensor>(name)
    {
        private readonly List<Tensor> kept = [];

        public override Tensor forward(Tensor x)
        {
            var parts = new List<Tensor>();
            var (last, calls) = (x[0], new Counter());
            for (var i = 0; i < x.shape[0]; i++)
            {
                if (name == "state")
                    last = x[i] + last;
                if (name == "number" && i == 1)
                    continue;
                if (name == "counter")
                    calls.Count++;
                if (name == "kept")
                    kept.Add(x[i]);
                if (name == "break" && i == 2)
                    break;
                parts.Add(x[i] + last);
                if (name == "more" && i > 0)
                    parts.Add(last);
                if (name == "changed")
                    parts[0] = x[i];
                if (name == "reversed")
                {
                    parts.RemoveAt(parts.Count - 1);
                    parts.Insert(0, x[i]);
                }
                if (name == "looked")
                    last = parts[^1] * parts.Count;
            }
            return stack(parts, 0) + calls.Count;
        }

        private sealed class Counter
        {
            public int Count { get; set; }
        }
    }

    [Theory]
    [InlineData("state")]
    [InlineData("number")]
    [InlineData("counter")]
    [InlineData("break")]
    [InlineData("more")]
    [InlineData("changed")]
    [InlineData("reversed")]
    [InlineData("looked")]
    public void Turns_that_know_of_each_other_are_followed_one_by_one(string name)
    {
        using var model = new Following(name);
        Assert.Throws<TraceException>(() => new Tracer().trace(model));
        using var traced = fx.symbolic_trace(model, example_inputs: [Traced.Sample(0, 3, 4)]);
        Assert.DoesNotContain(traced.graph.nodes, node => node.target is MapTarget);
        Traced.Same(model.call(Traced.Sample(1, 3, 4)), traced.call(Traced.Sample(1, 3, 4)));
        Assert.Throws<GraphAssertionException>(() => { traced.call(Traced.Sample(1, 4, 4)); });
    }

    [Fact]
    public void The_report_tells_how_far_a_graph_holds()
    {
        using var mapped = new ByIndex();
        using var followed = new Following("state");
        var tracer = new Tracer();
        tracer.trace(mapped);
        Assert.Equal("map_1", Assert.Single(tracer.report.loops).text);
        tracer.trace(followed, example_inputs: [Traced.Sample(0, 3, 4)]);
        Assert.Equal("getitem_4 == 3", Assert.Single(tracer.report.unrolled_loops).text);
        Assert.Contains("loops of as many turns as the example has:\n  getitem_4 == 3 (CollectingLoopTests.cs:", tracer.report.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_tracer_may_follow_them_too()
    {
        using var model = new ByIndex();
        var tracer = new Tracer { map_loops = false };
        Assert.Throws<TraceException>(() => tracer.trace(model));
        var graph = tracer.trace(model, example_inputs: [Traced.Sample(0, 2, 4), Traced.Sample(1, 4)]);
        Assert.Equal(2, graph.find_nodes(Opcode.call_module).Count());
    }

    [Fact]
    public void An_extractor_has_the_turns_of_its_example_by_name()
    {
        using var model = new ByIndex();
        using var bySymbols = feature_extraction.create_feature_extractor(model, ["stack"]);
        var byExample = new NodePathTracer();
        byExample.trace(model, example_inputs: [Traced.Sample(0, 2, 4), Traced.Sample(1, 4)]);
        Assert.Contains("head_1", byExample.node_to_qualname.Values);
        Assert.Contains("map", feature_extraction.get_graph_node_names(model).eval_nodes);
        var (x, scale) = (Traced.Sample(0, 5, 4), Traced.Sample(1, 4));
        Traced.Same(model.call(x, scale), bySymbols.call(x, scale)["stack"]);
    }

    [Fact]
    public void A_graph_module_that_has_one_is_traced_again()
    {
        using var model = new ByIndex();
        using var outer = nn.Sequential(("inner", new Looping("helper")));
        using var once = fx.symbolic_trace(outer);
        using var twice = fx.symbolic_trace(once);
        var x = Traced.Sample(0, 4, 4);
        Traced.Same(outer.call(x), twice.call(x));
    }
}
