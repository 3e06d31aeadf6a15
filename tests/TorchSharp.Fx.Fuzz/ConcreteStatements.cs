namespace TorchSharp.Fx.Fuzz;

/// <summary>The statements of <see cref="ConcreteGrammar"/> that are not the same for all types of numbers.</summary>
internal static class ConcreteStatements
{
    internal static readonly string[] ControlFlow =
    [
        "if («bool») «block»", "if («bool») «block» else «block»", "if («bool») «block» else if («bool») «block» else «block»",
        "while («bool» && fuel-- > 0) «loop»", "do «loop» while («bool» && fuel-- > 0);", "for (int i§ = 0; i§ < («int» & 7) && fuel-- > 0; i§++) «loop int i§»", "for (long i§ = «long» & 3; i§ > 0 && fuel-- > 0; i§ -= 1) «loop long i§»",
        "foreach (var e§ in ai) «loop int e§»", "foreach (var e§ in li.ToArray()) «loop int e§»", "foreach (var e§ in ls.ToList()) { s = e§; s.A += «int»; «loop» }", "foreach (var (k§, e§) in dl.ToArray()) «loop long e§»", "foreach (ref var e§ in sp) { e§ ^= «int»; «loop» }", "foreach (var e§ in Helpers.Numbers(«int» & 3)) «loop int e§»",
        "foreach (var e§ in «string») «loop char e§»", "foreach (var e§ in structs) «loop Pair e§»",
        "switch («int» & 7) { case 0: «block» break; case 1: case 2: «block» break; case 5: «block» break; default: «block» break; }", "switch («string») { case \"a\": «block» break; case \"xyz\": «block» break; }", "switch (boxed) { case int v§: ai[0] = v§; break; case long v§ when v§ > 3: «block» break; case string: break; default: «block» break; }",
        "try «block» catch (OverflowException) «block»", "try «block» catch (DivideByZeroException) «block» catch (ArithmeticException) when ((fuel & 1) == 0) «block»", "try «block» finally «finally»", "try «block» catch (Exception e§) when (e§ is IndexOutOfRangeException or ArgumentException) «block» finally «finally»",
        "try «block» catch (Custom e§) { ai[1] += e§.Code; «block» }", "try «block» catch (InvalidOperationException) { «block» throw; } finally «finally»", "try «block» catch (Exception) { error += \"!\"; }", "using (new Scope(li)) «block»", "lock (li) «block»", "checked «block»", "unchecked «block»",
    ];

    internal static readonly string[] Effects =
    [
        "ai[«index»] = «int»;", "al[«index»] += «long»;", "ad[«index»] = «double»;", "af[«index»] *= «float»;", "ab[«index»] = «byte»;", "ab[«index»]++;", "au[«index»] -= «uint»;", "ah[«index»] = «short»;", "at[«index»] = «string»;", "grid[«index» & 1, 1] = «int»;", "ai[«int»] = «int»;",
        "if (li.Count < 40) li.Add(«int»);", "li[«index»] = «int»;", "li.Insert(1, «int»);", "if (li.Count > 5) li.RemoveAt(«index»);", "li.Sort();", "dl[«int» & 3] = «long»;", "dl.Remove(«int»);", "if (dl.TryAdd(«int» & 7, «long»)) «=int»++;",
        "s.A = «int»;", "s.B = «double»;", "s.In.C = «long»;", "s.In.D += «byte»;", "s.Grow(«int»);", "structs[«index»].A = «int»;", "structs[«index»].In.C += «long»;", "structs[«index»].Grow(«int»);", "structs[«index»] = s;", "s = «Pair»;", "ls[«index» & 1] = s;", "boxed = s; s.A++;", "(s, structs[1]) = (structs[1], s);",
        "t = («int», «double»);", "t.Item1 += «int»;", "n = «int»;", "n += «int»;", "n = null;", "nd = «double»;", "node.Value = «int»;", "node.Next = new Node { Value = «int», Next = node.Next };", "node.Next!.Value--;", "color = (Color)(«int» & 3);", "color |= Color.Blue;", "boxed = «int»;", "boxed = «long»;", "boxed = «string»;",
        "hook = z => unchecked(z + «&int»);", "hook = z => { p0 = unchecked(p0 + z); return p0; };", "hook = Helpers.Twice;", "Action v§ = () => p1 = unchecked(p1 + 1); v§();", "Func<Pair,long> v§ = z => z.Sum(); p1 = v§(s);", "int Local§(int z) => unchecked(z * 3 + p0); «=int» = Local§(«int»);",
        "ref var r§ = ref ai[«index»]; r§ = «int»; r§ >>= 1;", "ref var r§ = ref s.In; r§.C = «long»;", "ref var r§ = ref structs[«index»]; r§.A++; r§.Grow(2);", "Helpers.Swap(ref ai[0], ref ai[«index»]);", "Helpers.Swap(ref s.A, ref «=int»);", "Helpers.Parts(«long», out var v§, out «=int»); p1 ^= v§;", "sp[«index»] = «int»;", "sp.Slice(1, 2)[0]++;", "sp[..2].Fill(«int»);", "sp[2..].CopyTo(ai);",
        "st[«index»] = «int»; p0 ^= st[1];", "at[0] = text.Length > 50 ? \"\" : text; text += «string».Length;", "(ai[0], ai[1]) = (ai[1], ai[0]);", "var (x§, y§) = t; p0 = unchecked(p0 + x§); p4 += y§;", "int[] c§ = [.. ai, «int», «int»]; ai[2] = c§[^1];", "text = new System.Text.StringBuilder(\"b\").Append(«int»).Append('c').ToString();",
        "var anon§ = new { A = «int», B = «long» }; p1 = anon§.B;", "p0 = li.Select(z => z & 15).Aggregate(0, (a, b) => unchecked(a * 31 + b));", "al = al.OrderBy(z => z).ToArray();", "var record§ = new Named(«string», «int»); p0 = record§.Number; p9 = record§ == new Named(\"a\", p0);",
    ];
}
