namespace TorchSharp.Fx.Fuzz;

/// <summary>Forward methods: operations on matrices of any size, arithmetic on their sizes, and control flow that depends on those.</summary>
internal static class ModuleGrammar
{
    internal static Grammar Grammar { get; } = new(Expressions(), Literals(), Statements(), ["break;", "continue;"],
        ["return «Tensor»;", "throw new ArgumentException(\"a case that is not supported\");"], Mark: "steps++;");

    private static Dictionary<string, string[]> Expressions() => new()
    {
        ["Tensor"] = ["(«Tensor» + «Tensor».mean())", "(«Tensor» * «double»)", "(«Tensor» - «long»)", "(«Tensor» / («Tensor».abs().sum() + 1))", "«Tensor».relu()", "torch.tanh(«Tensor»)", "nn.functional.gelu(«Tensor»)", "act.call(«Tensor»)", "inner.forward(«Tensor»)",
            "«Tensor».sum(0, keepdim: true)", "«Tensor».transpose(0, 1)", "Rows(«Tensor»)", "Doubled(«Tensor», «axis»)", "«Tensor»[TensorIndex.Ellipsis, TensorIndex.Slice(0, 2)]", "«Tensor»[.., ^1..]", "«Tensor».narrow(0, 0, 1)", "(«bool» ? «Tensor» : «Tensor»)", "Helpers.Pick(«bool», «Tensor», «Tensor»)",
            "lt[«count» % lt.Count]", "lt[^1]", "pair.Item1", "hook(«Tensor»)", "«Tensor».clone().add_(«double»)", "«Tensor».reshape(-1, 1)", "(«Tensor» * weight)", "torch.full([«Tensor».shape[0], 2], «double»)", "torch.ones_like(«Tensor»)", "«Tensor».mul(«long»).add(«int»)", "(-«Tensor»)", "lt.Select(z => z.relu()).First()", "«Tensor».chunk(2, «axis»)[0]", "torch.arange(«Tensor».shape[1]).to(float32).unsqueeze(0)"],
        ["axis"] = ["(«bool» ? 0 : 1)"],
        ["long"] = ["«Tensor».shape[0]", "«Tensor».size(-1)", "«Tensor».shape[^1]", "«Tensor».numel()", "«Tensor».dim()", "(«long» + «#long»)", "(«long» * «#long»)", "(«long» - «#long»)", "(«long» / «literal long»)", "(«long» % «literal long»)", "(«long» & «#long»)", "Math.Max(«long», «#long»)", "(long)«int»", "(«bool» ? «long» : «#long»)", "dims[«count» & 1]", "dims.Count", "size.Rows", "Area(«long», «int»)", "pair.Item2", "unchecked((long)«double»)", "(«long» >> 1)", "(- «long»)"],
        ["int"] = ["unchecked((int)«long»)", "(«int» + «#int»)", "(«int» * «#int»)", "(«int» - «#int»)", "(«int» / «literal int»)", "lt.Count", "size.Cols", "«count»", "(«bool» ? «int» : «#int»)", "unchecked((int)(uint)«int»)", "(«int» ^ «#int»)", "(«int» << 1)", "unchecked((byte)«int»)", "unchecked((short)«int»)"],
        ["count"] = ["width", "lt.Count", "(width + 1)"],
        ["double"] = ["(double)«long»", "(«double» * 0.5)", "(«double» / 3)", "(«double» + «#double»)", "Math.Sqrt(«long» * «long»)", "scale", "(float)«int»", "(1.0 / «literal long»)"],
        ["bool"] = ["(«long» > «#long»)", "(«long» == «#long»)", "(«int» <= «#int»)", "(«int» != «#int»)", "(«double» < «#double»)", "flag", "!«bool»", "(«Tensor».dim() == 2)", "(«Tensor».dtype == float32)", "(«bool» && «bool»)", "(«bool» || «bool»)", "(«long» is > 2 and < 5)", "(lt.Count > 2)"],
    };

    private static Dictionary<string, string[]> Literals() => new()
    {
        ["long"] = ["1L", "2L", "3L", "4L", "7L", "(-1L)", "100L"],
        ["literal long"] = ["1L", "2L", "3L", "(-2L)"],
        ["int"] = ["1", "2", "3", "4", "(-1)", "64"],
        ["literal int"] = ["1", "2", "5", "(-3)"],
        ["double"] = ["0.5", "2.0", "(-1.25)"],
    };

    private static string[] Statements() =>
    [
        "x = «Tensor»;", "y = «Tensor»;", "Tensor v§ = «Tensor»; Helpers.Use(ref v§);", "long v§ = «long»; Helpers.Use(ref v§);", "int v§ = «int»; Helpers.Use(ref v§);", "«=long» = «long»;", "«=long» += «#long»;", "«=int» = «int»;", "«=int»++;", "scale = «double»;", "flag = «bool»;", "y = y * «double» + «long»;", "x = x + «Tensor».mean();",
        "if («bool») «block»", "if («bool») «block» else «block»", "if («bool») x = «Tensor»; else y = «Tensor»;", "for (int i§ = 0; i§ < width; i§++) «loop int i§»", "for (long i§ = 0; i§ < («long» & 3) && fuel-- > 0; i§++) «loop long i§»", "foreach (var e§ in lt.ToArray()) { y = y + e§.mean(); «loop» }", "foreach (var e§ in «Tensor».chunk(2)) «loop Tensor e§»", "while («bool» && fuel-- > 0) «loop»",
        "switch («int» & 3) { case 0: «block» break; case 2: «block» break; default: «block» break; }", "try «block» finally «finally»", "try «block» catch (ArgumentException) { y = y + 1; }", "x = («int» switch { 0 => x, > 5 => «Tensor», _ => y });",
        "if (lt.Count < 8) lt.Add(«Tensor»);", "lt[0] = «Tensor»;", "lt = [.. lt.Take(2), «Tensor»];", "dims.Add(«long»);", "dims[0] = «long»;", "size.Rows = «long»;", "size.Cols = «int»;", "size = new Size(«long», «int»);", "size.Grow(«int»);", "pair = («Tensor», «long»);", "pair.Item2 += «long»;", "(x, y) = (y, x);",
        "hook = z => z * «&double»;", "hook = z => z + n;", "{ var m§ = «long»; hook = z => z - m§; m§ += 2; }", "if («long» < -100000) throw new ArgumentException(\"too small\");", "System.Diagnostics.Trace.WriteLine($\"{n} {k} {«long»}\");", "int Local§(int z) => z * 2 + k; k = Local§(«int»);", "if (y.numel() < 200) y = torch.cat([x.reshape(-1), y.reshape(-1)]).unsqueeze(0);", "var (a§, b§) = pair; y = a§ * b§;", "long[] s§ = [«long», 1, «int»]; n = s§[0] + s§[2];", "Helpers.Swap(ref x, ref y);", "Helpers.Swap(ref n, ref «=long»);", "cache = «Tensor»;", "if (cache is not null) y = y + cache.mean();", "steps += width; y = y + steps;",
    ];
}
