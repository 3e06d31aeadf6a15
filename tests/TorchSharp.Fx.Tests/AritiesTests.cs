using System.Text.RegularExpressions;

namespace TorchSharp.Fx.Tests;

/// <summary>
/// The forms for two to six inputs are made from those for one, which stand between <c>&lt;arities></c> and <c>&lt;/arities></c> in the sources. Run with
/// <c>TORCHFX_WRITE_ARITIES=1</c> in the environment, the test writes the files; else it compares them.
/// </summary>
public sealed class AritiesTests
{
    private const int Most = 6;

    private static readonly string Source = Path.Combine(ArchitectureTests.RepositoryRoot(), "src", "TorchSharp.Fx");

    [Theory]
    [InlineData("Modules/Arities.cs", "Modules/GraphModule.cs", "Modules/DualGraphModule.cs", "Modules/fx.cs", "Modules/fx.Functions.cs")]
    [InlineData("FeatureExtraction/Arities.cs", "FeatureExtraction/FeatureRecorder.cs", "FeatureExtraction/feature_extraction.Inputs.cs", "FeatureExtraction/feature_extraction.Recording.cs")]
    public void The_forms_for_more_inputs_are_those_for_one(string file, params string[] templates)
    {
        var (path, expected) = (Path.Combine(Source, file), Made(templates));
        if (Environment.GetEnvironmentVariable("TORCHFX_WRITE_ARITIES") is not null)
            File.WriteAllText(path, expected);
        Assert.True(expected == File.ReadAllText(path),
            $"{file} is not what the forms for one input give: run this test with TORCHFX_WRITE_ARITIES=1, and build again.");
    }

    private static string Made(string[] templates)
    {
        var text = new StringWriter { NewLine = "\n" };
        text.WriteLine("// Made by AritiesTests from the forms for one input.");
        text.WriteLine("using TorchSharp.Modules;\nusing static TorchSharp.torch;\n\nnamespace TorchSharp.Fx;");
        foreach (var template in templates)
        {
            var content = File.ReadAllText(Path.Combine(Source, template));
            var forms = Regex.Matches(content, @"^ *// <arities>\n(.*?)^ *// </arities>\n", RegexOptions.Multiline | RegexOptions.Singleline);
            Assert.NotEmpty(forms);
            var around = Regex.Match(content, @"^public static partial class \w+", RegexOptions.Multiline);
            if (around.Success)
                text.Write($"\n{around.Value}\n{{");
            var made = string.Join('\n', from form in forms from inputs in Enumerable.Range(2, Most - 1) select With(inputs, form.Groups[1].Value));
            text.Write(around.Success ? $"\n{made}}}\n" : $"\n{made}");
        }
        return text.ToString();
    }

    /// <summary>A form for one input with more of them.</summary>
    private static string With(int inputs, string form)
    {
        string Listed(string item) => string.Join(", ", Enumerable.Range(1, inputs).Select(number => item.Replace("1", $"{number}")));
        form = Regex.Replace(form, @"\bT1? input\b", Listed("T1 input1"));
        form = Regex.Replace(form, @"\(input\)", $"({Listed("input1")})");
        form = Regex.Replace(form, @"\bT1?\b(?! input\d)", Listed("T1"));
        return form.Replace("one input", $"{inputs} inputs");
    }
}
