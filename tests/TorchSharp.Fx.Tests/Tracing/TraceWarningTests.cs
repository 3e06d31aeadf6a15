using System.Globalization;
using System.Text.RegularExpressions;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Tracing;

/// <summary>What a graph assumes or leaves out is said once a trace, unless that is suppressed, and stands in the report.</summary>
[Collection(nameof(FeatureExtraction.Alone))]
public sealed class TraceWarningTests : IDisposable
{
    private readonly Action<string> before = fx.warn;
    private readonly List<string> warnings = [];

    public TraceWarningTests() => fx.warn = warnings.Add;

    public void Dispose() => fx.warn = before;

    private sealed class Careless() : Module<Tensor, Tensor, Tensor>(nameof(Careless))
    {
        private static int total;
        private readonly List<long> sizes = [];
        private Tensor? last;

        public override Tensor forward(Tensor x, Tensor? mask = null)
        {
            last = x;
            last = -x;
            total++;
            sizes.Add(3);
            return training ? x * 2 : last + total;
        }
    }

    [Fact]
    public void One_text_has_all_of_it_with_places()
    {
        using var model = new Careless();
        using var traced = fx.symbolic_trace(model, state: TracedState.dropped);
        var text = Regex.Replace(Assert.Single(warnings), @"\.cs:\d+", ".cs");
        Assert.Equal("""
            The graph of Careless assumes or leaves out things that may differ at each call of the program (suppress_trace_warning: true hides this warning):
            written by the program, not by the graph:
              Careless.last (TraceWarningTests.cs)
              Careless.total (TraceWarningTests.cs)
              a List<long> (TraceWarningTests.cs)
            for the mode that they were traced in:
              the root module in train mode (TraceWarningTests.cs)
            """, text);
    }

    [Fact]
    public void Nothing_is_said_when_suppressed_or_where_there_is_nothing()
    {
        using var model = new Careless();
        using var traced = fx.symbolic_trace(model, suppress_trace_warning: true);
        using var plain = fx.symbolic_trace(Sequential(Linear(2, 2), Dropout(), ReLU()));
        using var function = fx.symbolic_trace((Tensor x) => x * 2 + 1);
        Assert.Empty(warnings);
    }

    public static TheoryData<string, string> Asked => new()
    {
        { "Random.Shared", "Random.NextDouble" },
        { "a Random of its own", "Random.Next" },
        { "a Random without a seed", "Random.Next" },
        { "the time", "DateTime.get_UtcNow" },
        { "the time with its zone", "DateTimeOffset.get_Now" },
        { "a clock", "Stopwatch.GetTimestamp" },
        { "a new id", "Guid.NewGuid" },
        { "a variable of the environment", "Environment.GetEnvironmentVariable" },
        { "the processors", "Environment.get_ProcessorCount" },
        { "the culture", "CultureInfo.get_CurrentCulture" },
        { "a file", "File.Exists" },
        { "the default dtype", "torch.get_default_dtype" },
        { "the default dtype of a factory", "the default dtype float32 in torch.ones" },
    };

    private static readonly Random Held = new();

    private static readonly Dictionary<string, Func<Tensor, Tensor>> Programs = new()
    {
        ["Random.Shared"] = x => x * Random.Shared.NextDouble(),
        ["a Random of its own"] = x => x * Held.Next(5),
        ["a Random without a seed"] = x => x * new Random().Next(5),
        ["the time"] = x => x * DateTime.UtcNow.Second,
        ["the time with its zone"] = x => x * DateTimeOffset.Now.Second,
        ["a clock"] = x => x * System.Diagnostics.Stopwatch.GetTimestamp(),
        ["a new id"] = x => x * Guid.NewGuid().Version,
        ["a variable of the environment"] = x => x * (Environment.GetEnvironmentVariable("SCALE") is null ? 1 : 2),
        ["the processors"] = x => x * Environment.ProcessorCount,
        ["the culture"] = x => x * CultureInfo.CurrentCulture.Name.Length,
        ["a file"] = x => x * (File.Exists("scale") ? 1 : 2),
        ["the default dtype"] = x => x.to(get_default_dtype()),
        ["the default dtype of a factory"] = x => x + ones(2),
    };

    [Theory]
    [MemberData(nameof(Asked))]
    public void A_value_of_the_moment_the_machine_or_a_setting_is_told(string program, string what)
    {
        using var traced = fx.symbolic_trace(Programs[program]);
        var text = Regex.Replace(Assert.Single(warnings), @"\.cs:\d+", ".cs");
        Assert.Equal($"""
            The graph of the function assumes or leaves out things that may differ at each call of the program (suppress_trace_warning: true hides this warning):
            read while tracing, not by the graph:
              {what} (TraceWarningTests.cs)
            """, text);
        var tracer = new Tracer();
        tracer.trace(Programs[program]);
        Assert.Equal(what, Assert.Single(tracer.report.surroundings).text);
    }

    [Fact]
    public void What_comes_out_the_same_at_each_call_is_not_told()
    {
        using var seeded = fx.symbolic_trace((Tensor x) => x * new Random(3).Next(5));
        using var typed = fx.symbolic_trace((Tensor x) => x + ones(2, dtype: ScalarType.Float32));
        using var integers = fx.symbolic_trace((Tensor x) => x + arange(2));
        Assert.Empty(warnings);
    }
}
