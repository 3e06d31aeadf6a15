namespace TorchSharp.Fx.Fuzz;

/// <summary>
/// Exceptions through filters, nested handlers, finally blocks and .NET's own code. A filter reads nothing that another method's finally block writes, and has no effects that one could see:
/// the CLR asks the filters of all callers before it runs the finally blocks on the way.
/// </summary>
internal static class Exceptions
{
    internal static Family Family { get; } = new(
        """
        public sealed class Traced(string text, Exception? inner = null) : Exception(text, inner) { public override string Message => "traced " + base.Message; }

        public static class Throwing
        {
            public static int Returned(int x, List<int> log) { try { try { return 100 / x; } finally { log[0]++; if (x > 5) log[1]++; } } catch (DivideByZeroException) { return -1; } finally { log[0] = unchecked(log[0] * 2); } }
            public static int Looped(int n, List<int> log)
            {
                for (var i = 0; ; i++)
                    try { if (i == n) break; if (i == 2) continue; if (i > 6) return i; log[0] = unchecked(log[0] + i); }
                    catch (Exception) { return -9; }
                    finally { log[1] = unchecked(log[1] + 10); if (i > 8) throw new Traced("loop"); }
                return log[0];
            }
            public static bool Fails(int x) => 10 / x > 0;
            public static T Or<T>(Func<T> run, T otherwise) { try { return run(); } catch (ArithmeticException) { return otherwise; } }
            public static int Rethrown(int x) { try { try { throw x > 3 ? new Traced("big") : new Custom(x); } catch (Traced) { throw; } catch (Exception e) { throw new Traced("wrapped", e); } } catch (Traced e) when (e.InnerException is Custom { Code: var code }) { return code; } }
            public static int Replaced(int x) { try { try { return checked(x + int.MaxValue); } finally { if (x == 7) throw new Traced("finally"); } } catch (Traced) { return 70; } }
            public static int Deepest(int n) { try { return n == 0 ? throw new Traced("deep") : Deepest(n - 1) + 1; } catch (Traced) when (n == 3) { return 30; } }
            public static string Order(int x)
            {
                var order = "";
                try { try { order += "a"; if (x > 0) throw new Custom(x); order += "b"; } finally { order += "c"; try { order += "d"; if (x > 9) throw new Traced("in"); } catch (Traced) { order += "e"; } finally { order += "f"; } } }
                catch (Custom e) when (Noted(ref order, e.Code)) { order += "g"; }
                catch { order += "h"; }
                return order;
            }
            private static bool Noted(ref string order, int code) { order += "?"; return code % 2 == 0; }
            public static IEnumerable<int> Items(int n, List<int> log) { try { for (var i = 0; i < n; i++) { if (i == 3) throw new Traced("item"); yield return i; } } finally { log[0] = unchecked(log[0] + 100); } }
        }

        """,
        new Dictionary<string, string[]>
        {
            ["int"] = ["Throwing.Returned(«int», li)", "Throwing.Looped(«int» & 15, li)", "Throwing.Or(() => 10 / «&int», «int»)", "Throwing.Rethrown(«int»)", "Throwing.Replaced(«int»)", "Throwing.Deepest(«int» & 7)", "(«bool» ? «int» : throw new Traced(«string»))", "Throwing.Items(«int» & 7, li).Sum()", "Throwing.Items(«int» & 7, li).First()", "int.Parse(«string»)"],
            ["string"] = ["Throwing.Order(«int»)", "Throwing.Order(«int» & 15)", "(«string» ?? throw new Traced(\"none\"))"],
        },
        [
            "try «block» catch (Traced e§) when (e§.Message.Length > (fuel & 7)) «block» catch (Exception e§) when ((fuel & 1) == 0) «block»", "try «block» catch (Exception) when (Throwing.Fails(fuel & 3)) «block» catch (Exception e§) { error += e§.Message; }",
            "try { try «block» finally «finally» } catch (Exception e§) when (e§ is ArithmeticException) «block» finally «finally»", "try { try «block» catch (DivideByZeroException) { throw new Traced(\"division\"); } catch (OverflowException e§) { throw new Traced(\"overflow\", e§); } } catch (Traced e§) { error += e§.InnerException?.GetType().Name; }",
            "try { try { throw new Custom(«int»); } finally «finally» } catch (Custom e§) when (e§.Code > (fuel & 15)) { p0 = e§.Code; } catch (Custom) «block»", "try { foreach (var e§ in Throwing.Items(«int» & 7, li)) «loop int e§» } catch (Traced e§) { error += e§.Message; }", "try { li.ForEach(z => ai[2] = 100 / z); } catch (DivideByZeroException) { ai[3]++; }",
            "try { p0 = new[] { 1, 0, «int» }.Select(z => 60 / z).Sum(); } catch (ArithmeticException e§) { error += e§.GetType().Name; }", "using (var scope§ = new Scope(li)) { if («bool») throw new Traced(\"using\"); }", "{ using var a§ = new Scope(li); using var b§ = new Scope(li); p0 = 7 / «int»; }",
            "try { object o§ = «long»; p0 = (int)o§; } catch (InvalidCastException) { p0--; }", "try { p0 = ((string)boxed).Length; } catch (InvalidCastException) { p0--; }", "try { node.Next!.Next!.Value = «int»; } catch (NullReferenceException) { p0++; }", "try { object[] o§ = at; o§[0] = «int»; } catch (ArrayTypeMismatchException) { p0++; }",
            "goto done§; done§: p0 ^= 1;", "try { if («bool») goto end§; «=int»++; } finally «finally» end§: p1 ^= «long»;", "again§: p0 = unchecked(p0 + 1); if (fuel-- > 0 && «bool») goto again§;", "try { throw null!; } catch (NullReferenceException) «block»", "try { p1 = new int[«int» >> 21].Length; } catch (OverflowException) { p0++; }",
            "try { checked { p7 = (byte)«int»; } } catch (OverflowException) { p7 = 9; } finally «finally»", "while (fuel-- > 0) { try { if («bool») break; if («bool») continue; p0 = unchecked(p0 * 3); } finally { p1 = unchecked(p1 + 1); } }",
        ]);
}
