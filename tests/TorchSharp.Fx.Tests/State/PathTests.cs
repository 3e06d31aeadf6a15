using System.Collections;
using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Globalization;
using TorchSharp.Fx.Tests.Tracing;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.State;

/// <summary>Modules that nobody registered are named by a path that leads back to them, whatever they are kept in, under whatever key, in whatever culture.</summary>
public sealed class PathTests
{
    private sealed class Holder<T>(T content, Func<T, IEnumerable<Linear>> all) : nn.Module<Tensor, Tensor>("Holder")
    {
        private readonly T content = content;

        public override Tensor forward(Tensor x)
        {
            foreach (var layer in all(content))
                x = layer.call(x);
            return x;
        }
    }

    private static Linear Layer() => nn.Linear(4, 4);

    /// <summary>The graph gives what eager gives, also after saving and loading, and each path is of another module.</summary>
    private static string[] Check<T>(T content, Func<T, IEnumerable<Linear>> all)
    {
        using var scope = NewDisposeScope();
        var model = new Holder<T>(content, all);
        var graph = Traced.Runs(model, [Traced.Sample(0, 2, 4)]);
        var paths = graph.find_nodes(Opcode.call_module).Select(node => node.target.name).ToArray();
        var hierarchy = new ModuleHierarchy(model);
        Assert.Equal(all(content), paths.Select(hierarchy.Module));
        using var traced = fx.symbolic_trace(model);
        using var stream = new MemoryStream();
        var file = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.safetensors");
        fx.save(traced, file);
        using var loaded = fx.load<GraphModule<Tensor, Tensor>>(file);
        File.Delete(file);
        Traced.Same(model.call(Traced.Sample(1, 3, 4)), loaded.call(Traced.Sample(1, 3, 4)));
        Assert.Equal(all(content).Distinct().Count() * 2, traced.state_dict().Count);
        return paths;
    }

    public static TheoryData<string> Cultures => ["", "sv-SE", "ar-SA", "fa-IR", "de-DE", "tr-TR"];

    private enum Level
    {
        Low = -2,
        High,
    }

    private sealed record Key(double Value, int Index);

    private sealed class Plain;

