using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.TorchScript.Tests;

/// <summary>Names of submodules that Python, TorchScript or the archive's own classes have a meaning for: the archive loads and computes the same, or the name is refused.</summary>
public sealed class ReservedNameTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();
    private readonly Archive archive = new();

    public void Dispose()
    {
        archive.Dispose();
        scope.Dispose();
    }

    private static readonly string[] Names =
    [
        "self", "ops", "Tensor", "List", "CONSTANTS", "Module", "torch", "__torch__", "in", "is", "None", "lambda", "print", "_parameters",
        "parameters", "modules", "state_dict", "type", "int", "0", "a-b", "call", "eval", "train", "forward", "values", "__init__", "__getstate__", "_values",
    ];

    [Fact]
    public void A_submodule_of_any_other_name_loads()
    {
        var cases = Names.SelectMany(name => new[] { (Name: name, IsInner: false), (Name: name, IsInner: true) }).Where(each => each is not ("forward", false)).ToArray();
        var models = cases.Select(each => each.IsInner ? Sequential(("outer", Sequential((each.Name, Linear(2, 2))))) : Sequential((each.Name, Linear(2, 2)))).ToArray();
        var paths = cases.Index().Select(each => Path.Combine(Path.GetDirectoryName(archive.Path)!, $"{each.Index}.pt")).ToArray();
        foreach (var (model, path) in models.Zip(paths))
        {
            using var traced = fx.symbolic_trace(model);
            torchscript.export(traced, path);
        }
        Assert.Empty(LoadProbe.Refused(paths).Select(entry => $"{cases[entry.Key]}: {entry.Value}"));
        var input = rand(3, 2);
        foreach (var (model, path) in models.Zip(paths))
        {
            using var loaded = jit.load(path);
            Archive.AssertClose(model.call(input), loaded.call(input));
            model.Dispose();
        }
    }

    [Theory, InlineData("training"), InlineData("forward"), InlineData("__parameters__"), InlineData("__annotations__")]
    public void A_name_that_the_archive_s_classes_have_is_refused(string name)
    {
        using var traced = fx.symbolic_trace(Sequential((name, Linear(2, 2))));
        Assert.Equal($"'{name}' of a Sequential can't be exported to TorchScript, which keeps that name for itself. Give the submodule, parameter or buffer another name.",
            Assert.Throws<ArgumentException>(() => torchscript.export(traced, archive.Path)).Message);
        Assert.False(File.Exists(archive.Path));
    }

    [Fact]
    public void An_extractor_s_module_named_values_is_refused()
    {
        using var extractor = feature_extraction.create_feature_extractor(Sequential(("values", Linear(2, 2))), ["values"]);
        extractor.eval();
        Assert.StartsWith("'values' of a Sequential can't be exported to TorchScript", Assert.Throws<ArgumentException>(() => torchscript.export(extractor, archive.Path)).Message);
    }
}
