using static TorchSharp.torch;

namespace TorchSharp.Fx.Quantization;

/// <summary>A node's operation, under the name that patterns have for it.</summary>
internal static class OperationName
{
    /// <summary>C#'s methods where Python has an operator or a function of torch.nn: they count as these.</summary>
    private static readonly HashSet<string> AsFunctions = ["add", "mul", "matmul", "relu"];

    /// <summary>
    /// A function's name, a method's after a dot, that of one of TorchSharp's modules after <c>nn.</c>; null for other nodes.
    /// </summary>
    /// <param name="node">The node.</param>
    /// <param name="moduleAt">The module of a path.</param>
    internal static string? Of(Node node, Func<string, nn.Module> moduleAt) => node switch
    {
        { op: Opcode.call_module, target: ModuleTarget { Path: var path } } when moduleAt(path) is ConvBn { Geometry: var geometry }
            => geometry is null ? "nn.Linear" : $"nn.Conv{geometry.Kernel.Length}d",
        { op: Opcode.call_module, target: ModuleTarget { Path: var path } } when moduleAt(path) is var module && !ModuleHooks.On(module)
            && module.GetType().Assembly == typeof(nn).Assembly => "nn." + module.GetType().Name,
        { op: Opcode.call_function, target: FunctionTarget { Method.DeclaringType: var type } } when type?.Assembly == typeof(nn).Assembly
            => node.target.name,
        { op: Opcode.call_method, target: MethodTarget { Method.DeclaringType: var type } } when type?.Assembly == typeof(nn).Assembly
            => AsFunctions.Contains(node.target.name) ? node.target.name : "." + node.target.name,
        _ => null,
    };
}
