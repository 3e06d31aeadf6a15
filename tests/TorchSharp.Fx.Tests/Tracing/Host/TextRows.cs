using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using static TorchSharp.torch;
using static TorchSharp.Fx.Tests.Tracing.Host.HostRow;

namespace TorchSharp.Fx.Tests.Tracing.Host;

/// <summary>Texts that show a number which depends on an input: read, looked up by, or returned.</summary>
internal static class TextRows
{
    internal sealed record Size(long H, long W);

    internal sealed class Named(long n)
    {
        public override string ToString() => "n" + n;
    }

    private static object? Caught(Action act)
    {
        try
        {
            act();
            return null;
        }
        catch (Exception e)
        {
            return e.Message;
        }
    }

    private static string Level(string text) => text switch { "4" => "four", "2" => "two", "5" => "five", "6" => "six", "3" => "three", _ => "none" };

    internal static HostRow[] Rows { get; } =
    [
        ByExample((x, y) => $"{x.dim()}" == "2"),
        ByExample((x, y) => x.shape[0].ToString() == "4"),
        ByExample((x, y) => x.shape[0].ToString(CultureInfo.InvariantCulture).Equals("4", StringComparison.Ordinal)),
        ByExample((x, y) => new Dictionary<string, int> { ["4,3"] = 7 }.TryGetValue(string.Join(",", x.shape), out var n) ? n : 0),
        ByExample((x, y) => new Dictionary<string, int> { [$"{x.shape[0]}"] = 7 }.Count),
        ByExample((x, y) => $"{x.shape[0]}x{x.shape[1]}"),
        ByExample((x, y) => x.shape[0].ToString("D3")),
        ByExample((x, y) => $"{x.shape[0],6}|{x.shape[1],-4}|{x.shape[0]:N2}"),
        ByExample((x, y) => $"{x.shape[0]}".Length),
        ByExample((x, y) => ("n" + x.shape[0]).Length),
        ByExample((x, y) => ("n" + x.shape[0])[1] == '4'),
        ByExample((x, y) => "n" + x.shape[0] + "," + y.shape[0] + "!"),
        ByExample((x, y) => string.Concat("n", x.shape[0], 'c')),
        ByExample((x, y) => string.Concat(x.shape.Select(n => n.ToString()))),
        ByExample((x, y) => string.Format(CultureInfo.InvariantCulture, "{0}-{1:D2} {{}} {0,4}", x.shape[0], y.shape[0])),
        ByExample((x, y) => string.Format("{0}", x.shape[0]) == "4"),
        ByExample((x, y) => string.Join("x", x.shape)),
        ByExample((x, y) => string.Join('x', x.shape[0], 2)),
        ByExample((x, y) => string.Join("x", x.shape[0], x.shape[1])),
        ByExample((x, y) => string.Join("x", new[] { x, y }.Select(t => t.shape[0]))),
        ByExample((x, y) => string.Join("x", new[] { x, y }.Select(t => t.shape[0].ToString()))),
        ByExample((x, y) => string.Join("x", new List<long> { x.shape[0], 2 })),
        ByExample((x, y) => string.Join(x.shape[0].ToString(), "a", "b")),
        ByExample((x, y) => new StringBuilder().Append(x.shape[0]).Append(',').Append(2).ToString()),
        ByExample((x, y) => new StringBuilder("a").Append($"{x.shape[0]}b").AppendLine().ToString().Trim()),
        ByExample((x, y) => new StringBuilder().Append(x.shape[0]).Length),
        ByExample((x, y) => new StringBuilder().Append(x.shape[0]).Insert(0, "a").ToString()),
        ByExample((x, y) => new StringBuilder().AppendFormat("{0}", x.shape[0]).ToString()),
        ByExample((x, y) => new StringBuilder().AppendJoin(",", x.shape).ToString()),
        ByExample((x, y) => new StringBuilder().Append("ab").Append(x.shape[0]).Replace("a", "c").ToString()),
        ByExample((x, y) => new StringBuilder().Append(x.shape[0].ToString()).Equals(new StringBuilder("4"))),
        ByExample((x, y) => new StringBuilder().Append('a', (int)x.shape[0]).ToString()),
        ByExample((x, y) => $"{x.shape[0]}".Contains('4')),
        ByExample((x, y) => $"{x.shape[0]}".StartsWith("4")),
        ByExample((x, y) => $"{x.shape[0]}".GetHashCode() == "4".GetHashCode()),
        ByExample((x, y) => $"{x.shape[0]}a".Replace("a", "b")),
        ByExample((x, y) => $"{x.shape[0]}a".ToUpperInvariant()),
        ByExample((x, y) => $"{x.shape[0]},{x.shape[1]}".Split(',').Length),
        ByExample((x, y) => $"{x.shape[0]},{x.shape[1]}".Split(',').Select(long.Parse).Sum()),
        ByExample((x, y) => int.Parse(x.shape[0].ToString(), CultureInfo.InvariantCulture)),
        ByExample((x, y) => Regex.IsMatch($"{x.shape[0]}", "^4$")),
        ByExample((x, y) => $"{x.shape[0]}".AsSpan()[0] == '4'),
        ByExample((x, y) => $"{x.shape[0]}".ToCharArray().Length),
        ByExample((x, y) => $"{x.shape[0]}".Select(c => c - '0').Sum()),
        ByExample((x, y) => { var n = 0; foreach (var c in $"{x.shape[0]}") n += c; return n; }),
        ByExample((x, y) => string.IsNullOrEmpty($"{x.shape[0]}")),
        ByExample((x, y) => string.Equals($"{x.shape[0]}", "4")),
        ByExample((x, y) => string.Compare($"{x.shape[0]}", "3", StringComparison.Ordinal) > 0),
        ByExample((x, y) => Level($"{x.shape[0]}")),
        ByExample((x, y) => new List<string> { $"{x.shape[0]}" }.Contains("4")),
        ByExample((x, y) => new HashSet<string> { $"{x.shape[0]}", "4" }.Count),
        ByExample((x, y) => new[] { $"{x.shape[0]}", "3" }.Max()),
        ByExample((x, y) => new[] { $"{x.shape[0]}", "3" }.OrderBy(s => s).First()),
        ByExample((x, y) => ($"{x.shape[0]}", 1).Equals(("4", 1))),
        ByExample((x, y) => new[] { x, y }.GroupBy(t => $"{t.shape[1]}").Count()),
        ByExample((x, y) => (object)$"{x.shape[0]}" is "4" ? 1 : 2),
        ByExample((x, y) => new Size(x.shape[0], 2).ToString()),
        ByExample((x, y) => $"{new Size(x.shape[0], 2)}".Length),
        ByExample((x, y) => $"{new Named(x.shape[0])}"),
        ByExample((x, y) => "a" + new Named(x.shape[0])),
        ByExample((x, y) => (x.shape[0], 2).ToString()),
        ByExample((x, y) => $"{(x.shape[0], 2)}"),
        ByExample((x, y) => x.dtype.ToString()),
        ByExample((x, y) => $"{x.dtype}" == "Float32"),
        ByExample((x, y) => x.dtype.ToString().ToLowerInvariant()),
        ByExample((x, y) => x.dtype.ToString("G")),
        Sound((x, y) => x.device.ToString()),
        Sound((x, y) => $"{x.device.type}"),
        Both((x, y) => $"{x.shape}"),
        Both((x, y) => x.shape.ToString()),
        Sound((x, y) => x.ToString()),
        Sound((x, y) => $"{x}".Length),
        Sound((x, y) => "a" + x),
        Sound((x, y) => x.ToString(TensorStringStyle.Numpy)),
        ByExample((x, y) => (x.shape[0] > 3).ToString()),
        ByExample((x, y) => $"{x.shape[0] > 3}"),
        ByExample((x, y) => ((double)x.shape[0] / 3).ToString("F3", CultureInfo.InvariantCulture)),
        ByExample((x, y) => ((float)x.shape[0]).ToString(CultureInfo.InvariantCulture)),
        ByExample((x, y) => ((byte)x.shape[0]).ToString(CultureInfo.InvariantCulture)),
        ByExample((x, y) => { long? n = x.shape[0]; return n.ToString(); }),
        ByExample((x, y) => { object o = x.shape[0]; return o.ToString(); }),
        ByExample((x, y) => Convert.ToString(x.shape[0], CultureInfo.InvariantCulture)),
        ByExample((x, y) => Convert.ToString((object)x.shape[0], CultureInfo.InvariantCulture)),
        ByExample((x, y) => Encoding.UTF8.GetByteCount($"{x.shape[0]}")),
        ByExample((x, y) => FormattableString.Invariant($"{x.shape[0]}")),
        ByExample((x, y) => string.Create(CultureInfo.InvariantCulture, $"{x.shape[0]:D2}")),
        ByExample((x, y) => Caught(() => throw new InvalidOperationException($"{x.shape[0]}"))),
        ByExample((x, y) => Caught(() => throw new ArgumentException($"{x.shape[0]}", "a"))),
        ByExample((x, y) => Caught(() => throw new ArgumentOutOfRangeException("a", x.shape[0], "b"))),
        ByExample((x, y) => new Exception($"{x.shape[0]}").Message),
        ByExample((x, y) => new Exception($"{x.shape[0]}").ToString().Length),
        Both((x, y) => { System.Diagnostics.Trace.WriteLine($"{x.shape[0]}"); return x; }),
        Both((x, y) => { System.Diagnostics.Trace.TraceInformation("{0} {1}", x.shape[0], x); return x; }),
        Both((x, y) => { System.Diagnostics.Debug.WriteLine($"{x.shape[0]}" + x.dtype); return x; }),
        Both((x, y) => { var log = new List<string>(); log.Add($"{x.shape[0]}"); return x; }),
        Both((x, y) => { var log = new StringBuilder(); log.Append(x.shape[0]).AppendLine($"a{x.dtype}"); System.Diagnostics.Trace.WriteLine(log.ToString()); return x; }),
        Both((x, y) => x.shape[0] > 0 ? x : throw new ArgumentException($"{x.shape[0]} {x.dtype} {string.Join(",", x.shape)} " + x.shape[1])),
        Sound((x, y) => einsum($"ij->{(x.dim() == 2 ? "ji" : "ij")}", x)),
        Sound((x, y) => x * x.shape[0].ToString().Length),
    ];
}
