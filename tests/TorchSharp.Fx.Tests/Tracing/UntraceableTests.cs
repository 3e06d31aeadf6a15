using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Tracing;

/// <summary>Every entry of the catalogue, by its full sentence: what, where, and what to do.</summary>
public sealed partial class UntraceableTests
{
    private const string OrLeaf = "make the method a leaf function (tracer_kwargs.autowrap_functions) or its module a leaf module (tracer_kwargs.leaf_modules).";

    private static int Next([CallerLineNumber] int line = 0) => line + 1;

    private static void Refused(nn.Module module, int line, string what, string fix, Tracer? tracer = null)
    {
        var refusal = Assert.Throws<TraceException>(() => (tracer ?? new Tracer()).trace(module));
        Assert.Equal($"{what} It happens in the root module at UntraceableTests.cs:{line}. {fix}", refusal.Message);
        Assert.Equal((what[..5], "", $"UntraceableTests.cs:{line}"), (refusal.code, refusal.module_path, refusal.location));
    }

    private sealed class Branching() : nn.Module<Tensor, Tensor>(nameof(Branching))
    {
        public static readonly int Line = Next();
        public override Tensor forward(Tensor x) => x.shape[0] > 2 ? x : -x;
    }

    [Fact]
    public void FX001_a_branch_on_a_dimension()
        => Refused(new Branching(), Branching.Line,
            "FX001: The program branches on 'getitem > 2', which depends on an input, so a graph of it would hold for some inputs only.",
            "Fix the value with concrete_args if it is an argument, compute with tensors (torch.where) instead, or " + OrLeaf);

    private sealed class Counting() : nn.Module<Tensor, Tensor>(nameof(Counting))
    {
        public static readonly int Line = Next();
        public override Tensor forward(Tensor x) => x * x.shape.Max();
    }

    [Fact]
    public void FX002_a_loop_over_what_has_no_known_length()
        => Refused(new Counting(), Counting.Line,
            "FX002: The program needs the number of elements of 'getattr_1' (long[]), which depends on an input.",
            "Index the elements it uses (t[0], t[1]), or " + OrLeaf);

    private sealed class Ranging() : nn.Module<Tensor, Tensor>(nameof(Ranging))
    {
        public static readonly int Line = Next();
        public override Tensor forward(Tensor x) => x * Enumerable.Range(0, (int)x.shape[0]).Count();
    }

    [Fact]
    public void FX003_code_of_NET_that_needs_a_value()
        => Refused(new Ranging(), Ranging.Line,
            "FX003: Enumerable.Range needs the value of 'getitem' (int), which depends on an input.",
            "Use arithmetic, Math or tensor operations on it instead, or " + OrLeaf);

    private sealed class Calling() : nn.Module<Tensor, Tensor>(nameof(Calling))
    {
        public static readonly int Line = Next();
        public override Tensor forward(Tensor x) => x * cbrt(x.shape[0]);

#pragma warning disable SYSLIB1054 // The attribute of old makes a method without a body, which is the subject of the test.
        [DllImport("libm")]
        private static extern double cbrt(double value);
#pragma warning restore SYSLIB1054
    }

    [Fact]
    public void FX004_native_code()
        => Refused(new Calling(), Calling.Line,
            "FX004: Calling.cbrt has no CIL to trace (it is native, abstract or made at run time).",
            "Make it a leaf function: tracer_kwargs.autowrap_functions = [Calling.cbrt], or make its module a leaf module (tracer_kwargs.leaf_modules).");

    private sealed class Allocating() : nn.Module<Tensor, Tensor>(nameof(Allocating))
    {
        public static readonly int Line = Next();
        public override Tensor forward(Tensor x) => x * Sum(stackalloc int[(int)x.shape[0]]);

        private static int Sum(Span<int> numbers) => numbers.Length;
    }

    [Fact]
    public void FX005_memory_that_is_no_object()
        => Refused(new Allocating(), Allocating.Line,
            "FX005: The program uses unsafe code (the CIL instruction Localloc), which can't be followed symbolically.",
            "Write it without pointers, or " + OrLeaf);

    private sealed class Reading() : nn.Module<Tensor, Tensor>(nameof(Reading))
    {
        public static readonly int Line = Next();
        public override Tensor forward(Tensor x) => x.relu().data<float>().Count > 0 ? x : -x;
    }

