using System.Diagnostics;
namespace TorchSharp.Fx.Onnx.Tests.Importing;
public sealed class TmpTests(PyTorchFiles files) : IClassFixture<PyTorchFiles>
{
    [Fact] public void Time()
    {
        var text = "";
        foreach (var name in new[] { "tv_mobilenet_v2", "tv_mobilenet_v2", "tv_vit", "tv_vit", "tv_convnext", "tv_convnext" })
        {
            var w = Stopwatch.StartNew();
            using var m = onnx.load(files.Path(name));
            var a = w.ElapsedMilliseconds; w.Restart();
            using var _ = torch.no_grad();
            PyTorchFileTests.Run(m, files.Sets(name).First().Inputs).Dispose();
            text += $"{name} load {a} first run {w.ElapsedMilliseconds} nodes {((IGraphModule)m).graph.Count}\n";
        }
        using var v = onnx.load(files.Path("tv_vit"));
        File.WriteAllText("/tmp/x/vit.txt", text + ((IGraphModule)v).graph + "\n" + string.Join("\n", feature_extraction.get_graph_node_names(v).eval_nodes) + "\n" + string.Join("\n", v.state_dict().Keys));
    }
}
