using static TorchSharp.torch;

namespace TorchSharp.Fx.Modules;

/// <summary>Every module's own train/eval flag, put back when disposed: parents first, as setting one sets its children.</summary>
internal sealed class TrainingFlags : IDisposable
{
    private readonly List<(nn.Module Module, bool Training)> flags = [];

    internal TrainingFlags(nn.Module root) => Note(root);

    public void Dispose()
    {
        var (root, training) = flags[0];
        root.train(training);
        foreach (var (module, flag) in flags)
            if (module.training != flag)
                module.train(flag);
    }

    private void Note(nn.Module module)
    {
        flags.Add((module, module.training));
        foreach (var (_, child) in module.named_children())
            Note(child);
    }
}
