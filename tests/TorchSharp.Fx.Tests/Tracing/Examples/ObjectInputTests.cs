using System.Collections;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Tracing;

/// <summary>Inputs whose declared type doesn't say what they are: objects, interfaces, abstract classes and collections of objects. The example does.</summary>
public sealed class ObjectInputTests
{
    private interface IPair
    {
        Tensor First { get; }

        Tensor Sum();
    }

    private abstract class Base
    {
        public abstract Tensor Value { get; }
    }

    private sealed record Pair(Tensor First, Tensor Second) : IPair
    {
        public Tensor Sum() => First + Second * 2;
    }

    private sealed class Held(Tensor value, object tag) : Base
    {
        public override Tensor Value => value;

        public object Tag { get; } = tag;
    }

    private static Dictionary<string, object> Map(Tensor x) => new() { ["x"] = x, ["y"] = x * 3, ["n"] = 4L, ["pair"] = new Pair(x, x + 1), ["list"] = new List<object> { x, x * 2 } };

    private static readonly Dictionary<string, (Delegate Program, Func<Tensor, object> Input)> Programs = new()
    {
        ["as Tensor"] = ((Dictionary<string, object> d) => (d["x"] as Tensor)! * 2, Map),
        ["a cast"] = ((Dictionary<string, object> d) => (Tensor)d["x"] + (Tensor)d["y"], Map),
        ["is Tensor"] = ((Dictionary<string, object> d) => d["x"] is Tensor t ? t.relu() : zeros(1), Map),
        ["is no Tensor"] = ((Dictionary<string, object> d) => d["n"] is Tensor t ? t.relu() : ((Tensor)d["x"]).neg(), Map),
        ["a number"] = ((Dictionary<string, object> d) => (Tensor)d["x"] * (long)d["n"], Map),
        ["a record in a dictionary"] = ((Dictionary<string, object> d) => ((Pair)d["pair"]).First * 2 + ((Pair)d["pair"]).Sum(), Map),
        ["a list in a dictionary"] = ((Dictionary<string, object> d) => (Tensor)((List<object>)d["list"])[1] * 2, Map),
        ["TryGetValue"] = ((Dictionary<string, object> d) => d.TryGetValue("y", out var y) && y is Tensor t ? t * 2 : (Tensor)d["x"], Map),
        ["a loop over a dictionary"] = ((Dictionary<string, object> d) =>
        {
            var sum = zeros(1);
            foreach (var (key, value) in d)
                if (value is Tensor t)
                    sum = sum + t * key.Length;
            return sum;
        }, Map),
        ["OfType"] = ((Dictionary<string, object> d) => d.Values.OfType<Tensor>().Aggregate((a, b) => a * 2 + b), Map),
        ["an interface of a dictionary"] = ((IReadOnlyDictionary<string, object> d) => (Tensor)d["x"] * 2, Map),
        ["a non-generic dictionary"] = ((IDictionary d) => (Tensor)d["x"]! * 2, Map),
        ["Hashtable"] = ((Hashtable d) => (Tensor)d["x"]! * 2, x => new Hashtable(Map(x))),
        ["an interface"] = ((IPair p) => p.First * 2 + p.Sum(), x => new Pair(x, x + 1)),
        ["an abstract class"] = ((Base b) => b.Value * 2, x => new Held(x, "t")),
        ["a class behind an abstract class"] = ((Base b) => b is Held { Tag: Tensor tag } ? tag * 2 : b.Value, x => new Held(x, x + 1)),
        ["an object"] = ((object o) => o is Tensor t ? t * 2 : zeros(1), x => x),
        ["an object that is a list"] = ((object o) => o switch
        {
            Tensor t => t * 2,
            IList<Tensor> list => list[0] + list[^1],
            _ => zeros(1),
        }, x => new List<Tensor> { x, x + 1 }),
        ["an object that is a tuple"] = ((object o) => o is (Tensor a, Tensor b) ? a - b * 2 : zeros(1), x => (x, x + 1)),
        ["a list of objects"] = ((List<object> o) => (Tensor)o[0] + (Tensor)o[1] * (double)o[2], x => new List<object> { x, x + 1, 3.5 }),
        ["an array of objects"] = ((object[] o) => o.Cast<Tensor>().Aggregate((a, b) => a * 2 + b), x => new object[] { x, x + 1 }),
        ["ArrayList"] = ((ArrayList o) => (Tensor)o[0]! + (Tensor)o[1]!, x => new ArrayList { x, x + 1 }),
        ["a list of interfaces"] = ((List<IPair> p) => p[0].First + p[1].Sum(), x => new List<IPair> { new Pair(x, x), new Pair(x, x + 1) }),
        ["IEnumerable of interfaces"] = ((IEnumerable<IPair> p) => p.Select(pair => pair.Sum()).Aggregate((a, b) => a * 2 + b), x => new IPair[] { new Pair(x, x), new Pair(x, x + 1) }),
        ["an object member of a tuple"] = (((object, Tensor) p) => (Tensor)p.Item1 + p.Item2, x => ((object)x, x + 1)),
        ["IEnumerable"] = ((IEnumerable o) =>
        {
            Tensor? sum = null;
            foreach (Tensor t in o)
                sum = sum is null ? t : sum * 2 + t;
            return sum!;
        }, x => new List<Tensor> { x, x + 1 }),
    };

