using TorchSharp.Fx.Testing;
using Xunit;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Vision.Tests;

/// <summary>Loading a file into a model: all of it or nothing.</summary>
public sealed class LoadWeightsTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();
    private readonly string file = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.safetensors");

    public void Dispose()
    {
        scope.Dispose();
        File.Delete(file);
    }

    [Fact]
    public void Model_computes_what_the_saved_one_computes()
    {
        var saved = DeterministicWeights.Fill(models.resnet18(num_classes: 10));
        Safetensors.save_file(saved.state_dict(), file);
        var loaded = models.resnet18(num_classes: 10).load_weights(file);
        saved.eval();
        loaded.eval();
        var x = torch.rand(1, 3, 64, 64);
        Assert.True(saved.call(x).Equals(loaded.call(x)));
    }

    [Fact]
    public void Types_are_converted()
    {
        Safetensors.save_file(new Dictionary<string, Tensor> { ["weight"] = torch.full([1, 2], 0.5, dtype: ScalarType.Float16), ["bias"] = torch.full([1], 2, dtype: ScalarType.Int64) }, file);
        var linear = Linear(2, 1).load_weights(file);
        Assert.Equal([0.5f, 0.5f], linear.weight!.data<float>().ToArray());
        Assert.Equal(2, linear.bias!.item<float>());
    }

    [Fact]
    public void What_does_not_fit_is_named_and_nothing_is_changed()
    {
        Safetensors.save_file(new Dictionary<string, Tensor> { ["weight"] = torch.zeros(1, 2), ["bias"] = torch.zeros(3), ["extra"] = torch.zeros(1) }, file);
        var model = Sequential(("fc", Linear(2, 1)));
        var error = Assert.Throws<IncompatibleWeightsException>(() => model.load_weights(file));
        Assert.Equal($"{file} does not fit the model, which is unchanged: missing: fc.weight, fc.bias; unexpected: bias, extra, weight.", error.Message);

        var linear = Linear(2, 1);
        var before = linear.weight!.data<float>().ToArray();
        error = Assert.Throws<IncompatibleWeightsException>(() => linear.load_weights(file));
        Assert.Equal($"{file} does not fit the model, which is unchanged: unexpected: extra; of another shape: bias (file [3], model [1]).", error.Message);
        Assert.Equal(before, linear.weight.data<float>().ToArray());
    }

    [Fact]
    public void Only_the_first_few_of_many_are_named()
    {
        Safetensors.save_file(new Dictionary<string, Tensor>(), file);
        var error = Assert.Throws<IncompatibleWeightsException>(() => models.resnet18().load_weights(file));
        Assert.EndsWith("and 114 more.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Safetensors_whose_header_has_a_length_that_looks_like_a_pickle_is_read()
    {
        // Pickles begin with 0x80, and so does this file.
        for (var padding = ""; !File.Exists(file) || File.ReadAllBytes(file)[0] != 0x80; padding += ".")
            Safetensors.save_file(new Dictionary<string, Tensor> { ["weight"] = torch.full([1, 2], 7f), ["bias"] = torch.zeros(1) }, file, new Dictionary<string, string> { ["padding"] = padding });
        Assert.Equal([7f, 7f], Linear(2, 1).load_weights(file).weight!.data<float>().ToArray());
    }

    [Fact]
    public void Model_without_memory_is_refused()
    {
        Safetensors.save_file(new Dictionary<string, Tensor>(), file);
        var error = Assert.Throws<InvalidOperationException>(() => models.resnet18(device: META).load_weights(file));
        Assert.Equal("'conv1.weight' is on the meta device and has no memory; build the model on another device before loading weights.", error.Message);
    }
}
