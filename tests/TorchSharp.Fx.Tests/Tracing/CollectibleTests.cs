using System.Runtime.CompilerServices;
using System.Runtime.Loader;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Tracing;

public sealed class CollectibleTests
{
    /// <summary>Followed through an interface, a struct, a lambda and a span, so that every table of what is known has something of it.</summary>
    public sealed class Plugin : nn.Module<Tensor, Tensor>
    {
        private readonly nn.Module<Tensor, Tensor> inner = new Inner();

        public Plugin() : base(nameof(Plugin)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            IScale scale = new Factor(2);
            var parts = new[] { x, inner.call(x) }.Select(part => part * scale.Value).ToArray();
            return Leaf(cat(parts, 0)).reshape([x.shape[0] * 2, -1]);
        }

        /// <summary>Stays a call in the graph, so that compiled code names a method of the assembly.</summary>
        public static Tensor Leaf(Tensor x) => x + 1;

        private interface IScale
        {
            int Value { get; }
        }

        private readonly record struct Factor(int Value) : IScale;

        private sealed class Inner() : nn.Module<Tensor, Tensor>(nameof(Inner))
        {
            public override Tensor forward(Tensor x) => x.relu();
        }
    }

    [Fact]
    public void An_assembly_that_was_traced_can_be_unloaded()
    {
        var assembly = TracedAndUnloaded();
        // The runtime holds code that it means to compile again, and puts that off while other tests run for the first time.
        for (var i = 0; i < 600 && assembly.IsAlive; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            Thread.Sleep(i < 20 ? 0 : 50);
        }
        Assert.False(assembly.IsAlive, "What is known of a traced module keeps its assembly loaded.");
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static WeakReference TracedAndUnloaded()
    {
        var context = new AssemblyLoadContext(nameof(CollectibleTests), isCollectible: true);
        var type = context.LoadFromAssemblyPath(typeof(Plugin).Assembly.Location).GetType(typeof(Plugin).FullName!)!;
        Assert.NotSame(typeof(Plugin), type);
        using (var module = (nn.Module<Tensor, Tensor>)Activator.CreateInstance(type)!)
        using (var traced = new GraphModule<Tensor, Tensor>(module,
            new Tracer([type.GetMethod(nameof(Plugin.Leaf))!.CreateDelegate<Func<Tensor, Tensor>>()]).trace(module)))
        using (var input = ones(3, 4))
        using (var result = traced.call(input))
            Assert.Equal([6, 4], result.shape);
        context.Unload();
        return new WeakReference(context);
    }
}
