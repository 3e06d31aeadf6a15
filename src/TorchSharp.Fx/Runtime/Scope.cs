using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>A level of a hierarchy without code of its own.</summary>
internal sealed class Scope(string name) : nn.Module(name);
