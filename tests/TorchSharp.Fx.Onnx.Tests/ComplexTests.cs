using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Onnx.Tests;

/// <summary>Complex numbers at the borders: weights, inputs, outputs, leaves, state, writes.</summary>
public sealed class ComplexTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();
    private readonly OnnxModel exported = new();

    public void Dispose()
    {
        exported.Dispose();
        scope.Dispose();
    }

    [Fact]
    public void Rotations_kept_as_a_buffer_of_complex_numbers_become_two_tensors_and_load_again()
    {
        using var model = new Rotated();
        using var x = randn(2, 5, 8);
        using var traced = fx.symbolic_trace(model);
        traced.eval();
        onnx.export(traced, exported.Path, [InputShape.Parse("NxTx8")]);
        using var loaded = onnx.load<GraphModule<torch.Tensor, torch.Tensor>>(exported.Path);
        foreach (var given in new[] { x, randn(3, 7, 8) })
        {
            OnnxModel.AssertClose(model.call(given), exported.Run(given)["output"], "rotated");
            OnnxModel.AssertClose(model.call(given), loaded.call(given), "loaded");
        }
        Assert.Equal(["turns.imag", "turns.real"], loaded.named_parameters().Select(entry => entry.name).Where(name => name.StartsWith("turns", StringComparison.Ordinal)).Order());
    }

    [Fact]
    public void A_feature_and_an_input_of_complex_numbers_are_pairs()
    {
        using var z = randn(3, 4, complex64);
        using var traced = fx.symbolic_trace((torch.Tensor z, torch.Tensor x) => (z * x, z.abs()), example_inputs: [z, randn(4)]);
        onnx.export(traced, exported.Path, [z, randn(4)]);
        using var x = randn(4);
        var results = exported.Run(view_as_real(z), x);
        OnnxModel.AssertClose(view_as_real(z * x), results["output_0"], "the product");
        OnnxModel.AssertClose(z.abs(), results["output_1"], "the distance");
    }

    [Fact]
    public void A_leaf_takes_and_gives_complex_numbers()
    {
        using var model = new Outer();
        using var x = randn(2, 8);
        model.eval();
        using var extractor = feature_extraction.create_feature_extractor(model, ["spectrum", "abs"], tracer_kwargs: new() { leaf_modules = [typeof(Spectrum)] });
        onnx.export(extractor, exported.Path, [x]);
        var features = exported.Run(x);
        OnnxModel.AssertClose(model.call(x), features["abs"], "behind a leaf");
        OnnxModel.AssertClose(view_as_real(extractor.call(x)["spectrum"]), features["spectrum"], "the leaf");
    }

    [Theory]
    [InlineData(true, "writes to complex numbers in place")]
    [InlineData(false, "is a view of")]
    public void Writing_in_place_is_refused(bool ofComplex, string says)
    {
        using var traced = fx.symbolic_trace((torch.Tensor x) =>
        {
            var y = x + 1;
            var z = y.view_as_complex();
            if (ofComplex)
                z.mul_(2);
            else
                y.mul_(2);
            return view_as_real(z);
        });
        Assert.Contains(says, Assert.Throws<OnnxExportException>(() => onnx.export(traced, exported.Path, [randn(3, 2)])).Message, StringComparison.Ordinal);
    }

    public static TheoryData<string> Refused => ["padded with a number", "to the power of a tensor", "written to through the real parts"];

    [Theory, MemberData(nameof(Refused))]
    public void What_would_be_another_number_is_refused(string kind)
    {
        using var traced = fx.symbolic_trace<torch.Tensor, torch.Tensor>(kind switch
        {
            "padded with a number" => x => nn.functional.pad(x.view_as_complex(), [1, 1], value: 3).abs(),
            "to the power of a tensor" => x => x.view_as_complex().pow(x.sum(-1)).abs(),
            _ => x =>
            {
                var z = x.view_as_complex() * 2;
                z.real.add_(1);
                return z.abs();
            },
        });
        Assert.Throws<OnnxExportException>(() => onnx.export(traced, exported.Path, [randn(3, 2)]));
    }

    [Fact]
    public void What_has_no_form_for_complex_numbers_says_so()
    {
        using var traced = fx.symbolic_trace((torch.Tensor x) => x.view_as_complex().tanh().abs());
        Assert.Contains("no converter for 'tanh' of complex numbers", Assert.Throws<OnnxExportException>(() => onnx.export(traced, exported.Path, [randn(3, 2)])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Numbers_whose_count_data_decides_are_refused_with_what_to_do()
    {
        using var traced = fx.symbolic_trace((torch.Tensor x) => x.bincount(null, 2), example_inputs: [tensor(new[] { 1L, 5L })]);
        Assert.Contains("minlength", Assert.Throws<OnnxExportException>(() => onnx.export(traced, exported.Path, [tensor(new[] { 1L, 5L })])).Message, StringComparison.Ordinal);
    }

    private sealed class Rotated : Module<torch.Tensor, torch.Tensor>
    {
        private readonly TorchSharp.Modules.Linear q = Linear(8, 8);

        public Rotated()
            : base("Rotated")
        {
            register_buffer("turns", polar(ones(16, 4), arange(16).unsqueeze(1).to(float32) * tensor(new[] { 1f, 0.3f, 0.1f, 0.03f })));
            RegisterComponents();
        }

        public override torch.Tensor forward(torch.Tensor x)
        {
            var pairs = q.call(x).reshape(x.shape[0], x.shape[1], -1, 2).view_as_complex();
            return view_as_real(pairs * get_buffer("turns")![..(int)x.shape[1]]).flatten(2);
        }
    }

    private sealed class Outer : Module<torch.Tensor, torch.Tensor>
    {
        private readonly Spectrum spectrum = new();

        public Outer()
            : base("Outer") => RegisterComponents();

        public override torch.Tensor forward(torch.Tensor x) => spectrum.call(fft.rfft(x)).abs();
    }

    private sealed class Spectrum() : Module<torch.Tensor, torch.Tensor>("Spectrum")
    {
        public override torch.Tensor forward(torch.Tensor z) => z * z.conj() + z;
    }
}
