using System.Text.Json.Nodes;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Runtime.Saving;

/// <summary>A saved graph in a temporary file, and its JSON to tamper with.</summary>
internal sealed class SavedFile : IDisposable
{
    internal string Path { get; } = System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"{Guid.NewGuid():N}.safetensors");

    public void Dispose() => File.Delete(Path);

    /// <summary>Saves a module's graph and loads it again.</summary>
    internal nn.Module Through(nn.Module graph_module, params Type[] allowed)
    {
        fx.save(graph_module, Path, allowed);
        return fx.load(Path, allowed);
    }

    /// <summary>Changes the graph's JSON, and the tensors beside it.</summary>
    internal void Tamper(Action<JsonNode> change, Action<Dictionary<string, Tensor>>? tensors = null)
    {
        var json = JsonNode.Parse(Safetensors.metadata(Path)["torchsharp.fx"])!;
        change(json);
        var stored = Safetensors.load_file(Path);
        tensors?.Invoke(stored);
        Safetensors.save_file(stored, Path, new Dictionary<string, string> { ["torchsharp.fx"] = json.ToJsonString() });
    }

    /// <summary>Fails unless the file is refused with just this sentence.</summary>
    internal void AssertRefused(string sentence) => Assert.Equal($"{Path} {sentence}", Assert.Throws<InvalidDataException>(() => fx.load(Path)).Message);
}
