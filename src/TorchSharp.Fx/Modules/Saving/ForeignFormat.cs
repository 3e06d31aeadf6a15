using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Modules;

/// <summary>A kind of file that holds a model and that a package above this one reads; <c>docs/decisions/saving.md</c> says why it is
/// found by name.</summary>
/// <param name="Content">What such a file is.</param>
/// <param name="Package">The package, and its assembly.</param>
/// <param name="Reader">The class whose <c>load</c> reads it.</param>
internal sealed record ForeignFormat(string Content, string Package, string Reader)
{
    private static readonly ForeignFormat Program = new("a program that PyTorch exported", "TorchSharp.Fx.Export", "TorchSharp.Fx.export");
    private static readonly ForeignFormat OnnxModel = new("an ONNX model", "TorchSharp.Fx.Onnx", "TorchSharp.Fx.Onnx.onnx");

    /// <summary>Null for a file of <c>fx.save</c>. An ONNX file has no mark of its own, so its name decides; an exported program is a zip
    /// archive. The file is at its beginning afterwards.</summary>
    internal static ForeignFormat? Of(string path, FileStream file)
    {
        Span<byte> mark = stackalloc byte[4];
        var read = file.ReadAtLeast(mark, mark.Length, throwOnEndOfStream: false);
        file.Position = 0;
        return Path.GetExtension(path).ToLowerInvariant() switch
        {
            ".onnx" => OnnxModel,
            ".pt2" => Program,
            _ => mark[..read].SequenceEqual("PK\u0003\u0004"u8) ? Program : null,
        };
    }

    internal nn.Module Load(string path, Device? device)
    {
        var reader = Found(path).GetType(Reader, throwOnError: true)!;
        var load = reader.GetMethod("load", genericParameterCount: 0, [typeof(string), typeof(Device)])!;
        return load.CreateDelegate<Func<string, Device?, nn.Module>>()(path, device);
    }

    private Assembly Found(string path)
    {
        try
        {
            return Assembly.Load(Package);
        }
        catch (FileNotFoundException error)
        {
            throw new NotSupportedException(
                $"{path} is {Content}, which fx.load reads with the package {Package}: add it to the project.", error);
        }
    }
}
