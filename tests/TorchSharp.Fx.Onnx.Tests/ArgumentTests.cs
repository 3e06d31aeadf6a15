using TorchSharp.Fx.Tests.Operations;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Onnx.Tests;

/// <summary>Every operation of TorchSharp that has a converter, with every optional argument: ONNX Runtime gives what TorchSharp gives, or the export is refused with a sentence.</summary>
public sealed class ArgumentTests : IDisposable
{
    private readonly DisposeScope scope = NewDisposeScope();
    private readonly OnnxModel exported = new();

    public void Dispose()
    {
        exported.Dispose();
        scope.Dispose();
    }

    /// <summary>What is compared otherwise, with the reason.</summary>
    private static readonly (string Reason, string[] Parts)[] Exempt =
    [
        ("What it draws is not what TorchSharp draws.", ["rand", "multinomial", "bernoulli", "normal_", "poisson"]),
        ("Its content is not defined.", ["empty"]),
    ];

    [Fact]
    public void An_argument_makes_the_same_difference_or_is_refused()
    {
        var (failures, equal, refused) = (new List<string>(), 0, 0);
        foreach (var (name, method) in PublicOperations.All.Where(operation => !Exempt.SelectMany(exempt => exempt.Parts).Any(part => operation.Value.Name.Contains(part, StringComparison.Ordinal))))
            foreach (var each in ArgumentCases.Of(name, method, Exporter.HasConverter))
                switch (Difference(each))
                {
                    case "": equal++; break;
                    case null: refused++; break;
                    case var text: failures.Add($"{each.Name}: {text}"); break;
                }
        Assert.True(failures.Count == 0, $"{failures.Count} differ, {equal} are equal, {refused} refused:\n{string.Join('\n', failures)}");
        Assert.InRange(equal, 700, 2000);
    }

    /// <summary>Empty where it gives the same, null where it is refused.</summary>
    private string? Difference(ArgumentCase each)
    {
        try
        {
            onnx.export(each.Module, exported.Path, each.Inputs);
            var actual = exported.Run(each.Inputs);
            // Complex numbers are pairs in the file.
            var expected = Array.ConvertAll(OperationResult.Tensors(each.Result), value => value.is_complex() ? view_as_real(value.resolve_conj()) : value);
            return OperationResult.Difference(expected, actual.Values.ToArray(), 1e-4) ?? "";
        }
        catch (OnnxExportException)
        {
            return null;
        }
        catch (Exception error)
        {
            return $"{error.GetType().Name} {error.Message.Split('\n')[0]}";
        }
        finally
        {
            each.Module.Dispose();
        }
    }
}
