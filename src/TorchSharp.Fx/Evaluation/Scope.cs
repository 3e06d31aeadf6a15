using static TorchSharp.torch;

namespace TorchSharp.Fx.Evaluation;

/// <summary>A level of a hierarchy without code of its own.</summary>
internal sealed class Scope(string name) : nn.Module(name);
