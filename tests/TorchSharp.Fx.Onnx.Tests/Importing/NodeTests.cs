using TorchSharp.Fx.Onnx.Format;
using TorchSharp.Fx.Onnx.Importing;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Tests.Importing;

/// <summary>ONNX's own tests of its operators: a model each, with inputs and the outputs that it must give.</summary>
public sealed class NodeTests
{
    [Fact]
    public void All()
    {
        var root = "/usr/share/libonnx-testdata/data";
        var (passed, failed) = (0, new List<string>());
        foreach (var folder in new[] { "node", "pytorch-converted", "pytorch-operator", "simple" }.SelectMany(kind => Directory.GetDirectories(Path.Combine(root, kind))).Order())
            try
            {
                if (Environment.GetEnvironmentVariable("ONLY") is { } only && !folder.Contains(only, StringComparison.Ordinal)) continue;
                Run(folder);
                passed++;
            }
            catch (Exception error)
            {
                failed.Add($"{Path.GetFileName(folder)}: {error.GetType().Name} {error.Message.Replace(folder, "").Split("Supported are")[0].Replace('\n', ' ')}".Substring(0, Math.Min(300, $"{Path.GetFileName(folder)}: {error.GetType().Name} {error.Message.Replace(folder, "").Split("Supported are")[0].Replace('\n', ' ')}".Length)) + (Environment.GetEnvironmentVariable("ONLY") is null ? "" : error.ToString()));
            }
        File.WriteAllLines("/tmp/x/nodes.txt", failed.Prepend($"{passed} passed, {failed.Count} failed"));
    }

    private static void Run(string folder)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var module = onnx.load(Path.Combine(folder, "model.onnx"));
        foreach (var set in Directory.GetDirectories(folder, "test_data_set_*"))
        {
            var inputs = Tensors(set, "input");
            var expected = Tensors(set, "output");
            var result = new GraphInterpreter((IGraphModule)module).run([.. inputs]);
            var compiled = ((IGraphModule)module).Program.Run([.. inputs]);
            Same(expected, result);
            Same(expected, compiled);
        }
    }

    private static torch.Tensor[] Tensors(string folder, string kind)
        => [.. Enumerable.Range(0, 99).Select(i => Path.Combine(folder, $"{kind}_{i}.pb")).TakeWhile(File.Exists).Select(path => Elements.Read(TensorProto.Parser.ParseFrom(File.ReadAllBytes(path)), null))];

    private static void Same(torch.Tensor[] expected, object? result)
    {
        torch.Tensor[] actual = result switch
        {
            torch.Tensor one => [one],
            Features features => [.. features.Keys.Select(key => features[key])],
            System.Collections.IDictionary dictionary => [.. dictionary.Values.Cast<torch.Tensor>()],
            _ => throw new InvalidOperationException($"{result}"),
        };
        Assert.Equal(expected.Length, actual.Length);
        foreach (var (a, b) in expected.Zip(actual))
        {
            Assert.Equal((a.dtype, string.Join('x', a.shape)), (b.dtype, string.Join('x', b.shape)));
            if (a.numel() == 0) continue;
            var (x, y) = (a.to(float64), b.to(float64));
            Assert.True(allclose(x, y, 1e-3, 1e-5, equal_nan: true), $"{x.sub(y).abs().max().item<double>()} apart: {y.flatten()[..Math.Min(8, (int)y.numel())].str()} for {x.flatten()[..Math.Min(8, (int)x.numel())].str()}");
        }
    }
}
