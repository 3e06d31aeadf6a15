using System.Diagnostics;
using System.Reflection;
using TorchSharp.Fx.Tests.Tracing;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Parity;

/// <summary>A graph module as a project of its own.</summary>
[Collection(nameof(FeatureExtraction.Alone))] // what native modules are set to is told from random draws
public sealed class FolderTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("torchfx-folder-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private sealed class Net : Module<Tensor, Tensor>
    {
        private readonly Sequential features = Sequential(
            ("0", Conv2d(3, 8, (3, 5), stride: (2, 1), padding: (1, 2), bias: false)), ("1", BatchNorm2d(8, momentum: 0.2)), ("2", ReLU(inplace: true)), ("3", MaxPool2d(2)), ("4", Conv2d(8, 8, 3, padding: Padding.Same, groups: 2)), ("5", Conv2d(8, 8, 1)));

        private readonly AdaptiveAvgPool2d pool = AdaptiveAvgPool2d(1);
        private readonly Dropout drop = Dropout(0.3);
        private readonly Linear @class = Linear(8, 4);
        private readonly Parameter scale = new(rand(4));

        public Net() : base(nameof(Net))
        {
            register_buffer("offset", rand(4));
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            x = pool.call(features.call(x)).flatten(1);
            x = x.reshape(x.shape[0], -1)[.., TensorIndex.Slice(null, null, 1)] + full([8], 0.5);
            return @class.call(drop.call(x)) * scale + get_buffer("offset")!;
        }
    }

#if !OPTIMIZED_IL
    [Fact]
    public void The_project_builds_and_gives_the_same_results()
    {
        using var model = new Net();
        using var input = randn(2, 3, 16, 16);
        model.call(input).Dispose();
        model.eval();
        using var module = fx.symbolic_trace(model);
        module.to_folder(folder, "Exported");
        Build();
        var type = Assembly.LoadFrom(Path.Combine(folder, "out", "Exported.dll")).GetType("Exported")!;
        using var exported = (Module<Tensor, Tensor>)Activator.CreateInstance(type, [null])!;
        Assert.False(exported.training);
        Traced.Same(module.call(input), exported.call(input));
        Assert.Equal(model.state_dict().Count, exported.state_dict().Count(entry => !entry.Key.StartsWith("_tensor_constant", StringComparison.Ordinal)));
    }

    private void Build()
    {
        var start = new ProcessStartInfo("dotnet", ["build", "-v", "q", "-nologo", "-o", Path.Combine(folder, "out")]) { WorkingDirectory = folder, RedirectStandardOutput = true };
        // What this process was started with is about another project.
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)).ToArray())
            start.Environment.Remove(name);
        using var build = Process.Start(start)!;
        var output = build.StandardOutput.ReadToEnd();
        build.WaitForExit();
        Assert.True(build.ExitCode == 0, output);
    }
#endif

    [Fact]
    public void Every_module_written_in_CSharp_has_an_expression_with_its_settings()
    {
        (nn.Module Module, string Expression)[] modules =
        [
            (Conv2d(3, 8, (3, 5), stride: (2, 1)), "nn.Conv2d(3, 8, (3, 5), (2, 1), (0, 0), (1, 1))"),
            (Linear(3, 8, hasBias: false, dtype: ScalarType.Float64), "nn.Linear(3, 8, false, dtype: ScalarType.Float64)"),
            (LayerNorm([4, 5], eps: 1e-6), "nn.LayerNorm([4, 5], 1E-06)"),
            (GroupNorm(2, 6), "nn.GroupNorm(2, 6)"),
            (MaxPool2d(3, stride: 2, ceil_mode: true), "nn.MaxPool2d(3, 2, 0, 1, true)"),
            (Hardtanh(0, 6), "nn.Hardtanh(0.0, 6.0)"),
            (Upsample(scale_factor: [2.0, 2.0], mode: UpsampleMode.Bilinear, align_corners: false), "nn.Upsample(scale_factor: [2.0, 2.0], mode: UpsampleMode.Bilinear, align_corners: false)"),
            (Embedding(10, 4, padding_idx: 1),
                "nn.Embedding(num_embeddings: 10, embedding_dims: 4, padding_idx: 1, max_norm: null, norm_type: 2.0, scale_grad_by_freq: false, sparse: false)"),
            (RNNCell(3, 4, NonLinearities.ReLU), "nn.RNNCell(inputSize: 3, hiddenSize: 4, nonLinearity: nn.NonLinearities.ReLU, bias: true)"),
            (TransformerEncoder(TransformerEncoderLayer(8, 2, 16, 0.5, Activations.GELU), 3),
                "nn.TransformerEncoder(nn.TransformerEncoderLayer(d_model: 8, nhead: 2, dim_feedforward: 16, dropout: 0.5, activation: nn.Activations.GELU), num_layers: 3)"),
        ];
        foreach (var (module, expression) in modules)
            Assert.Equal(expression, ModuleExpression.Of(module));
    }

    private static Tensor Own(Tensor x) => x * 2;

    [Fact]
    public void What_a_project_of_its_own_can_not_have_is_refused_by_name()
    {
        using var own = new GraphModule<Tensor, Tensor>(new Runtime.Nothing(), new Tracer([Own]).trace((Tensor x) => Own(x)));
        Assert.Equal(
            "Node 'own' calls Own, a function of the program's own, which a project of its own doesn't have. Trace it without listing that as a leaf function.",
            Assert.Throws<NotSupportedException>(() => own.to_folder(folder)).Message);
        Assert.StartsWith("'class' can't be the name of a class.", Assert.Throws<ArgumentException>(() => own.to_folder(folder, "class")).Message);
        Assert.Empty(Directory.EnumerateFiles(folder));
    }
}
