using System.Text.RegularExpressions;

namespace TorchSharp.Fx.Fuzz.Effects;

/// <summary>The C# of a generated module with effects.</summary>
internal static partial class EffectProgram
{
    private static readonly string[] Hooks =
    [
        "fc.register_forward_hook((_, _, o) => o * 0.5);", "fc.register_forward_pre_hook((_, i) => i + 0.25);", "fc.register_forward_hook((_, _, o) => o.add_(0.5));", "other.register_forward_pre_hook((_, i) => i.mul_(0.5));", "dense.register_forward_hook((_, i, o) => o + i);",
        "act.register_forward_hook((_, _, o) => o + 0.25);", "bump.register_forward_hook((_, _, o) => o.t());", "bn.register_forward_hook((_, _, o) => o + buffer);", "turn.register_forward_pre_hook((_, i) => i.clone());", "seq.register_forward_hook((_, _, o) => { o.mul_(0.5); return o; });",
    ];

    internal static string Name(int seed) => $"M{seed}";

    internal static string Write(int seed)
    {
        var signature = EffectSignature.Of(seed);
        var random = new Random(seed * 31 + 7);
        var writer = new ProgramWriter(EffectGrammar.Of(signature.Extra), random);
        foreach (var (type, name, isWritable) in new[] { ("T", "x", true), ("T", "y", true), ("R", "r", false), ("S", "s", false), ("bool", "wide", false) })
            writer.Declare(type, name, isWritable);
        var statements = writer.Statements(random.Next(3, 8));
        var result = writer.Filled(signature.Result.Template);
        var body = Typed().Replace(statements, "Tensor $1 =");
        var hook = random.Next(3) == 0 ? Hooks[random.Next(Hooks.Length)] : "";
        if (Member.In(hook).FirstOrDefault() is not { } hooked || !Member.In($"{body} {result}").Contains(hooked))
            hook = "";
        var members = Member.In($"{body} {result} {hook}");
        return $$"""
            public sealed class {{Name(seed)}} : nn.Module<Tensor, {{(signature.HasExtra ? signature.Extra.Type + ", " : "")}}{{signature.Result.Type}}>
            {
                private readonly bool wide = {{(random.Next(2) == 0 ? "true" : "false")}};
            {{string.Concat(members.Select(member => $"    private readonly {member.Declaration};\n"))}}
                public {{Name(seed)}}() : base("M")
                {
            {{string.Concat(members.Where(member => member.Setup.Length > 0).Select(member => $"        {member.Setup}\n"))}}        RegisterComponents();
                    {{hook}}
                }

                public override {{signature.Result.Type}} forward(Tensor x{{(signature.HasExtra ? $", {signature.Extra.Type} e" : "")}})
                {
                    var y = x * 0.5;
                    var r = y.narrow(0, 1, 2);
                    var s = x.mean();
                    List<Tensor> items = [x, y];
                    (Tensor, Tensor) pair = (x, y);
            {{body}}
                    return {{result}};
                }
            }

            """;
    }

    [GeneratedRegex(@"\b[TRS] (v\d+) =")]
    private static partial Regex Typed();
}