    [Fact]
    public void FX006_the_content_of_a_tensor()
        => Refused(new Reading(), Reading.Line,
            "FX006: Tensor.data reads the content of the tensor 'relu', which depends on an input.",
            "Compute with tensor operations instead, or " + OrLeaf);

    private sealed class Describing() : nn.Module<Tensor, Tensor>(nameof(Describing))
    {
        public static readonly int Line = Next();
        public override Tensor forward(Tensor x) => Log(x, new StringBuilder("shape"));

        public static Tensor Log(Tensor x, StringBuilder into) => into.Length > 0 ? x : -x;
    }

    [Fact]
    public void FX007_an_argument_that_a_graph_cannot_hold()
        => Refused(new Describing(), Describing.Line,
            "FX007: An object of type StringBuilder is used together with values that depend on an input, and a graph has no way to write it down.",
            "Pass numbers, strings, tensors, or tuples, arrays, lists, dictionaries and records of them, or " + OrLeaf,
            new Tracer(autowrap_functions: [Describing.Log]));

    private sealed class Naming() : nn.Module<Tensor, Tensor>(nameof(Naming))
    {
        public static readonly int Line = Next();
        public override Tensor forward(Tensor x) => x * Name(x).Length;

        public static string Name(Tensor x) => $"{x.dtype}";
    }

    [Fact]
    public void FX008_a_result_that_nothing_can_stand_for()
        => Refused(new Naming(), Naming.Line,
            "FX008: 'name' gives a String that depends on an input, and the tracer can't make a fake object of that type.",
            "Change the method to return tensors, numbers, tuples or a class that isn't abstract, or " + OrLeaf,
            new Tracer(autowrap_functions: [Naming.Name]));

    private sealed class Borrowing() : nn.Module<Tensor, Tensor>(nameof(Borrowing))
    {
        private static readonly nn.Module<Tensor, Tensor> Shared = nn.ReLU();

        public static readonly int Line = Next();
        public override Tensor forward(Tensor x) => Shared.call(x);
    }

    [Fact]
    public void FX009_a_module_without_a_name()
        => Refused(new Borrowing(), Borrowing.Line,
            "FX009: The module ReLU that is called here is not reachable from the root module by its submodules and fields, so it has no qualified name.",
            "Keep it in a field of a module and register it (RegisterComponents or register_module).");

    private sealed class Flagging() : nn.Module<Tensor, Tensor>(nameof(Flagging))
    {
        public static readonly int Line = Next();
        public override Tensor forward(Tensor x) => Use(x, [x.shape[0] > 2]);

        private static Tensor Use(Tensor x, bool[] flags) => x * flags.Length;
    }

    [Fact]
    public void FX010_a_symbol_where_there_is_no_room_for_one()
        => Refused(new Flagging(), Flagging.Line,
            "FX010: 'gt', which depends on an input, is stored where only a concrete bool fits.",
            "Keep it in a local variable, or " + OrLeaf);

    private sealed class Endless() : nn.Module<Tensor, Tensor>(nameof(Endless))
    {
        public static readonly int Line = Next();
        public override Tensor forward(Tensor x) => Down(x).relu(); private static Tensor Down(Tensor x) => Down(x) + 1;
    }

    [Fact]
    public void FX011_recursion_without_an_end()
        => Refused(new Endless(), Endless.Line,
            "FX011: Endless.Down calls itself too deeply to be followed.",
            "Bound the recursion, or " + OrLeaf);

    private sealed class Waiting() : nn.Module<Tensor, Tensor>(nameof(Waiting))
    {
        public static readonly int Line = Next();
        public override Tensor forward(Tensor x) => Later(x).Result;

        private static async Task<Tensor> Later(Tensor x)
        {
            await Task.Yield();
            return x.relu();
        }
    }

    private sealed class Forking() : nn.Module<Tensor, Tensor>(nameof(Forking))
    {
        public static readonly int Line = Next();
        public override Tensor forward(Tensor x) => Task.Run(() => x.relu()).Result;
    }

    [Fact]
    public void FX012_asynchronous_methods_and_threads()
    {
        Refused(new Waiting(), Waiting.Line,
            "FX012: Waiting.Later is asynchronous or starts a thread, and a graph has one order of execution.",
            "Call the work directly, or " + OrLeaf);
        Refused(new Forking(), Forking.Line,
            "FX012: Task.Run is asynchronous or starts a thread, and a graph has one order of execution.",
            "Call the work directly, or " + OrLeaf);
    }

