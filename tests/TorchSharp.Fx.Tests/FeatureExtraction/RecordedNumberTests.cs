using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace TorchSharp.Fx.Tests.FeatureExtraction;

/// <summary>Numbers that come of sizes have the names in a recording that they have in a graph, whatever carries them.</summary>
public sealed class RecordedNumberTests
{
    private static readonly Tensor Table = arange(64).to(float32).reshape(8, 8).DetachFromDisposeScope();

    private static readonly Dictionary<string, Func<Tensor, Tensor>> Programs = new()
    {
        ["rank"] = x => { var d = x.shape.Length - 1; return x.narrow(d, 0, x.shape[d] / 2) * 2; },
        ["rank last"] = x => x.slice(1, 0, x.shape[x.shape.Length - 1], 1) * 3,
        ["range"] = x => x[.., ..(int)x.shape[1]] * x.shape[0],
        ["index^"] = x => x * x.shape[^1] + x.shape[^2],
        ["deconstruct"] = x => { var (b, c) = Two(x); return x.view(b, c) * (b * c); },
        ["struct"] = x => { var s = new Sides(x.shape[0], x.shape[1]); return x.view(s.Area) * s.Height; },
        ["array of tuples"] = x => { var s = new (long h, long w)[1]; s[0] = (x.shape[0], x.shape[1]); return x * s[0].h * s[0].w; },
        ["list of longs"] = x => { var s = new List<long> { x.shape[0], x.shape[1] }; return x.view(s[0] * s[1]) * s[1]; },
        ["list add"] = x => { var s = new List<long>(); s.Add(x.shape[0]); s.Add(x.shape[1]); return x.view(s.ToArray()) * s[1]; },
        ["range concat"] = x => x.reshape(x.shape[..^1].Concat(new long[] { -1, 1 }).ToArray()) * x.shape[1],
        ["spread"] = x => x.reshape([..x.shape[..^1], -1, 1]) * x.shape[1],
        ["class tuple"] = x => { var k = new Holder(); k.Both = (x.shape[0], x.shape[1]); return x * k.Both.Item1 * k.Both.Item2; },
        ["buf range"] = x => x * Table[..(int)x.shape[0], ..(int)x.shape[1]],
        ["buf range2"] = x => x * (Table[.., ..(int)x.shape[1]] == 0)[..2],
        ["buf slice"] = x => x * Table.narrow(1, 0, x.shape[1])[..2],
        ["buf index"] = x => x * Table.index(TensorIndex.Slice(0, x.shape[0]), TensorIndex.Slice(0, x.shape[1])),
        ["buf ellipsis"] = x => x * Table[TensorIndex.Ellipsis, TensorIndex.Slice(null, x.shape[1])][..2],
        ["buf single"] = x => x * Table[x.shape[0]] .sum(),
        ["buf dtype"] = x => x.to(Table.dtype) * 2 + x.shape[0],
        ["buf dtype2"] = x => { var b = Table.narrow(0, 0, x.shape[0]); return x.to(b.dtype) * b.shape[0] + x.shape[0]; },
        ["buf shape"] = x => x * Table.shape[1] + x.shape[0],
        ["const dtype"] = x => { var b = ones(3) * 2; return x.to(b.dtype) * b.shape[0] + x.shape[0]; },
        ["mod"] = x => { long h = x.shape[0], w = x.shape[1]; long p = (4 - h % 4) % 4; long q = (4 - w % 4) % 4; if (p > 0 || q > 0) x = nn.functional.pad(x, [0, q, 0, p]); return x * (h + p); },
        ["mod that is zero"] = x => { long h = x.shape[0]; var p = (2 - h % 2) % 2; return x * (h + p); },
        ["mod int"] = x => { var (h, w) = ((int)x.shape[0], (int)x.shape[1]); var p = (4 - h % 4) % 4; return nn.functional.pad(x, new long[] {0, 0, 0, p}) * (h + p); },
        ["tuple in tuple"] = x => { var (y, (h, w)) = Nested(x); return y * h + w; },
        ["tuple out"] = x => { var (y, hw) = Nested(x); return y * hw.Item1 + hw.Item2; },
        ["ints tuple"] = x => { var (y, hw) = NestedInts(x); return y.reshape(hw.Item1 * hw.Item2) * hw.Item1; },
        ["int array"] = x => { int[] n = [(int)x.shape[0], (int)x.shape[1]]; return x.reshape(n[0] * n[1]) * n[0]; },
        ["unpack shape"] = x => { var s = x.shape; long b = s[0], c = s[1]; return x.reshape(b * c) * b * s[1]; },
        ["scalar"] = x => x * (Scalar)x.shape[0] + x.shape[1].ToScalar(),
        ["tensor of"] = x => x * tensor(x.shape[0]) + tensor(new[]{x.shape[0], 1, 2, 3, 4, 5}),
        ["arange"] = x => x + arange(x.shape[1]) * (x.shape[0] - 1),
        ["string key"] = x => { var key = x.device.ToString(); if (key != "cpu") x = x * 2; return x * x.shape[0]; },
        ["linq"] = x => { var n = x.shape.Aggregate((p, q) => p * q); return x.view(n) * 2; },
        ["linq sum"] = x => { var n = x.shape.Sum(); return x * n; },
        ["linq sum sel"] = x => { var n = x.shape.Sum(q => q * 2); return x * n; },
        ["yield select"] = x => { var q = x.shape.Select(s => s + 1).ToArray(); return x * q[0] * q[1]; },
        ["longs from ints"] = x => { var s = x.shape.Select(v => (int)v).ToArray(); return x * s[0] * s[1]; },
        ["sort array"] = x => { var s = x.shape.ToArray(); Array.Reverse(s); return x.view(s) * s[0]; },
        ["list of shape"] = x => { var s = x.shape.ToList(); s.Add(1); return x.reshape(s.ToArray()) * s[0]; },
        ["new list"] = x => { var s = new List<long>(x.shape); s.Insert(0, 1); return x.reshape(s.ToArray()) * (s[1] * 2); },
        ["chunks"] = x => { var l = x.chunk(2, 1).ToList(); l.Add(x[.., ..3]); return cat(l, 1) * l[0].shape[0]; },
        ["chunks, then another"] = x => { var l = x.chunk(2, 1).ToList(); l.Add(x[.., 1..4]); return cat(l, 1) * l[0].shape[0]; },
        ["chunks of a list"] = x => { var l = x.chunk(2, 1).ToList(); var first = l[1]; foreach (var c in l) first = first + c; return first * l.Count; },
        ["chunks in an array"] = x => { var a = x.chunk(2, 1).ToArray(); var y = x[.., 1..4]; return a[1] * y + a[0]; },
        ["chunks sel"] = x => cat(x.chunk(2, 1).Select(c => c * 2).ToArray(), 1) * 2,
        ["chunks rev"] = x => cat(x.chunk(2, 1).Reverse().ToList(), 1) * 2,
        ["chunks index"] = x => cat(x.chunk(2, 1).Select((c, i) => c * (i * 2)).ToArray(), 1) * 2,
        ["AddRange"] = x => { var l = new List<Tensor>{ x }; l.AddRange(x.split(2, 1)); return cat(l, 1) * 2; },
        ["zip"] = x => cat(x.unbind(1).Zip(x.unbind(1), (a, b) => a * b).ToArray(), 0) * 2,
        ["take concat"] = x => x.reshape(x.shape.Take(1).Concat(new long[] { -1, 1 }).ToArray()) * x.shape[1],
        ["spread, then read"] = x => { var s = x.shape; var y = x.reshape(s.Concat(new long[] { 1 }).ToArray()); return y * (s[0] * 2); },
        ["skip"] = x => x.reshape(new long[] {-1}.Concat(x.shape.Skip(1)).ToArray()) * x.shape[1],
        ["where"] = x => x.reshape(x.shape.Where(s => s > 2).Prepend(-1).ToArray()) * 2,
        ["first pred"] = x => x * x.shape.First(s => s > 2),
        ["last"] = x => x * x.shape.Last() * x.shape.ElementAt(0),
        ["max sel"] = x => x * x.shape.Max(s => s + 1),
        ["list sum"] = x => { var l = new List<long> { x.shape[0], 2 }; return x * l.Sum(); },
        ["any"] = x => { if (x.shape.Any(s => s < 0)) x = x * 3; return x * x.shape.Max(); },
        ["dim()"] = x => { var d = x.dim() - 1; return x.sum(d) * (x.dim() + 1); },
        ["ndim arith"] = x => x.sum((int)x.ndim - 1) * 2,
        ["shape equal"] = x => x.shape.SequenceEqual(new long[] {2,6}) ? x * 2 : x * 3,
        ["chunk len"] = x => { var c = x.chunk(2, 1); return c[0] * c.Length; },
        ["chunk foreach"] = x => { var y = zeros(2,3); foreach (var c in x.chunk(2, 1)) y = y + c; return y * 2; },
        ["Index list"] = x => { var l = x.unbind(0).ToList(); l.Reverse(); return l[0] * l.Count; },
        ["checked"] = x => x * checked((int)x.shape[0]) + checked(x.shape[1] * 2),
        ["out tuple"] = x => { (long a, long b) t; t.a = x.shape[0]; t.b = 3; return x * t.a + (t.b * 2); },
        ["record struct"] = x => { var r = new Pair(x.shape[0], 3); return x * (r.A * 2) + (r.B * 2); },
        ["with"] = x => { var r = new Pair(x.shape[0], 3) with { B = x.shape[1] }; return x * (r.A * 2) + (r.B * 2); },
        ["local func"] = x => { long L(long k) => k * x.shape[0]; return x * L(2) + L(3); },
        ["mut struct"] = x => { var s = new Sides(1, 2); s.Height = x.shape[0]; s.Width *= 3; var t = s; t.Height += 1; return x * s.Area * t.Height; },
        ["list insert"] = x => { var l = new List<long> { 3, 1 }; l.Insert(1, x.shape[0]); l.RemoveAt(0); return x * (l[0] * 2) + l[1] * 2; },
        ["list foreach"] = x => { var l = new List<long> { 3, x.shape[0] }; long n = 1; foreach (var k in l) n *= k; return x * n; },
        ["list grow"] = x => { var l = new List<long>(); for (int i = 0; i < 9; i++) l.Add(i < 5 ? x.shape[0] : i); return x * (l[0] * 2) + l[8] * 2; },
    };

