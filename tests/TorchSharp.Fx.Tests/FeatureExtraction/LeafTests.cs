using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx
{
    /// <summary>The mark of a leaf, as any library may define it for itself.</summary>
    [AttributeUsage(AttributeTargets.Class | AttributeTargets.Method)]
    internal sealed class FxLeafAttribute : Attribute;
}

namespace TorchSharp.Fx.Tests.FeatureExtraction
{
    /// <summary>Modules and functions that become one node. Mirrors torchvision's test_leaf_module_and_function.</summary>
    public sealed class LeafTests
    {
        internal static Tensor LeafFunction(Tensor x) => x.shape[1] == 3 ? x + 1 : x;

        private class LeafModule() : Module<Tensor, Tensor>(nameof(LeafModule))
        {
            // A trace can't follow it: it branches on a number that depends on the input.
            public override Tensor forward(Tensor x) => x.shape[2] == 3 ? x + 1 : x;
        }

        private sealed class DerivedLeaf : LeafModule;

        private class LeafOf<T>() : Module<Tensor, Tensor>(nameof(LeafOf<>))
        {
            public override Tensor forward(Tensor x) => x.shape[2] == 3 ? x + 1 : x;
        }

        private sealed class DerivedLeafOfInt : LeafOf<int>;

        [FxLeaf]
        private class MarkedModule() : Module<Tensor, Tensor>(nameof(MarkedModule))
        {
            public override Tensor forward(Tensor x) => x.shape[2] == 3 ? x + 1 : x;
        }

        private sealed class DerivedMarkedModule : MarkedModule;

        private static class Ops
        {
            [FxLeaf]
            internal static Tensor marked(Tensor x) => x.shape[1] == 3 ? x + 1 : x;
        }

        [FxLeaf]
        private static class MarkedOps
        {
            internal static Tensor of_class(Tensor x) => x.shape[1] == 3 ? x + 1 : x;
        }

        private sealed class TestModule : Module<Tensor, Tensor>
        {
            private readonly Module<Tensor, Tensor> leaf_module;
            private readonly Func<Tensor, Tensor> function;

            internal TestModule(Module<Tensor, Tensor> leaf, Func<Tensor, Tensor> function) : base(nameof(TestModule))
            {
                (leaf_module, this.function) = (leaf, function);
                RegisterComponents();
            }

            public override Tensor forward(Tensor x) => leaf_module.call(function(x)) + 1;
        }

        [Fact]
        public void Listed_ones()
        {
            var extractor = Assert_traces_to("x leaf_function leaf_module add", new LeafModule(), LeafFunction, new() { leaf_modules = [typeof(LeafModule)], autowrap_functions = [LeafFunction] });
            foreach (var size in new[] { 2, 3 })
            {
                using var features = extractor.call(zeros(1, size, size));
                Assert.Equal(size == 3 ? 2f : 0f, features["leaf_module"].max().item<float>());
            }
        }

        [Fact]
        public void Subclasses_of_a_listed_one()
            => Assert_traces_to("x leaf_function leaf_module add", new DerivedLeaf(), LeafFunction, new() { leaf_modules = [typeof(LeafModule)], autowrap_functions = [LeafFunction] });

        [Fact]
        public void Whatever_an_open_generic_type_can_be_closed_to()
        {
            TracerKwargs kwargs = new() { leaf_modules = [typeof(LeafOf<>)], autowrap_functions = [LeafFunction] };
            Assert_traces_to("x leaf_function leaf_module add", new LeafOf<string>(), LeafFunction, kwargs);
            Assert_traces_to("x leaf_function leaf_module add", new DerivedLeafOfInt(), LeafFunction, kwargs);
            Assert.Equal([typeof(LeafOf<>)], kwargs.leaf_modules);
            Assert.Equal([LeafFunction], kwargs.autowrap_functions);
        }

        [Fact]
        public void What_carries_the_mark_by_its_name()
        {
            Assert_traces_to("x marked leaf_module add", new MarkedModule(), Ops.marked, null);
            Assert_traces_to("x of_class leaf_module add", new DerivedMarkedModule(), MarkedOps.of_class, null);
        }

        [Fact]
        public void Plain_tracing_knows_no_marks()
            => Assert.StartsWith("FX001", Assert.Throws<TraceException>(() => fx.symbolic_trace(new TestModule(new MarkedModule(), Ops.marked))).Message, StringComparison.Ordinal);

        [Fact]
        public void Anything_else_is_followed_and_refused_here()
        {
            var error = Assert.Throws<TraceException>(() => feature_extraction.get_graph_node_names(new TestModule(new LeafModule(), Ops.marked)));
            Assert.Contains("leaf_module", error.Message, StringComparison.Ordinal);
        }

        private static DualGraphModule<Tensor> Assert_traces_to(string names, Module<Tensor, Tensor> leaf, Func<Tensor, Tensor> function, TracerKwargs? kwargs)
        {
            var model = new TestModule(leaf, function);
            Assert.Equal(names, string.Join(' ', feature_extraction.get_graph_node_names(model, kwargs).eval_nodes));
            return feature_extraction.create_feature_extractor(model, ["leaf_module"], tracer_kwargs: kwargs);
        }
    }
}
