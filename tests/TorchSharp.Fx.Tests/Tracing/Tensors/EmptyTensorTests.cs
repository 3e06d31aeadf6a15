using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace TorchSharp.Fx.Tests.Tracing;

/// <summary>Tensors without elements, which share no memory with anything: where the program begins to collect.</summary>
public sealed class EmptyTensorTests
{
    private static readonly Dictionary<string, Func<Tensor, Tensor>> Programs = new()
    {
        ["anchors"] = x =>
        {
            var all = zeros(0, 4);
            for (var level = 0; level < 3; level++)
            {
                var a = zeros(2, 4);
                a[.., 2..] = tensor(new float[] { level, level + 1 });
                all = cat([all, a + x.sum()]);
            }
            return all;
        },
        ["an empty one by another way"] = x => cat([empty(0), x.flatten()]),
        ["an empty one of the same type"] = x => cat([zeros(0, 3).to(x.dtype), x]),
        ["an empty slice of a constant"] = x => cat([ones(2, 3)[..0], x, arange(6).to(float32).reshape(2, 3)[2..]]),
        ["an empty one written in place"] = x => { var all = zeros(0, 3); all.add_(1); return cat([all, x]); },
        ["an empty one that is written after a symbol"] = x => { var all = zeros(0, 3); var y = cat([all, x]); all.fill_(2); return cat([all, y]); },
        ["an empty result"] = x => zeros(0, 3) + x[..1],
    };

    public static TheoryData<string> Rows => [.. Programs.Keys];

    [Theory]
    [MemberData(nameof(Rows))]
    public void They_are_constants_like_any(string name)
    {
        using var scope = NewDisposeScope();
        using var bySymbols = fx.symbolic_trace(Programs[name], suppress_trace_warning: true);
        using var byExample = fx.symbolic_trace(Programs[name], example_inputs: [Traced.Sample(1, 2, 3)], suppress_trace_warning: true);
        var x = Traced.Sample(2, 5, 3);
        Traced.Same(Programs[name](x), bySymbols.call(x));
        Traced.Same(Programs[name](x), byExample.call(x));
    }

    private sealed class Anchored(Func<Tensor, Tensor> program) : Module<Tensor, Tensor>(nameof(Anchored))
    {
        public override Tensor forward(Tensor x) => program(x);
    }

    [Theory]
    [MemberData(nameof(Rows))]
    public void They_are_constants_of_features_copies_and_files(string name)
    {
        using var scope = NewDisposeScope();
        using var model = new Anchored(Programs[name]);
        model.eval();
        using var traced = fx.symbolic_trace(model, suppress_trace_warning: true);
        var x = Traced.Sample(2, 5, 3);
        var last = feature_extraction.get_graph_node_names(model).eval_nodes[^1];
        using var features = feature_extraction.create_feature_extractor(model, [last]);
        Traced.Same(model.call(x), features.call(x)[last]);
        using var optimised = traced.optimize_for_inference();
        Traced.Same(model.call(x), optimised.call(x));
        var path = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.safetensors");
        fx.save(traced, path);
        using var loaded = (GraphModule<Tensor, Tensor>)fx.load(path);
        File.Delete(path);
        Traced.Same(model.call(x), loaded.call(x));
    }
}
