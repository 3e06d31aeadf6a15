using System.Text.Json.Nodes;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Runtime.Saving;

/// <summary>A file that is not what it says is refused by name, in one sentence, before anything of it runs.</summary>
public sealed class TamperedFileTests : IDisposable
{
    private readonly SavedFile file = new();

    private sealed class Net : Module<Tensor, Tensor>
    {
        private readonly Linear fc = Linear(4, 2);
        private readonly Parameter scale = new(ones(4));

        internal Net() : base(nameof(Net)) => RegisterComponents();

        public override Tensor forward(Tensor x) => fc.call((x * scale).relu()).sum(1);
    }

    public TamperedFileTests()
    {
        using var net = new Net();
        using var traced = fx.symbolic_trace(net);
        fx.save(traced, file.Path);
    }

    public void Dispose() => file.Dispose();

    public static TheoryData<string, string, string, string> Changes => new()
    {
        { "an unknown version", "version", "2", "its version is 2, and this library reads version 1." },
        { "no version", "version", "", "'version' is missing in" },
        { "a cycle", "graph.2.args.0", """{"node":"relu"}""", "node 'mul' is wrong: it reads 'relu', which no node before it is." },
        { "an unknown node", "graph.3.args.0", """{"node":"gone"}""", "node 'relu' is wrong: it reads 'gone', which no node before it is." },
        { "a name twice", "graph.3.name", "\"mul\"", "node 'mul' is wrong: its name is taken or no name for a node." },
        { "a name that is none", "graph.3.name", "\"re lu\"", "node 're lu' is wrong: its name is taken or no name for a node." },
        { "an unknown kind", "graph.3.op", "\"call_program\"", "node 'relu' is wrong: there is no kind of nodes \"call_program\"." },
        { "an unknown operation", "graph.3.target.name", "\"format\"", "node 'relu' is wrong: there is no operation Tensor.format()." },
        { "another overload", "graph.3.target.takes", "[\"string\"]", "node 'relu' is wrong: there is no operation Tensor.relu(string)." },
        { "a forged target", "graph.3.target", """{"on":"System.IO.File","name":"Delete","takes":["string"]}""", "node 'relu' is wrong: the type 'System.IO.File' is neither data nor TorchSharp's, so it has to be among the allowed_types of the call that loads the file." },
        { "a forged assembly", "graph.3.target.on", "\"System.IO.File, System.Private.CoreLib\"", "node 'relu' is wrong: the type 'System.IO.File, System.Private.CoreLib' is neither data nor TorchSharp's, so it has to be among the allowed_types of the call that loads the file." },
        { "an operation on files", "graph.3", """{"name":"relu","op":"call_function","target":{"on":"TorchSharp.torch","name":"load","takes":["string"]},"args":[{"text":"/etc/passwd"}]}""", "node 'relu' is wrong: there is no operation torch.load(string)." },
        { "a disposal", "graph.3.target", """{"on":"Tensor","name":"Dispose","takes":[]}""", "node 'relu' is wrong: there is no operation Tensor.Dispose()." },
        { "a private member", "graph.3", """{"name":"relu","op":"call_function","target":{"on":"Tensor","name":"handle"},"args":[{"node":"mul"}]}""", "node 'relu' is wrong: there is no property Tensor.handle." },
        { "an object of fields", "graph.3.args.0", """{"object":"Tensor","fields":{"handle":1}}""", "node 'relu' is wrong: a Tensor can't be made of fields unless allowed_types has it." },
        { "an argument of another type", "graph.3.args.0", """{"text":"x"}""", "node 'relu' is wrong: A value of type System.String can't be given where TorchSharp.torch+Tensor is taken." },
        { "too many arguments", "graph.3.args", """[{"node":"mul"},1]""", "node 'relu' is wrong: Node 'relu' gives 1 arguments to Tensor.relu, which takes 0." },
        { "no receiver", "graph.3.args", "[]", "node 'relu' is wrong: " },
        { "a number that is none", "graph.3.args.0", """{"number":"int","value":"9999999999"}""", "node 'relu' is wrong: '9999999999' is no Int32." },
        { "no output", "graph.6", "", "a graph does not end with its output." },
        { "an unknown module", "graph.4.target", "\"fd\"", "node 'fc' is wrong: it calls the module 'fd', which the file does not have." },
        { "an unknown tensor", "graph.1.target", "\"scales\"", "node 'scale' is wrong: it reads the tensor 'scales', which the file does not have." },
        { "another type of modules", "modules.fc.type", "\"ModuleList\"", "in module 'fc', TorchSharp has no module 'ModuleList' that a file can have." },
        { "a surplus setting", "modules.fc.settings.secret", "1", "in module 'fc', Linear has no setting 'secret'." },
        { "a missing setting", "modules.fc.settings.inputSize", "", "in module 'fc', 'inputSize' is missing in" },
        { "another setting", "modules.fc.settings.inputSize", "5", "the tensor 'fc.weight' has the shape [2, 4], but 'fc.weight' needs [2, 5]." },
        { "a size that no memory has", "modules.fc.settings.inputSize", "4000000000000", "the tensor 'fc.weight' has the shape [2, 4], but 'fc.weight' needs [2, 4000000000000]." },
        { "another shape", "tensors.scale.shape", "[5]", "the tensor 'scale' is Float32 [4], but the graph was saved with Float32 [5]." },
        { "another dtype", "tensors.scale.dtype", "\"Int64\"", "the tensor 'scale' is Float32 [4], but the graph was saved with Int64 [4]." },
        { "a kind that is none", "tensors.scale.kind", "\"code\"", "there is no kind of tensors 'code'." },
        { "a tensor of a module that is left out", "modules.fc.tensors.bias", "", "module 'fc' lacks its tensor 'bias'." },
        { "another type of result", "signature.1", "\"string\"", "" },
        { "a type that is none", "graph.0.type", "[\"List\"]", "node 'x' is wrong: [\"List\"] is no type." },
    };