    private sealed class Streaming() : nn.Module<Tensor, Tensor>(nameof(Streaming))
    {
        public static readonly int Line = Next();
        public override Tensor forward(Tensor x) => Parts(x).GetAsyncEnumerator().MoveNextAsync().AsTask().Result ? x : -x;

        private static async IAsyncEnumerable<Tensor> Parts(Tensor x)
        {
            await Task.Yield();
            yield return x.relu();
        }
    }

    [Fact]
    public void Asynchronous_iterators_are_asynchronous()
        => Refused(new Streaming(), Streaming.Line, "FX012: Streaming.Parts is asynchronous or starts a thread, and a graph has one order of execution.", "Call the work directly, or " + OrLeaf);

    /// <summary>Gives a view of what it takes, in code of its own.</summary>
    private sealed class Turning() : nn.Module<Tensor, Tensor>(nameof(Turning))
    {
        public override Tensor forward(Tensor x) => x.t();
    }

    /// <summary>Computes with a tensor of its own, and then writes to that through a leaf's view.</summary>
    private sealed class WritingThroughALeaf : nn.Module<Tensor, Tensor>
    {
        private readonly Tensor[] raw = [full([2, 2], 0.5f)];
        private readonly Turning turning = new();

        public WritingThroughALeaf() : base(nameof(WritingThroughALeaf)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            var before = raw[0].t().contiguous().relu();
            turning.call(raw[0]).add_(0.25);
            return x + before;
        }
    }

    private sealed class TurningStays : Tracer
    {
        public override bool is_leaf_module(nn.Module m, string module_qualified_name) => m is Turning || base.is_leaf_module(m, module_qualified_name);
    }

    [Fact]
    public void A_write_through_a_leaf_to_what_was_computed_with_is_a_change_of_the_model()
    {
        using var model = new WritingThroughALeaf();
        Assert.Equal("FX013", Assert.Throws<TraceException>(() => new TurningStays().trace(model)).code);
    }

    private sealed class Registering() : nn.Module<Tensor, Tensor>(nameof(Registering))
    {
        public static readonly int Line = Next();
        public override Tensor forward(Tensor x) { register_buffer("seen", x); return x; }
    }

    [Fact]
    public void FX013_a_change_of_the_model()
        => Refused(new Registering(), Registering.Line,
            "FX013: Module.register_buffer would change the model while it is traced.",
            "Move the change out of forward, or " + OrLeaf);

    private sealed class Choosing() : nn.Module<Tensor, Tensor>(nameof(Choosing))
    {
        private readonly double[] scales = [1, 2, 3];

        public static readonly int Line = Next();
        public override Tensor forward(Tensor x) => x * scales[x.shape[0]];
    }

    [Fact]
    public void FX014_an_index_into_an_ordinary_array()
        => Refused(new Choosing(), Choosing.Line,
            "FX014: An ordinary array is indexed by 'getitem', which depends on an input.",
            "Stack the elements into a tensor and index that, or " + OrLeaf);

    private sealed class Scattering() : nn.Module<Tensor, Tensor>(nameof(Scattering))
    {
        public override Tensor forward(Tensor x) => x.reshape(Ones(new long[x.dim()]));

        public static readonly int Line = Next();
        private static long[] Ones(long[] sizes) { sizes[1] = 2; return sizes; }
    }

    [Fact]
    public void FX015_an_array_of_unknown_length_that_is_not_filled_in_order()
        => Refused(new Scattering(), Scattering.Line,
            "FX015: An array whose length depends on an input is not filled from its start to its end, so its content is not known.",
            "Write it as a collection expression ([.. shape[..^1], n]), or " + OrLeaf);

    private sealed class ReadingText() : nn.Module<Tensor, Tensor>(nameof(ReadingText))
    {
        public static readonly int Line = Next();
        public override Tensor forward(Tensor x) => x * $"{x.dim()}".Length;
    }

    [Fact]
    public void FX025_a_text_that_shows_a_symbol_is_read()
        => Refused(new ReadingText(), ReadingText.Line,
            "FX025: String.get_Length reads a text that shows 'dim', which depends on an input: while tracing, the text has a name where the program has a value.",
            "Use the text in messages only and compute with the value itself, trace with example inputs, or " + OrLeaf);

    private sealed class Searching() : nn.Module<Tensor, Tensor>(nameof(Searching))
    {
        public static readonly int Line = Next();
        public override Tensor forward(Tensor x) => new List<(Tensor, int)> { (x, 1) }.Contains((x + 1, 1)) ? x : -x;
    }

