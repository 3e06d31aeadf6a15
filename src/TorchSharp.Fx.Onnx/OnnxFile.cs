using System.Globalization;
using Google.Protobuf;
using TorchSharp.Fx.Onnx.Format;

namespace TorchSharp.Fx.Onnx;

/// <summary>Writes the model, its weights within or in a file beside it.</summary>
internal static class OnnxFile
{
    internal static void Write(OnnxGraph graph, string path, bool external)
    {
        if (external)
            AtomicFile.Write(path + ".data",
                stream => graph.Initializers.ForEach(entry =>
                    WriteBeside(entry.Proto, entry.Tensor, stream, Path.GetFileName(path) + ".data")));
        else
            graph.Initializers.ForEach(entry => entry.Proto.RawData = ByteString.CopyFrom(Bytes(entry.Tensor)));
        AtomicFile.Write(path, stream => graph.Model().WriteTo(stream));
    }

    private static void WriteBeside(TensorProto proto, torch.Tensor tensor, Stream stream, string location)
    {
        var offset = stream.Position;
        TensorBytes.Write(tensor, stream);
        proto.DataLocation = TensorProto.Types.DataLocation.External;
        foreach (var (key, value) in new[] { ("location", location), ("offset", Text(offset)), ("length", Text(stream.Position - offset)) })
            proto.ExternalData.Add(new StringStringEntryProto { Key = key, Value = value });
    }

    private static byte[] Bytes(torch.Tensor tensor)
    {
        using var stream = new MemoryStream();
        TensorBytes.Write(tensor, stream);
        return stream.ToArray();
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
