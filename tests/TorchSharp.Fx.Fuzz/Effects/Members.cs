using System.Text.RegularExpressions;

namespace TorchSharp.Fx.Fuzz.Effects;

/// <summary>What the fields of a generated module may be. A module has those that its code names.</summary>
/// <param name="Name">The field's name.</param>
/// <param name="Declaration">Its type and value.</param>
/// <param name="Setup">What the constructor does before the fields are registered; it may name further fields.</param>
internal sealed partial record Member(string Name, string Declaration, string Setup = "")
{
    internal static Member[] All { get; } =
    [
        new("fc", "Linear fc = nn.Linear(4, 4)"),
        new("other", "Linear other = nn.Linear(4, 4)"),
        new("tied", "Linear tied = nn.Linear(4, 4, hasBias: false)", "tied.weight = fc.weight;"),
        new("again", "Linear again", "again = other;"),
        new("bn", "BatchNorm1d bn = nn.BatchNorm1d(4)"),
        new("instance", "InstanceNorm1d instance = nn.InstanceNorm1d(4, affine: true, track_running_stats: true)"),
        new("layer", "LayerNorm layer = nn.LayerNorm(4)"),
        new("act", "ReLU act = nn.ReLU(inplace: true)"),
        new("soft", "Softmax soft = nn.Softmax(1)"),
        new("drop", "Dropout drop = nn.Dropout(0.5)"),
        new("lossy", "Dropout lossy = nn.Dropout(0.25, inplace: true)"),
        new("emb", "Embedding emb = nn.Embedding(4, 4, max_norm: 0.5)"),
        new("seq", "Sequential seq = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.ReLU(inplace: true))"),
        new("nest", "Sequential nest", "nest = nn.Sequential(fc, act, fc);"),
        new("layers", "nn.Module<Tensor, Tensor>[] layers = [nn.Linear(4, 4), nn.ReLU(inplace: true)]"),
        new("heads", """Dictionary<string, nn.Module<Tensor, Tensor>> heads = new() { ["a.b"] = nn.Linear(4, 4), ["-0.5"] = nn.BatchNorm1d(4) }"""),
        new("list", "ModuleList<nn.Module<Tensor, Tensor>> list = nn.ModuleList<nn.Module<Tensor, Tensor>>(nn.Linear(4, 4), nn.Hardswish())"),
        new("tap0", "Identity tap0 = nn.Identity()"),
        new("tap1", "Identity tap1 = nn.Identity()"),
        new("picture", "Picture picture = new()"),
        new("dense", "Dense dense = new()"),
        new("average", "Average average = new()"),
        new("bump", "Bump bump = new()"),
        new("turn", "Turn turn = new()"),
        new("keeper", "Keeper keeper = new()"),
        new("counter", "Counter counter = new()"),
        new("noisy", "Noisy noisy = new()"),
        new("halves", "Halves halves = new()"),
        new("doubled", "Doubled doubled = new()"),
        new("named", "Named named = new()"),
        new("weight", "Parameter weight = new(torch.rand(4, 4) - 0.5)"),
        new("buffer", "Tensor buffer = torch.ones(4, 4)"),
        new("step", "Tensor step = torch.zeros(1)"),
        new("mean", "Tensor mean = torch.zeros(4)"),
        new("spread", "Tensor spread = torch.ones(4)"),
        new("raw", "Tensor[] raw = [torch.full([4, 4], 0.5f)]"),
    ];

    /// <summary>Those that a text names, in the table's order.</summary>
    internal static Member[] In(string text)
    {
        var named = Word().Matches(text).Select(word => word.Value).ToHashSet();
        for (var before = -1; before < named.Count;)
        {
            before = named.Count;
            foreach (var member in All.Where(member => named.Contains(member.Name)))
                named.UnionWith(Word().Matches(member.Setup).Select(word => word.Value));
        }
        return [.. All.Where(member => named.Contains(member.Name))];
    }

    [GeneratedRegex(@"(?<![\.\w""])[a-z]\w*")]
    private static partial Regex Word();
}
