using System.Security.Cryptography;
using System.Text;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Data;

/// <summary>Identifies a set of weights, independent of the file they came from.</summary>
public static class WeightsHash
{
    /// <summary>The SHA-256 of the names, types, shapes and elements of a module's state, in lower-case hexadecimal digits.</summary>
    public static string Of(nn.Module module)
    {
        ArgumentNullException.ThrowIfNull(module);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (name, tensor) in module.state_dict().OrderBy(entry => entry.Key, StringComparer.Ordinal))
        {
            using var scope = NewDisposeScope();
            hash.AppendData(Encoding.UTF8.GetBytes($"{name} {tensor.dtype} [{string.Join(", ", tensor.shape)}]\n"));
            if (tensor.numel() > 0)
                hash.AppendData(tensor.detach().cpu().contiguous().bytes);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