    public static TheoryData<string> Rows => [.. Programs.Keys];

    [Theory]
    [InlineData("a cast")]
    [InlineData("a number")]
    [InlineData("a record in a dictionary")]
    [InlineData("Hashtable")]
    [InlineData("a list of objects")]
    [InlineData("an object member of a tuple")]
    public void A_cast_tells_it_too(string name)
    {
        using var scope = NewDisposeScope();
        var (program, input) = Programs[name];
        using var traced = fx.symbolic_trace(program);
        var given = input(Traced.Sample(2, 5, 3));
        Traced.Same(program.DynamicInvoke([given]), traced.call([given]));
    }

    [Fact]
    public void Another_type_than_the_example_s_is_refused_by_the_graph()
    {
        using var scope = NewDisposeScope();
        static Tensor Either(Dictionary<string, object> d) => d["n"] is Tensor t ? t.relu() : (Tensor)d["x"] * 2;
        using var traced = fx.symbolic_trace((Delegate)Either, example_inputs: [Map(ones(2))]);
        var given = Map(ones(2));
        Traced.Same(ones(2) * 2, traced.call([given]));
        given["n"] = ones(2);
        var error = Assert.ThrowsAny<Exception>(() => traced.call([given]));
        Assert.Contains("of type Tensor, and the graph was traced for one of type long: trace again with inputs like these.", error.ToString(), StringComparison.Ordinal);
    }

    private sealed class Loud(Tensor value) : Base
    {
        public override Tensor Value => value * 100;
    }

    [Fact]
    public void Another_class_than_the_example_s_is_refused_by_the_graph()
    {
        using var scope = NewDisposeScope();
        using var traced = fx.symbolic_trace((Delegate)((Base b) => b.Value), example_inputs: [new Held(ones(2), "")]);
        Assert.Contains("Loud, and the graph was traced for one of type", Assert.ThrowsAny<Exception>(() => traced.call([new Loud(ones(2))])).ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Rows))]
    public void The_example_tells_what_an_input_is(string name)
    {
        using var scope = NewDisposeScope();
        var (program, input) = Programs[name];
        using var traced = fx.symbolic_trace(program, example_inputs: [input(Traced.Sample(1, 2, 3))]);
        foreach (var rows in new[] { 2, 5 })
        {
            var given = input(Traced.Sample(2, rows, 3));
            Traced.Same(program.DynamicInvoke([given]), traced.call([given]));
        }
    }
}