    [Fact]
    public void FX026_code_of_NET_that_asks_tensors()
        => Refused(new Searching(), Searching.Line,
            "FX026: List<(Tensor, int)>.Contains is .NET's own code, which isn't followed, and it asks a tensor that depends on an input for its content or shape.",
            "Write it as a loop or with a lambda (OrderBy(t => t.shape[0])), which is followed, or " + OrLeaf);

    private sealed class Labelled() : nn.Module<Tensor, string, Tensor>(nameof(Labelled))
    {
        public override Tensor forward(Tensor x, string label) => label == "a" ? x : -x;
    }

    [Fact]
    public void FX016_an_input_that_nothing_can_stand_for()
    {
        var refusal = Assert.Throws<TraceException>(() => Traced.Graph(new Labelled()));
        Assert.Equal("FX016: The input 'label' of forward is a String, and the tracer can't make a fake object of that type. It happens in the root module at its start. "
            + "Fix it with concrete_args, or give the parameter a default value.", refusal.Message);
    }

    private sealed class NormAside() : nn.Module(nameof(NormAside))
    {
        public Tensor forward(Tensor x, out Tensor norm) => x / (norm = x.norm());
    }

    private sealed class Swapping() : nn.Module(nameof(Swapping))
    {
        public Tensor forward(ref Tensor x, in Tensor y) => x = x + y;
    }

    [Fact]
    public void An_input_by_reference_is_no_input_of_a_graph()
    {
        const string Fix = "and a graph's inputs are values. It happens in the root module at its start. Return what it writes beside the result, as a tuple, and take what it reads as a plain parameter.";
        Assert.Equal($"FX016: forward takes 'norm' by reference (out), {Fix}", Assert.Throws<TraceException>(() => Traced.Graph(new NormAside())).Message);
        Assert.Equal($"FX016: forward takes 'x' by reference (ref), {Fix}", Assert.Throws<TraceException>(() => Traced.Graph(new Swapping())).Message);
        Assert.Equal($"FX016: forward takes 'norm' by reference (out), {Fix}", Assert.Throws<TraceException>(() => new Tracer().trace(new NormAside(), example_inputs: [rand(2), null])).Message);
    }

    private sealed class Scaling() : nn.Module<Tensor, Tensor>(nameof(Scaling))
    {
        public static readonly int Line = Next();
        public override Tensor forward(Tensor x) => x.max().item<float>() > 1 ? x / 255 : x;
    }

    [Fact]
    public void FX018_a_branch_on_a_number_read_out_of_a_tensor()
    {
        var refusal = Assert.Throws<TraceException>(() => fx.symbolic_trace(new Scaling(), example_inputs: [ones(2, 2)]));
        Assert.Equal("FX018: To go on, the program needs the value of 'item', which was read out of a tensor: for other inputs of the same shapes the graph would be wrong. "
            + $"It happens in the root module at UntraceableTests.cs:{Scaling.Line}. Allow it with allow_value_specialization: true, compute with tensors (torch.where) instead, or {OrLeaf}", refusal.Message);
        var bySymbols = Assert.Throws<TraceException>(() => fx.symbolic_trace(new Scaling()));
        Assert.Equal("FX018: The program branches on 'item > 1', which is read out of a tensor that depends on an input, so a graph of it would hold for some inputs only. "
            + $"It happens in the root module at UntraceableTests.cs:{Scaling.Line}. Compute with tensors (torch.where) instead, let an example decide (example_inputs with allow_value_specialization: true), or {OrLeaf}", bySymbols.Message);
    }

    private sealed class Repeating() : nn.Module<Tensor, Tensor>(nameof(Repeating))
    {
        public static int Line { get; } = Next() + 2;
        public override Tensor forward(Tensor x)
        {
            for (var i = 0; i < x.shape[0]; i++)
                x = x * 2;
            return x;
        }
    }

    [Fact]
    public void FX019_a_loop_over_a_free_dimension()
    {
        var refusal = Assert.Throws<TraceException>(() => fx.symbolic_trace(new Repeating(), example_inputs: [InputShape.Parse("Nx4")]));
        Assert.Equal("FX019: The dimension N is declared as free, but the program needs to know whether '2 < getitem_2', which comes out differently for N = 2 and N = 3. "
            + $"It happens in the root module at UntraceableTests.cs:{Repeating.Line}. Declare the size that you need in place of N, compute with tensors instead, or {OrLeaf}", refusal.Message);
    }
}
