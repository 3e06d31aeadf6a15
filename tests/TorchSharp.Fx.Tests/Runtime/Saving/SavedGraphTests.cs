using System.Reflection;
using TorchSharp.Fx.Tests.Tracing;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Runtime.Saving;

/// <summary>Graphs with every kind of nodes and arguments come back as they were, with their tensors.</summary>
[Collection("Tensor counts")]
public sealed class SavedGraphTests : IDisposable
{
    private readonly SavedFile file = new();
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose()
    {
        scope.Dispose();
        file.Dispose();
    }

    private sealed class Everything : Module<Tensor, (Tensor, Dictionary<string, Tensor>, List<Tensor>)>
    {
        private readonly Tensor unregistered = rand(4);
        private readonly Parameter scale = new(rand(4));

        internal Everything() : base(nameof(Everything)) => RegisterComponents();

        public override (Tensor, Dictionary<string, Tensor>, List<Tensor>) forward(Tensor x)
        {
            var half = x.shape[1] / 2;
            if (half < 1)
                throw new ArgumentException("too 'narrow'\n");
            var pieces = new List<Tensor> { x[.., ..1], x[TensorIndex.Ellipsis, TensorIndex.Slice(null, null, 2)] };
            var sum = cat(pieces, 1).sum(dim: [1], keepdim: true, type: float64).to(float32, CPU);
            var grown = x.reshape(-1, (int)half, 2) * scale.mean() + unregistered.sum() + rand_like(x).sum() * 0;
            var scalar = (x * 0.5f).add(1, alpha: 2).clamp(double.NegativeInfinity, 1e-5);
            return (sum, new() { ["grown"] = grown, ["scalar"] = scalar }, [einsum("ij,kj->ik", x, x), x.nan_to_num(0)]);
        }
    }

    [Fact]
    public void Every_kind_of_argument_comes_back()
    {
        using var traced = fx.symbolic_trace(new Everything());
        using var loaded = Assert.IsType<GraphModule<Tensor, (Tensor, Dictionary<string, Tensor>, List<Tensor>)>>(file.Through(traced));
        Assert.Equal(traced.graph.ToString(), loaded.graph.ToString());
        Assert.Equal(traced.graph.nodes.Select(node => node.origin?.ToString()), loaded.graph.nodes.Select(node => node.origin?.ToString()));
        Assert.Equal(traced.graph.nodes.Select(node => node.type), loaded.graph.nodes.Select(node => node.type));
        Traced.Same(traced.call(Traced.Sample(1, 3, 4)), loaded.call(Traced.Sample(1, 3, 4)));
        var refusal = Assert.Throws<GraphAssertionException>(() => loaded.call(rand(3, 1)));
        Assert.Equal(Assert.Throws<GraphAssertionException>(() => traced.call(rand(3, 1))).Message, refusal.Message);
    }

    internal sealed record Pair(Tensor Left, Tensor Right);

    private sealed class Records : Module<Tensor, Pair>
    {
        internal Records() : base(nameof(Records))
        {
        }

        public override Pair forward(Tensor x) => new(x + 1, x - 1);
    }

    [Fact]
    public void A_type_of_the_users_own_has_to_be_allowed_on_both_sides()
    {
        using var traced = fx.symbolic_trace(new Records());
        Assert.Equal($"Node 'output' (made by hand) can't be saved: it needs the type {typeof(Pair).FullName}, which not every process has that loads the file: give the type in allowed_types, here and when the file is loaded.", Assert.Throws<NotSupportedException>(() => fx.save(traced, file.Path)).Message);
        using var loaded = (GraphModule<Tensor, Pair>)file.Through(traced, typeof(Pair));
        Assert.Equal(traced.call(ones(2)).Left, loaded.call(ones(2)).Left);
        file.AssertRefused($"can't be loaded: node 'output' is wrong: the type '{typeof(Pair).FullName}' is neither data nor TorchSharp's, so it has to be among the allowed_types of the call that loads the file.");
    }

    public static class Functions
    {
        public static Tensor Twice(Tensor x) => x * 2;
    }

    private sealed class WithFunction : Module<Tensor, Tensor>
    {
        internal WithFunction() : base(nameof(WithFunction))
        {
        }

        public override Tensor forward(Tensor x) => Functions.Twice(x);
    }

    [Fact]
    public void A_leaf_function_has_to_be_allowed_on_both_sides()
    {
        using var extractor = feature_extraction.create_feature_extractor(new WithFunction(), ["twice"], tracer_kwargs: new() { autowrap_functions = [Functions.Twice] });
        var refusal = Assert.Throws<NotSupportedException>(() => fx.save(extractor, file.Path)).Message;
        Assert.StartsWith("Node 'twice' (SavedGraphTests.cs:", refusal);
        Assert.EndsWith($") can't be saved: it calls {typeof(Functions).FullName}.Twice, which is no operation of TorchSharp: give Functions in allowed_types, here and when the file is loaded.", refusal);
        using var loaded = (DualGraphModule<Tensor>)file.Through(extractor, typeof(Functions));
        Assert.Equal(2, loaded.call(ones(1))["twice"].item<float>());
        Assert.Throws<InvalidDataException>(() => fx.load(file.Path));
    }

    private sealed class Tied : Module<Tensor, Tensor>
    {
        private readonly Linear encoder = Linear(4, 4, hasBias: false);
        private readonly Linear decoder = Linear(4, 4, hasBias: false);

