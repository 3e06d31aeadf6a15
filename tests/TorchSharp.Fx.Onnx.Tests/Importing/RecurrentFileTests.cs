using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Tests.Importing;

/// <summary>Recurrent layers that PyTorch exported for sequences of any length give what ONNX Runtime gives.</summary>
public sealed class RecurrentFileTests(RecurrentFiles files) : IClassFixture<RecurrentFiles>
{
    public static TheoryData<string> Names => ["lstm", "lstm1", "gru", "gru1", "gruh", "rnn", "rnnt"];

    [Theory, MemberData(nameof(Names))]
    public void A_sequence_of_any_length_gives_what_ONNX_Runtime_gives(string name)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var path = Path.Combine(files.Folder, name + ".onnx");
        using var module = onnx.load(path);
        var saved = Path.Combine(files.Folder, name + ".fx");
        fx.save(module, saved);
        using var loaded = fx.load(saved);
        foreach (var (one, other) in new[] { (3, 2), (2, 7), (250, 1) })
        {
            torch.Tensor[] inputs = name == "gruh" ? [rand(one, other, 4), rand(1, other, 5)] : [rand(one, other, 4)];
            var expected = OnnxModel.RunFileAll(path, inputs);
            Compare(expected, new GraphInterpreter((IGraphModule)module).run([.. inputs])!, name);
            Compare(expected, new GraphInterpreter((IGraphModule)loaded).run([.. inputs])!, name + " saved");
        }
    }

    private static void Compare(Dictionary<string, torch.Tensor> expected, object result, string name)
    {
        var named = Assert.IsType<Dictionary<string, object>>(result);
        Assert.Equal(expected.Keys, named.Keys);
        foreach (var (key, value) in expected)
            OnnxModel.AssertClose(value, (torch.Tensor)named[key], $"{name}'s {key}");
    }
}

/// <summary>Recurrent layers as PyTorch 2.6 exported them.</summary>
public sealed class RecurrentFiles() : Unpacked("onnx-recurrent.zip");
