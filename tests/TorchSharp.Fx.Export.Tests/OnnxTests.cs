using TorchSharp.Fx.Onnx;
using TorchSharp.Fx.Onnx.Tests;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Export.Tests;

/// <summary>Programs of PyTorch's are exported to ONNX, also operations that TorchSharp has no member for.</summary>
public sealed class OnnxTests
{
    /// <summary>What is in programs and not in ONNX, or not written.</summary>
    private static readonly Dictionary<string, string> Refused = new()
    {
        ["torch-2.6/ops/histc"] = "there is no converter for 'aten::histc'",
        ["torch-2.6/ops/n_up_size"] = "there is no converter for 'aten::_upsample_nearest_exact2d.vec'",
        ["torch-2.6/ops/renorm"] = "there is no converter for 'aten::renorm'",
    };

    [Theory]
    [MemberData(nameof(ExportedPrograms.Names), MemberType = typeof(ExportedPrograms))]
    public void AProgramGivesInOnnxRuntimeWhatPyTorchGave(string name)
    {
        using var scope = NewDisposeScope();
        using var module = export.load(ExportedPrograms.Program(name));
        var values = ExportedPrograms.Values(name);
        var inputs = ExportedPrograms.Inputs(module, values, 0);
        using var exported = new OnnxModel();
        if (Refused.TryGetValue(name, out var why))
        {
            Assert.Contains(why, Assert.ThrowsAny<Exception>(() => Onnx.onnx.export(module, exported.Path, inputs)).Message, StringComparison.Ordinal);
            return;
        }
        Onnx.onnx.export(module, exported.Path, inputs);
        // An input that nothing reads is none of the file, and a buffer that the program writes to is one.
        var given = ((IGraphModule)module).graph.find_nodes(Opcode.placeholder).Zip(inputs).ToDictionary(pair => pair.First.target.name, pair => pair.Second);
        var names = exported.Signature().Inputs.Select(input => input.Split(' ')[0]).ToArray();
        var state = module.state_dict();
        var found = exported.Run(names.All(input => given.ContainsKey(input) || state.ContainsKey(input))
            ? Array.ConvertAll(names, input => given.GetValueOrDefault(input) as Tensor ?? state[input]) : [.. ExportedPrograms.Flat(inputs).Values]);
        var expected = ExportedPrograms.Flat(ExportedPrograms.Run(module, inputs));
        Assert.Equal(expected.Count, found.Keys.Count(output => !output.EndsWith(".next", StringComparison.Ordinal)));
        foreach (var ((key, value), actual) in expected.Zip(found.Values))
            Assert.InRange(ExportedPrograms.Difference(actual, values[$"0.out.{key}"]), 0, 1e-4);
    }

    /// <summary>A choice by a tensor is one in the file, whichever way the example goes.</summary>
    [Theory, InlineData(1), InlineData(-1)]
    public void BothBranchesOfAChoiceAreInTheFile(int sign)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        using var module = (GraphModule<Tensor, Tensor>)export.load(ExportedPrograms.Program("nn_cond"));
        var example = ((Tensor)ExportedPrograms.Inputs(module, ExportedPrograms.Values("nn_cond"), 0)[0]!).abs() * sign;
        using var exported = new OnnxModel();
        Onnx.onnx.export(module, exported.Path, [example]);
        Assert.False(module.call(example).allclose(module.call(-example)));
        foreach (var x in new[] { example, -example, example * 3 })
            OnnxModel.AssertClose(module.call(x), exported.Run(x).Values.Single());
    }
}