    [Theory, MemberData(nameof(Changes))]
    public void A_change_is_refused(string what, string place, string value, string sentence)
    {
        file.Tamper(json => Put(place == "version" ? json : json["module"]!, place.Split('.'), value));
        var refusal = Record.Exception(() => fx.load(file.Path).Dispose());
        Assert.True(sentence.Length == 0 ? refusal is null or InvalidDataException : refusal is InvalidDataException, $"{what}: {refusal}");
        Assert.StartsWith($"{file.Path} can't be loaded: {sentence}", refusal?.Message ?? $"{file.Path} can't be loaded: ");
        Assert.DoesNotContain('\n', refusal?.Message ?? "");
    }

    [Theory]
    [InlineData("""["List","Tensor"]""", false, "List<Tensor> is no tuple of 1 items.")]
    [InlineData("""["Dictionary","Tensor","Tensor"]""", true, "Dictionary<Tensor, Tensor> is no tuple of 2 items.")]
    public void A_tuple_of_another_type_is_refused(string type, bool isPair, string sentence)
    {
        using Module traced = isPair ? fx.symbolic_trace((Tensor x) => (x, x + 1)) : fx.symbolic_trace((Tensor x) => ValueTuple.Create(x + 1));
        fx.save(traced, file.Path);
        file.Tamper(json =>
        {
            var output = json["module"]!["graph"]!.AsArray()[^1]!["args"]![0]!;
            Assert.NotNull(output["tuple"]);
            output["as"] = JsonNode.Parse(type);
        });
        file.AssertRefused($"can't be loaded: node 'output' is wrong: {sentence}");
    }

    [Fact]
    public void A_missing_tensor_is_told()
    {
        file.Tamper(_ => { }, tensors => tensors.Remove("fc.bias"));
        file.AssertRefused("can't be loaded: the tensor 'fc.bias' is missing.");
    }

    [Fact]
    public void A_surplus_tensor_is_told()
    {
        file.Tamper(_ => { }, tensors => tensors.Add("more", ones(1)));
        file.AssertRefused("can't be loaded: its tensor 'more' belongs to no module of the graph.");
    }

    [Fact]
    public void Weights_without_a_graph_are_told()
    {
        Safetensors.save_file(new Dictionary<string, Tensor> { ["a"] = ones(1) }, file.Path);
        file.AssertRefused("holds tensors but no graph: it was not written by fx.save.");
    }

    /// <summary>Sets what is at a place to some JSON, or takes it away.</summary>
    private static void Put(JsonNode json, string[] place, string value)
    {
        var holder = place[..^1].Aggregate(json, (node, step) => node is JsonArray list ? list[int.Parse(step)]! : node[step]!);
        if (holder is JsonArray items && value.Length == 0)
            items.RemoveAt(int.Parse(place[^1]));
        else if (holder is JsonArray array)
            array[int.Parse(place[^1])] = JsonNode.Parse(value);
        else if (value.Length == 0)
            holder.AsObject().Remove(place[^1]);
        else
            holder[place[^1]] = JsonNode.Parse(value);
    }
}