    [Theory, MemberData(nameof(Cultures))]
    public void Keys_of_dictionaries_in_every_culture(string culture)
    {
        var before = CultureInfo.CurrentCulture;
        CultureInfo.CurrentCulture = CultureInfo.GetCultureInfo(culture);
        try
        {
            Assert.Equal(["content.-7", "content.12"], Check(new Dictionary<int, Linear> { [-7] = Layer(), [12] = Layer() }, d => d.Values));
            Assert.Equal(["content.0%2E5", "content.-1E+20"], Check(new Dictionary<double, Linear> { [0.5] = Layer(), [-1e20] = Layer() }, d => d.Values));
            Assert.Equal(["content.block%2E1", "content.block", "content.[0]", "content.a b", "content.%", "content.100%25", "content.x%3Ain", "content.%2A%3F"],
                Check(new Dictionary<string, Linear> { ["block.1"] = Layer(), ["block"] = Layer(), ["[0]"] = Layer(), ["a b"] = Layer(), [""] = Layer(), ["100%"] = Layer(), ["x:in"] = Layer(), ["*?"] = Layer() }, d => d.Values));
            Assert.Equal(["content.(-1, 0%2E5)", "content.(2, 1%2E5)"], Check(new Dictionary<(int, double), Linear> { [(-1, 0.5)] = Layer(), [(2, 1.5)] = Layer() }, d => d.Values));
            Assert.Equal(["content.Low", "content.High"], Check(new Dictionary<Level, Linear> { [Level.Low] = Layer(), [Level.High] = Layer() }, d => d.Values));
            Assert.Equal(["content.2024-02-29T00%3A00%3A00%2E0000000"], Check(new Dictionary<DateTime, Linear> { [new(2024, 2, 29, 0, 0, 0, DateTimeKind.Unspecified)] = Layer() }, d => d.Values));
            Assert.Equal(["content.Key { Value = 0%2E5, Index = -1 }"], Check(new Dictionary<Key, Linear> { [new(0.5, -1)] = Layer() }, d => d.Values));
            Assert.Equal(["content.Plain", "content.Plain_1"], Check(new Dictionary<Plain, Linear> { [new()] = Layer(), [new()] = Layer() }, d => d.Values));
            Assert.Equal(["content.1", "content.1_1", "content.1_2"], Check(new Dictionary<object, Linear> { [1] = Layer(), ["1"] = Layer(), [1L] = Layer() }, d => d.Values));
            Assert.Equal(["content.1", "content.1_2", "content.1_1"],
                Check(new Dictionary<object, Linear> { [1] = Layer(), ["1"] = Layer(), ["1_1"] = Layer() }, d => d.Values));
            Assert.Equal(["content.True", "content.c"], Check(new Dictionary<object, Linear> { [true] = Layer(), ['c'] = Layer() }, d => d.Values));
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    private sealed class Parts : List<Linear>
    {
        public Linear Extra { get; } = Layer();
    }

    private sealed class Own : IList<Linear>
    {
        private readonly Linear[] kept = [Layer(), Layer()];

        public int Count => kept.Length;

        public bool IsReadOnly => true;

        public Linear this[int index] { get => kept[index]; set => throw new NotSupportedException(); }

        public IEnumerator<Linear> GetEnumerator()
        {
            for (var i = 0; i < kept.Length; i++)
                yield return kept[i];
        }

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

        public void Add(Linear item) => throw new NotSupportedException();

        public void Clear() => throw new NotSupportedException();

        public bool Contains(Linear item) => Array.IndexOf(kept, item) >= 0;

        public void CopyTo(Linear[] array, int arrayIndex) => kept.CopyTo(array, arrayIndex);

        public int IndexOf(Linear item) => Array.IndexOf(kept, item);

        public void Insert(int index, Linear item) => throw new NotSupportedException();

        public bool Remove(Linear item) => throw new NotSupportedException();

        public void RemoveAt(int index) => throw new NotSupportedException();
    }

    private sealed record Pair(Linear Left, Linear Right);

    private record struct Spot(Linear At);

    private sealed class Link
    {
        public Linear Value { get; } = Layer();

        public Link? Next { get; set; }
    }

    [Fact]
    public void Collections_tuples_records_and_what_is_nested_in_them()
    {
        Check(new[] { new[] { Layer() }, [Layer(), Layer()] }, a => a.SelectMany(inner => inner));
        Check(new[,] { { Layer(), Layer() } }, a => a.Cast<Linear>().ToArray());
        Check((Layer(), (Layer(), new List<Linear> { Layer() })), t => [t.Item1, t.Item2.Item1, t.Item2.Item2[0]]);
        Check(Tuple.Create(Layer(), 3, Layer()), t => [t.Item1, t.Item3]);
        Check((Layer(), 2, 3, 4, 5, 6, 7, Layer()), t => [t.Item1, t.Item8]);
        Check(new Pair(Layer(), Layer()), p => [p.Right, p.Left]);
        Check(new[] { new Spot(Layer()), new Spot(Layer()) }, s => [s[0].At, s[1].At]);
        Check(new Parts { Layer(), Layer() }, p => [p[0], p.Extra, p[1]]);
        Check(new Own(), o => o);
        Check(new LinkedList<Linear>([Layer(), Layer()]), l => l);
        Check(new Queue<Linear>([Layer(), Layer()]), l => l);
        Check(new HashSet<Linear> { Layer(), Layer() }, l => l);
        Check(new Dictionary<string, (Linear, Linear[])> { ["a.b"] = (Layer(), [Layer()]) }, d => [d["a.b"].Item1, d["a.b"].Item2[0]]);
        Check(new Dictionary<string, Dictionary<int, Linear>> { ["x"] = new() { [-1] = Layer() } }, d => [d["x"][-1]]);
        Check(ImmutableArray.Create(Layer(), Layer()), a => a);
        Check(ImmutableDictionary<string, Linear>.Empty.Add("k", Layer()), d => d.Values);
        Check(new Dictionary<string, Linear> { ["k"] = Layer() }.ToFrozenDictionary(), d => d.Values);
        Check(new ConcurrentDictionary<string, Linear> { ["k"] = Layer() }, d => [d["k"]]);
        Check(new List<KeyValuePair<string, Linear>> { new("a", Layer()) }, l => [l[0].Value]);
        Check(new Link { Next = new Link { Next = new Link() } }, l => [l.Value, l.Next!.Value, l.Next.Next!.Value]);
        var captured = Layer();
        Check<Func<Linear>>(() => captured, f => [f()]);
        var lazy = new Lazy<Linear>(Layer);
        _ = lazy.Value;
        Check(lazy, l => [l.Value]);
        Check<object>(new List<object> { Layer() }, o => [(Linear)((List<object>)o)[0]]);
    }

    [Fact]
    public void A_long_list_of_words_is_not_walked()
        => Check((Enumerable.Range(0, 1000).Select(i => $"{i}").ToList(), Layer()), t => [t.Item2]);
}
