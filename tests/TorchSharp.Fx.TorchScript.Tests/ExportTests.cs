using System.Text;
using TorchSharp.Fx.Tests;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.TorchScript.Tests;

[Collection(nameof(Alone))]
public sealed class ExportTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();
    private readonly Archive archive = new();

    public void Dispose()
    {
        archive.Dispose();
        scope.Dispose();
    }

    private sealed class Net : Module<torch.Tensor, torch.Tensor, (torch.Tensor, torch.Tensor)>
    {
        private readonly TorchSharp.Modules.Linear fc = Linear(6, 4);
        private readonly TorchSharp.Modules.LayerNorm norm = LayerNorm(4);

        internal Net() : base(nameof(Net)) => RegisterComponents();

        public override (torch.Tensor, torch.Tensor) forward(torch.Tensor input, torch.Tensor @lambda)
        {
            var n = input.shape[0];
            var pieces = input.reshape(n, 2, -1, 3).transpose(1, 2).chunk(2, 1);
            var joined = cat([pieces[0].flatten(1), pieces[1].flatten(1)], 1)[.., 1..7];
            var gated = norm.call(functional.gelu(fc.call(joined))) * lambda.sigmoid();
            gated.add_(0.5);
            gated[0, ..2] = 3;
            var (top, _) = gated.max(1, keepdim: true);
            return (top / (n * 1.5), (2 - gated[TensorIndex.Ellipsis, -1]).pow(2) + ((n - 6) / 4) + ((n - 6) % 4) + arange(n, dtype: float32));
        }
    }

    [Fact]
    public void Sizes_pieces_and_numbers_are_computed_when_it_runs()
    {
        using var net = new Net();
        using var traced = fx.symbolic_trace(net);
        torchscript.export(traced, archive.Path);
        using var loaded = archive.Load();
        foreach (var batch in new long[] { 1, 7, 11 })
        {
            var (x, y) = (rand(batch, 12), rand(batch, 4));
            var (first, second) = traced.call(x, y);
            var actual = ((torch.Tensor, torch.Tensor))loaded.call(x, y);
            Archive.AssertClose(first, actual.Item1);
            Archive.AssertClose(second, actual.Item2);
        }
    }

    [Fact]
    public void Inputs_keep_their_names_unless_Python_has_them_for_itself()
    {
        using var net = new Net();
        using var traced = fx.symbolic_trace(net);
        torchscript.export(traced, archive.Path);
        Assert.Contains("def forward(self,\n    input: Tensor,\n    lambda_1: Tensor) -> Tuple[Tensor, Tensor]:\n", Encoding.UTF8.GetString(archive.Entry("code/__torch__.py").Content));
    }

    private sealed class InPlace : Module<torch.Tensor, torch.Tensor>
    {
        private readonly TorchSharp.Modules.Linear fc = Linear(4, 4);
        private readonly TorchSharp.Modules.ReLU relu = ReLU(inplace: true);

        internal InPlace() : base(nameof(InPlace)) => RegisterComponents();

        public override torch.Tensor forward(torch.Tensor x)
        {
            var before = fc.call(x);
            var row = before[0];
            relu.call(before);
            return before + row;
        }
    }

    [Fact]
    public void What_is_written_in_place_shows_in_every_view_but_not_in_a_feature()
    {
        using var model = new InPlace();
        model.eval();
        using var extractor = feature_extraction.create_feature_extractor(model, ["fc", "add"]);
        torchscript.export(extractor, archive.Path);
        using var loaded = archive.Load();
        var input = randn(5, 4);
        using var expected = extractor.call(input);
        var actual = (torch.Tensor[])loaded.invoke("values", input);
        Assert.True(expected["fc"].min().item<float>() < 0);
        Archive.AssertClose(expected["fc"], actual[0]);
        Archive.AssertClose(expected["add"], actual[1]);
        Assert.EndsWith("    return {\"fc\": _values[0], \"add\": _values[1]}\n", Encoding.UTF8.GetString(archive.Entry("code/__torch__.py").Content).TrimEnd() + "\n");
    }

    [Fact]
    public void In_training_mode_statistics_are_updated_as_here()
    {
        using var model = Sequential(("norm", BatchNorm1d(4)), ("act", LeakyReLU(0.2)));
        using var traced = fx.symbolic_trace(model);
        torchscript.export(traced, archive.Path);
        using var loaded = archive.Load();
        var input = randn(6, 4);
        var actual = (torch.Tensor)loaded.call(input);
        Archive.AssertClose(traced.call(input), actual);
        var mine = model.state_dict();
        foreach (var (name, buffer) in loaded.named_buffers())
            Archive.AssertClose(mine[name], buffer);
    }

    private sealed class Tied : Module<torch.Tensor, torch.Tensor>
    {
        private readonly TorchSharp.Modules.Linear first = Linear(100, 100);
        private readonly TorchSharp.Modules.Linear second = Linear(100, 100);
        private readonly torch.Tensor scale = full([100], 2.0);

        internal Tied() : base(nameof(Tied))
        {
            RegisterComponents();
            second.weight = first.weight;
        }

        public override torch.Tensor forward(torch.Tensor x) => second.call(first.call(x)) * scale + tensor([1.0f, 2.0f]).sum();
    }

    [Fact]
    public void Shared_weights_are_written_once_and_every_tensor_begins_at_64_bytes()
    {
        using var model = new Tied();
        using var traced = fx.symbolic_trace(model);
        torchscript.export(traced, archive.Path);
        Assert.InRange(new FileInfo(archive.Path).Length, 4 * 100 * 100, 4 * 100 * 100 + 10_000);
        Assert.Equal(0, archive.Entry("data/0").Position % 64);
        Assert.Equal(0, archive.Entry("constants/0").Position % 64);
        Assert.Equal("10\n", Encoding.ASCII.GetString(archive.Entry("version").Content));
        using var loaded = archive.Load();
        Assert.Equal(["bias", "weight"], loaded.named_modules().Single(entry => entry.name == "second").module.named_parameters().Select(entry => entry.name).Order());
        var input = rand(2, 100);
        Archive.AssertClose(traced.call(input), loaded.call(input));
    }

    private sealed class Branching : Module<torch.Tensor, torch.Tensor>
    {
        private readonly TorchSharp.Modules.Linear fc = Linear(4, 4);

        internal Branching() : base(nameof(Branching)) => RegisterComponents();

        public override torch.Tensor forward(torch.Tensor x) => x.shape[0] > 2 ? fc.call(x) : -x;
    }

    [Fact]
    public void What_branches_on_sizes_is_exported_by_example_and_refuses_others()
    {
        using var model = new Branching();
        using var extractor = feature_extraction.create_feature_extractor(Sequential(("inner", model), ("act", ReLU())), ["act"], tracer_kwargs: new TracerKwargs { leaf_modules = [typeof(Branching)] });
        extractor.eval();
        Assert.StartsWith("Node 'inner' (", Assert.Throws<TorchScriptExportException>(() => torchscript.export(extractor, archive.Path)).Message);
        torchscript.export(extractor, archive.Path, [InputShape.Parse("3x4")]);
        using var loaded = archive.Load();
        var input = rand(5, 4);
        Archive.AssertClose(extractor.call(input)["act"], ((torch.Tensor[])loaded.invoke("values", input)).Single());
        Assert.Matches(@"traced with .* > 2 at ExportTests\.cs:[0-9]+; trace again", Assert.ThrowsAny<Exception>(() => loaded.invoke("values", rand(2, 4))).Message);
    }

    private sealed record Outputs(torch.Tensor logits, torch.Tensor? aux);

    private sealed class Recording : Module<torch.Tensor, Outputs>
    {
        internal Recording() : base(nameof(Recording))
        {
        }

        public override Outputs forward(torch.Tensor x) => new(x.view(-1, 2).softmax(0), null);
    }

    [Fact]
    public void A_record_is_a_dictionary_of_its_fields_that_are_not_null()
    {
        using var traced = fx.symbolic_trace(new Recording());
        torchscript.export(traced, archive.Path);
        Assert.EndsWith("return {\"logits\": _values[0]}", Encoding.UTF8.GetString(archive.Entry("code/__torch__.py").Content).TrimEnd());
        using var loaded = archive.Load();
        var input = rand(2, 4);
        Archive.AssertClose(traced.call(input).logits, ((torch.Tensor[])loaded.invoke("values", input)).Single());
    }

    [Fact]
    public void Exporting_leaves_no_tensor_behind()
    {
        using var model = new Branching();
        using var extractor = feature_extraction.create_feature_extractor(Sequential(("inner", model), ("act", ReLU())), ["act"], tracer_kwargs: new TracerKwargs { leaf_modules = [typeof(Branching)] });
        torchscript.export(extractor, archive.Path, [InputShape.Parse("3x4")]);
        // The leaf runs as a copy, and TorchSharp counts an object too many for each parameter that is made.
        Assert.Equal(LiveTensors.Added(() => Made(model.parameters().Count())),
            LiveTensors.Added(() => torchscript.export(extractor, archive.Path, [InputShape.Parse("3x4")])));

        static void Made(int parameters)
        {
            for (var i = 0; i < parameters; i++)
            {
                using var values = rand(1);
                using var parameter = new TorchSharp.Modules.Parameter(values);
            }
        }
    }

    private sealed class Splitting : Module<torch.Tensor, torch.Tensor>
    {
        internal Splitting() : base(nameof(Splitting))
        {
        }

        public override torch.Tensor forward(torch.Tensor x) => x.frexp().Item1;
    }

    [Fact]
    public void An_operation_without_a_form_is_named_with_its_line_and_those_that_have_one()
    {
        using var traced = fx.symbolic_trace(new Splitting());
        var refusal = Assert.Throws<TorchScriptExportException>(() => torchscript.export(traced, archive.Path));
        Assert.Matches(@"^Node 'frexp' \(ExportTests\.cs:[0-9]+\) can't be exported to TorchScript: there is no operation for 'frexp'\. Supported are .*abs, abs_, .*zeros_like\.$", refusal.Message);
        Assert.Equal("frexp", refusal.node.name);
        Assert.False(File.Exists(archive.Path));
    }

    [Fact]
    public void Only_graph_modules_are_exported()
    {
        using var linear = Linear(4, 4);
        Assert.StartsWith("Linear is no graph module: export what fx.symbolic_trace or feature_extraction.create_feature_extractor makes of it.", Assert.Throws<ArgumentException>(() => torchscript.export(linear, archive.Path)).Message);
    }
}
