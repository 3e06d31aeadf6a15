using Google.Protobuf;
using TorchSharp.Fx.Onnx.Format;

namespace TorchSharp.Fx.Onnx.Tests.Importing;

/// <summary>A model that a test writes, in a folder of its own.</summary>
internal sealed class MadeFile : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory().FullName;

    internal MadeFile(long opset = 17) => Model = new() { IrVersion = 8, Graph = new() { Name = "test" },
        OpsetImport = { new OperatorSetIdProto { Version = opset } } };

    internal ModelProto Model { get; }

    internal GraphProto Graph => Model.Graph;

    internal string Path => System.IO.Path.Combine(folder, "model.onnx");

    public void Dispose() => Directory.Delete(folder, recursive: true);

    internal string Beside(string name) => System.IO.Path.Combine(folder, name);

    internal MadeFile Input(string name, params long[] shape)
    {
        Graph.Input.Add(Declared(name, 1, shape));
        return this;
    }

    internal MadeFile Output(string name)
    {
        Graph.Output.Add(Declared(name, 1, null));
        return this;
    }

    internal MadeFile Floats(string name, long[] shape, params float[] values)
    {
        Graph.Initializer.Add(new TensorProto { Name = name, DataType = 1, Dims = { shape },
            RawData = ByteString.CopyFrom(System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(values)) });
        return this;
    }

    internal MadeFile Longs(string name, long[] shape, params long[] values)
    {
        Graph.Initializer.Add(new TensorProto { Name = name, DataType = 7, Dims = { shape }, Int64Data = { values } });
        return this;
    }

    internal MadeFile Node(string operation, string[] inputs, string[] outputs, params AttributeProto[] attributes)
    {
        Graph.Node.Add(Made(operation, inputs, outputs, attributes));
        return this;
    }

    internal static NodeProto Made(string operation, string[] inputs, string[] outputs, params AttributeProto[] attributes)
        => new() { OpType = operation, Input = { inputs }, Output = { outputs }, Attribute = { attributes } };

    internal static ValueInfoProto Declared(string name, int type, long[]? shape)
    {
        var tensor = new TypeProto.Types.Tensor { ElemType = type };
        if (shape is not null)
            tensor.Shape = new() { Dim = { shape.Select(size => size < 0 ? new TensorShapeProto.Types.Dimension { DimParam = "n" }
                : new TensorShapeProto.Types.Dimension { DimValue = size }) } };
        return new() { Name = name, Type = new() { TensorType = tensor } };
    }

    internal MadeFile Write()
    {
        File.WriteAllBytes(Path, Model.ToByteArray());
        return this;
    }
}
