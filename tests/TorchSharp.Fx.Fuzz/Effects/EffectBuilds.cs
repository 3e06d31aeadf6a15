using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace TorchSharp.Fx.Fuzz.Effects;

/// <summary>Compiles programs that use the fuzzer's own parts.</summary>
internal static class EffectBuilds
{
    private const string Usings = """
        global using System.Collections.Generic;
        global using TorchSharp;
        global using TorchSharp.Modules;
        global using TorchSharp.Fx.Fuzz.Effects;
        global using static TorchSharp.torch;
        """;

    private static readonly CSharpCompilation Empty = Builds.Compilation(Usings, MetadataReference.CreateFromFile(typeof(EffectBuilds).Assembly.Location));

    internal static Builds? TryCompile(string source, out string errors) => Builds.TryCompile(Empty, source, out errors);
}
