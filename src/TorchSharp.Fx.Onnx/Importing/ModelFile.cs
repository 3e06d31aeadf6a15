using Google.Protobuf;
using TorchSharp.Fx.Onnx.Format;

namespace TorchSharp.Fx.Onnx.Importing;

/// <summary>An ONNX file: its model without the weights' bytes, and where those are.</summary>
internal sealed class ModelFile : IDisposable
{
    private const int GraphOfModel = 7, InitializerOfGraph = 5, RawDataOfTensor = 9;

    private readonly FileStream file;
    private readonly Dictionary<TensorProto, (long Offset, long Length)> places = new(ReferenceEqualityComparer.Instance);
    private readonly ExternalFiles external;

    internal ModelFile(string path)
    {
        file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        try
        {
            external = new(Path.GetDirectoryName(Path.GetFullPath(path))!);
            Model = Read(new(file), file.Length);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    internal ModelProto Model { get; }

    /// <summary>The elements of a tensor as bytes, if that is how the file has them: the stream they are in, where they begin, and how
    /// many they are.</summary>
    internal (Stream Stream, long Offset, long Length)? Bytes(TensorProto tensor)
    {
        if (tensor.DataLocation == TensorProto.Types.DataLocation.External)
            return external.Find(tensor);
        if (places.TryGetValue(tensor, out var place))
            return (file, place.Offset, place.Length);
        return Within(tensor);
    }

    /// <summary>The same of a tensor that came with its bytes.</summary>
    internal static (Stream Stream, long Offset, long Length)? Within(TensorProto tensor)
        => tensor.RawData.Length > 0 ? (new MemoryStream(tensor.RawData.ToByteArray()), 0, tensor.RawData.Length) : null;

    public void Dispose()
    {
        file.Dispose();
        external?.Dispose();
    }

    /// <summary>All that is not the graph is parsed as it is; fields of one message that comes in pieces are merged, as the format has
    /// it.</summary>
    private ModelProto Read(WireReader reader, long length)
    {
        using var rest = new MemoryStream();
        var graph = new GraphProto();
        foreach (var field in reader.Fields(0, length))
            if (field is { Number: GraphOfModel, IsDelimited: true })
                ReadGraph(reader, field, graph);
            else
                reader.CopyTo(rest, field.Start, field.End);
        var model = Parsed(ModelProto.Parser, rest);
        model.Graph = graph;
        return model;
    }

    private void ReadGraph(WireReader reader, WireReader.Field whole, GraphProto graph)
    {
        using var rest = new MemoryStream();
        foreach (var field in reader.Fields(whole.Content, whole.End))
            if (field is { Number: InitializerOfGraph, IsDelimited: true })
                graph.Initializer.Add(ReadTensor(reader, field));
            else
                reader.CopyTo(rest, field.Start, field.End);
        graph.MergeFrom(Parsed(GraphProto.Parser, rest));
    }

    private TensorProto ReadTensor(WireReader reader, WireReader.Field whole)
    {
        using var rest = new MemoryStream();
        (long, long)? place = null;
        foreach (var field in reader.Fields(whole.Content, whole.End))
            if (field is { Number: RawDataOfTensor, IsDelimited: true })
                place = (field.Content, field.End - field.Content);
            else
                reader.CopyTo(rest, field.Start, field.End);
        var tensor = Parsed(TensorProto.Parser, rest);
        if (place is { } found)
            places.Add(tensor, found);
        return tensor;
    }

    private static T Parsed<T>(MessageParser<T> parser, MemoryStream bytes) where T : IMessage<T>
    {
        try
        {
            return parser.ParseFrom(bytes.GetBuffer(), 0, (int)bytes.Length);
        }
        catch (InvalidProtocolBufferException error)
        {
            throw new InvalidDataException($"it is no ONNX model: {error.Message.Split('\n')[0]}", error);
        }
    }
}
