using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Tracing;

/// <summary>Expressions of type <c>dynamic</c> are followed to the members that C#'s binder selects.</summary>
public sealed class DynamicTests
{
    private sealed class Settings
    {
        public double Factor = 1.5;

        public Tensor? Last { get; set; }

        public Tensor Scale(Tensor x, int times) => x * Factor * times;

        public Tensor Scale(Tensor x, double times) => x * Factor - times;
    }

    private static readonly Dictionary<string, Func<Tensor, Tensor>> Programs = new()
    {
        ["a method"] = x => { dynamic d = x; return d.relu(); },
        ["a method with defaults"] = x => { dynamic d = x; return d.softmax(1); },
        ["an operator"] = x => { dynamic d = x; return d * 2 + d; },
        ["a property"] = x => { dynamic d = x; return x.reshape(d.shape[1], d.shape[0]); },
        ["numbers"] = x => { dynamic n = x.shape[0]; return x * (n * 2 + 1); },
        ["constants"] = x => { dynamic n = 3; n = -n % 2 + 4; return n > 2 ? x * n : x; },
        ["an indexer"] = x => { dynamic d = x; return d[0]; },
        ["an overload"] = x => { dynamic s = new Settings(); dynamic times = 2; dynamic other = 2.5; return s.Scale(x, times) + s.Scale(x, other); },
        ["a static overload"] = x => { dynamic d = x; return Twice(d) + Twice(3); },
        ["a field"] = x => { dynamic s = new Settings(); s.Factor = 4.0; return x * s.Factor; },
        ["a setter"] = x => { dynamic s = new Settings(); s.Last = x * 2; return s.Last; },
        ["a module"] = x => { dynamic m = nn.ReLU(); return m.call(x); },
        ["a list"] = x => { dynamic list = new List<Tensor>(); list.Add(x); list.Add(x * 2); return list[0] + list[1] * list.Count; },
        ["an array"] = x => { dynamic list = new[] { x, x * 3 }; return list[1] - list[0]; },
        ["a loop"] = x =>
        {
            dynamic list = new List<Tensor> { x, x * 2 };
            var sum = zeros_like(x);
            foreach (var item in list)
                sum = sum + item;
            return sum;
        },
        ["a constructor"] = x => { dynamic d = x; var made = new List<Tensor>(d is Tensor ? [d] : []); return made[0]; },
    };

    private static Tensor Twice(Tensor x) => x * 2;

    private static int Twice(int x) => x * 2;

    public static TheoryData<string> Rows => [.. Programs.Keys];

    [Theory]
    [MemberData(nameof(Rows))]
    public void Dynamic_is_followed(string name)
    {
        using var scope = NewDisposeScope();
        using var traced = fx.symbolic_trace(Programs[name], suppress_trace_warning: true);
        foreach (var rows in new[] { 3, 5 })
            Traced.Same(Programs[name](Traced.Sample(1, rows, 4)), traced.call(Traced.Sample(1, rows, 4)));
    }

    private static Tensor Chosen(dynamic d) => d.relu() + d[0] * 2;

    [Fact]
    public void A_dynamic_input_is_followed_by_example()
    {
        using var scope = NewDisposeScope();
        using var traced = fx.symbolic_trace((Delegate)Chosen, example_inputs: [Traced.Sample(1, 3, 4)]);
        Traced.Same(Chosen(Traced.Sample(2, 5, 4)), traced.call([Traced.Sample(2, 5, 4)]));
    }

    [Fact]
    public void What_the_binder_does_not_find_is_the_program_s_fault()
    {
        var error = Assert.Throws<TracedProgramException>(() => fx.symbolic_trace((Func<Tensor, Tensor>)(x => { dynamic d = x; return d.no_such_method(); })));
        Assert.Contains("'TorchSharp.torch.Tensor' does not contain a definition for 'no_such_method'", error.InnerException!.Message, StringComparison.Ordinal);
    }
}