        internal Tied() : base(nameof(Tied))
        {
            RegisterComponents();
            decoder.weight = encoder.weight;
        }

        public override Tensor forward(Tensor x) => decoder.call(encoder.call(x));
    }

    [Fact]
    public void Tied_parameters_stay_tied_and_are_stored_once()
    {
        using var traced = fx.symbolic_trace(new Tied());
        using var loaded = (GraphModule<Tensor, Tensor>)file.Through(traced);
        Assert.Equal(["encoder.weight"], Safetensors.list(file.Path).Select(entry => entry.name));
        Assert.Same(((Linear)loaded.named_modules().Single(entry => entry.name == "encoder").module).weight, ((Linear)loaded.named_modules().Single(entry => entry.name == "decoder").module).weight);
        Traced.Same(traced.call(ones(1, 4)), loaded.call(ones(1, 4)));
    }

    [Fact]
    public void A_leaf_of_the_users_own_becomes_its_graphs()
    {
        var kwargs = new TracerKwargs { leaf_modules = [typeof(Block)] };
        using var extractor = feature_extraction.create_feature_extractor(new Small(), ["block", "head"], tracer_kwargs: kwargs);
        using var loaded = (DualGraphModule<Tensor>)file.Through(extractor);
        Assert.Equal(extractor.eval_graph.ToString(), loaded.eval_graph.ToString());
        Assert.Equal(extractor.state_dict().Keys, loaded.state_dict().Keys);
        foreach (var training in new[] { true, false })
        {
            extractor.train(training);
            loaded.train(training);
            manual_seed(1);
            var expected = extractor.call(Traced.Sample(1, 3, 6));
            manual_seed(1);
            var actual = loaded.call(Traced.Sample(1, 3, 6));
            Traced.Same(expected["head"], actual["head"]);
            Traced.Same(expected["block"], actual["block"]);
        }
        // A loaded module is one like any other: it saves again, and can be cut.
        using var again = (DualGraphModule<Tensor>)file.Through(loaded);
        using var cut = feature_extraction.create_feature_extractor(again, ["block"], suppress_diff_warning: true);
        Traced.Same(loaded.call(Traced.Sample(1, 3, 6))["block"], cut.call(Traced.Sample(1, 3, 6))["block"]);
    }

    [Fact]
    public void Gradients_flow_into_what_was_loaded()
    {
        using var traced = fx.symbolic_trace(new Small());
        using var loaded = (GraphModule<Tensor, Tensor>)file.Through(traced);
        loaded.call(Traced.Sample(1, 3, 6)).sum().backward();
        Assert.All(loaded.parameters(), parameter => Assert.NotNull(parameter.grad));
    }

    [Fact]
    public void Only_graph_modules_are_saved()
        => Assert.StartsWith("Linear is no graph module: save what fx.symbolic_trace or feature_extraction.create_feature_extractor makes of it.", Assert.Throws<ArgumentException>(() => fx.save(Linear(2, 2), file.Path)).Message);

    /// <summary>This project refers to neither package.</summary>
    [Theory]
    [InlineData("model.onnx", "no mark", "an ONNX model", "TorchSharp.Fx.Onnx")]
    [InlineData("model.pt2", "", "a program that PyTorch exported", "TorchSharp.Fx.Export")]
    [InlineData("model", "PK\u0003\u0004 an archive", "a program that PyTorch exported", "TorchSharp.Fx.Export")]
    public void A_file_of_another_format_names_the_package_that_reads_it(string name, string text, string content, string package)
    {
        var path = $"{file.Path}.{name}";
        File.WriteAllText(path, text);
        Assert.Equal($"{path} is {content}, which fx.load reads with the package {package}: add it to the project.", Assert.Throws<NotSupportedException>(() => fx.load(path)).Message);
        File.Delete(path);
    }

    [Fact]
    public void A_file_of_another_type_of_module_is_told()
    {
        using var traced = fx.symbolic_trace(new Small());
        fx.save(traced, file.Path);
        Assert.Equal($"{file.Path} holds a GraphModule<Tensor, Tensor>, not a DualGraphModule<Tensor>.", Assert.Throws<InvalidDataException>(() => fx.load<DualGraphModule<Tensor>>(file.Path)).Message);
    }

    /// <summary>What a file may call: nothing that disposes, reads or writes files, or gives out memory.</summary>
    [Theory]
    [InlineData(typeof(torch), "load")]
    [InlineData(typeof(torch), "from_file")]
    [InlineData(typeof(Tensor), "Load")]
    [InlineData(typeof(Tensor), "save")]
    [InlineData(typeof(Tensor), "Dispose")]
    [InlineData(typeof(Tensor), "UnsafeCreateTensor")]
    [InlineData(typeof(hub), "download_url_to_file_async")]
    [InlineData(typeof(jit), "load")]
    [InlineData(typeof(jit), "compile")]
    [InlineData(typeof(export), "load")]
    [InlineData(typeof(nn), "Linear")]
    [InlineData(typeof(optim), "SGD")]
    [InlineData(typeof(File), "Delete")]
    [InlineData(typeof(Activator), "CreateInstance")]
    public void No_file_may_call(Type type, string name)
    {
        var methods = type.GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.Instance).Where(method => method.Name == name).ToArray();
        Assert.NotEmpty(methods);
        Assert.DoesNotContain(methods, Fx.Tracing.TensorOperations.IsOperation);
    }
}
