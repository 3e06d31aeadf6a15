using static TorchSharp.torch;

namespace TorchSharp.Fx.Bench;

/// <summary>Writes tensors as <c>torch.save(model.state_dict(), path)</c> does.</summary>
internal static class PthWriter
{
    internal static void Write(string path, IReadOnlyDictionary<string, Tensor> tensors)
    {
        using var file = File.Create(path);
        var archive = new TorchArchive(file, "archive");
        archive.Add("data", pickle => pickle.Dictionary(() =>
        {
            foreach (var (name, tensor) in tensors)
            {
                pickle.Text(name);
                pickle.Tensor(tensor);
            }
        }));
        archive.Finish();
    }
}