    public static TheoryData<string> Names => [.. Programs.Keys];

    [Theory, MemberData(nameof(Names))]
    public void A_recording_names_what_a_graph_names(string name)
    {
        using var scope = NewDisposeScope();
        using var module = new Program(Programs[name]);
        var x = arange(12).to(float32).reshape(2, 6);
        var kwargs = new TracerKwargs { example_inputs = [x] };
        string[] expected = [.. feature_extraction.get_graph_node_names(module, tracer_kwargs: kwargs, suppress_diff_warning: true).eval_nodes
            .Where(node => node != "x" && !node.StartsWith("_assert", StringComparison.Ordinal))];
        using var recorder = feature_extraction.create_recorder(module, [expected[^1]]);
        recorder.eval();
        Assert.Equal(expected.Order(), recorder.nodes(x).Where(node => node != "x").Order());

        using var whole = feature_extraction.create_recorder(module, expected);
        using var extractor = feature_extraction.create_feature_extractor((nn.Module)module, expected, tracer_kwargs: kwargs, suppress_diff_warning: true);
        whole.eval();
        ((nn.Module)extractor).eval();
        var (recorded, extracted) = ((Features)whole.call(x)!, (Features)extractor.call(x)!);
        foreach (var node in expected)
            if (extracted.value<object>(node) is Tensor tensor)
                Assert.True(tensor.shape.SequenceEqual(recorded[node].shape) && tensor.eq(recorded[node]).all().item<bool>(), node);
            else if (extracted.value<object>(node) is not Device)
                Assert.Equal(extracted.value<object>(node), recorded.value<object>(node));
    }

    private static (long, long) Two(Tensor x) => (x.shape[0], x.shape[1]);

    private static (Tensor, (long, long)) Nested(Tensor x) => (x + 1, (x.shape[0], x.shape[1]));

    private static (Tensor, (int, int)) NestedInts(Tensor x) => (x + 1, ((int)x.shape[0], (int)x.shape[1]));

    private sealed class Program(Func<Tensor, Tensor> function) : nn.Module<Tensor, Tensor>(nameof(Program))
    {
        public override Tensor forward(Tensor x) => function(x);
    }

    private sealed class Holder
    {
        internal (long, long) Both;
    }

    private struct Sides(long height, long width)
    {
        internal long Height = height;
        internal long Width = width;

        internal readonly long Area => Height * Width;
    }

    private record struct Pair(long A, long B);
}
