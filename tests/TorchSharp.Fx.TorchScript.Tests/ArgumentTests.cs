using System.Reflection;
using TorchSharp.Fx.Tests.Operations;
using static TorchSharp.torch;

namespace TorchSharp.Fx.TorchScript.Tests;

/// <summary>Every operation of TorchSharp that has a form, with every optional argument: libtorch gives what TorchSharp gives, or the export is refused with a sentence.</summary>
[Collection(nameof(Alone))]
public sealed class ArgumentTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory().FullName;
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose()
    {
        scope.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void An_argument_makes_the_same_difference_or_is_refused()
    {
        var (exported, failures, refused) = (new List<(ArgumentCase Case, string Path)>(), new List<string>(), 0);
        foreach (var (name, method) in PublicOperations.All)
            foreach (var each in ArgumentCases.Of(name, method, HasForm))
                try
                {
                    var path = Path.Combine(folder, $"{exported.Count}.pt");
                    torchscript.export(each.Module, path);
                    exported.Add((each, path));
                }
                catch (TorchScriptExportException)
                {
                    refused++;
                }
        var unread = LoadProbe.Refused([.. exported.Select(made => made.Path)]);
        failures.AddRange(unread.Select(entry => $"{exported[entry.Key].Case.Name}: {entry.Value}"));
        foreach (var (_, (each, path)) in exported.Index().ExceptBy(unread.Keys, entry => entry.Index))
            if (Difference(each, path) is { } difference)
                failures.Add($"{each.Name}: {difference}");
        Assert.True(failures.Count == 0, $"{failures.Count} of {exported.Count} differ, {refused} are refused:\n{string.Join('\n', failures)}");
        Assert.InRange(exported.Count, 1500, 3000);
    }

    private static bool HasForm(Node node) => node.target switch
    {
        FunctionTarget { Method: var method } => Converters.Supported.Contains(Converters.NameOf(method).ToLowerInvariant()),
        MethodTarget => Converters.Supported.Contains(node.target.name.ToLowerInvariant()),
        _ => false,
    };

    private static string? Difference(ArgumentCase each, string path)
    {
        try
        {
            using var loaded = jit.load(path);
            manual_seed(1);
            return OperationResult.Difference(each.Result, loaded.call([.. each.Inputs.Select(input => input.detach().clone())]));
        }
        catch (Exception error)
        {
            return error.Message.Split('\n')[0];
        }
    }
}
