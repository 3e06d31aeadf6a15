using System.Collections;
using System.Collections.Immutable;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Operations;

/// <summary>
/// The table of operations beside what really happens: every public operation runs on small inputs of several kinds, and a tensor whose memory the result shares, an
/// argument that changes, and a generator that moves on must be what the table says.
/// </summary>
[Collection("Tensor counts")] // it seeds the generator that all share
public sealed class EffectTableTests
{
    private static readonly ScalarType[] DTypes = [float32, int64, ScalarType.Bool];

    /// <summary>Not run here, with the reason.</summary>
    private static readonly (string Reason, string[] Parts)[] NotRun =
    [
        ("It needs a device that may be missing.", ["cuda", "mps"]),
        ("It disposes, reads or writes a file, prints or changes the process; its row says that it lies outside.",
            ["Dispose", "save", "Save", "load(", "Load", "from_file", "print", "num_threads", "interop", "DecoupleFrom", "tensorboard", "SummaryWriter"]),
        ("It needs a function of the user's.", ["jacobian", "Func<", "AutogradContext", "MultiTensorFunction", "SingleTensorFunction"]),
        ("Its native error ends the process on these inputs.", ["torch.autograd.grad(", "torch.histogram(", "torch.var(Tensor, long[]"]),
        ("It runs backwards, of which its row says that it changes gradients.", ["backward"]),
    ];

    /// <summary>On bools their native error ends the process.</summary>
    private static readonly string[] NotOfBool = ["Tensor.matmul(Tensor)", "torch.matmul(Tensor, Tensor)"];

    public static TheoryData<int> Parts => [.. Enumerable.Range(0, 8)];

    [Theory]
    [MemberData(nameof(Parts))]
    public void What_an_operation_shares_writes_and_draws_is_in_the_table(int part)
    {
        var failures = new List<string>();
        foreach (var (name, method) in PublicOperations.All.Where(entry => IsRun(entry.Key)).Where((_, i) => i % 8 == part))
            for (var kind = 0; kind < 6; kind++)
                using (NewDisposeScope())
                    if ((kind != 2 || !NotOfBool.Contains(name)) && Observation.Of(method, kind) is { } seen)
                        failures.AddRange(seen.Unexpected().Select(what => $"{name} {what}"));
        Assert.Empty(failures.Distinct());
    }

    /// <summary>Operations without a row, which count as doing anything.</summary>
    private static readonly (string Reason, string[] Types)[] WithoutRow =
    [
        ("Its methods run what the user gives it.", ["autograd.AutogradContext", "autograd.MultiTensorFunction", "autograd.SingleTensorFunction", "autograd.functional"]),
        ("Calls a module.", ["op_MinusMinusGreater"]),
        ("A saved program, which may be anything.", ["ExportedProgram", "jit"]),
        ("Makes or moves modules, or writes logs: no part of a graph.", ["ModuleExtensionMethods", "SummaryWriter", "tensorboard", "TensorDataset", "Dataset", "TensorAccessor"]),
    ];

    [Fact]
    public void Every_operation_has_a_row_or_a_reason_for_having_none()
    {
        var missing = PublicOperations.All.Where(entry => Fx.Graphs.Operations.Of(entry.Value).IsOpaque && !WithoutRow.SelectMany(group => group.Types).Any(type => entry.Key.Contains(type, StringComparison.Ordinal)))
            .Select(entry => entry.Key);
        Assert.Empty(missing);
    }

    [Fact]
    public void Every_module_has_a_row_or_a_reason_for_having_none()
    {
        string[] without = ["Module", "ParameterLessModule", "HookableModule", "ScriptModule", "HookableScriptModule", "ParameterList", "ParameterDict", "Loss", "WeightedLoss"];
        var missing = typeof(torch).Assembly.GetExportedTypes().Where(type => typeof(nn.Module).IsAssignableFrom(type) && !type.IsAbstract)
            .Where(type => Fx.Graphs.Operations.Of(type).IsOpaque && !without.Contains(type.Name.Split('`')[0])).Select(type => type.Name);
        Assert.Empty(missing);
    }

    private static bool IsRun(string name)
        => !OperationExceptions.EndTheProcess.Contains(name) && !NotRun.SelectMany(group => group.Parts).Any(part => name.Contains(part, StringComparison.Ordinal));

    /// <summary>One call of an operation, and the node that stands for it.</summary>
    private sealed class Observation
    {
        private readonly Graph graph = new();
        private readonly List<(Node Node, Tensor Tensor, Tensor Before, string Layout, nint Address)> given = [];
        private Node call = null!;
        private object? result;
        private bool drew;

        /// <summary>Null where the operation refuses these inputs.</summary>
        internal static Observation? Of(MethodBase method, int kind)
        {
            try
            {
                var seen = new Observation();
                seen.Run(method, kind);
                return seen;
            }
            catch (Exception)
            {
                return null;
            }
        }

        internal IEnumerable<string> Unexpected()
        {
            var aliases = new AliasAnalysis(graph, null);
            var (written, shared) = (aliases.MutatedBy(call).ToArray(), aliases.ClassOf(call));
            var addresses = In(result).Select(AddressOf).Where(address => address != 0).ToHashSet();
            if (drew && !aliases.Operation(call).Has(Effects.Draws | Effects.WritesState))
                yield return "draws random numbers";
            foreach (var (node, tensor, before, layout, address) in given)
            {
                if (!written.Contains(node) && (tensor.IsInvalid || LayoutOf(tensor) != layout || !AreSame(tensor, before)))
                    yield return $"changes its argument '{node.name}'";
                if (call.type != typeof(void) && TensorTypes.MayHold(call.type) && !shared.Contains(node) && (addresses.Contains(address) || In(result).Any(part => ReferenceEquals(part, tensor))))
                    yield return $"shares memory with its argument '{node.name}'";
            }
        }

        private void Run(MethodBase method, int kind)
        {
            var samples = new Samples(kind < 3 ? DTypes[kind] : float32);
            var parameters = method.GetParameters();
            var receiver = method.IsStatic || method.IsConstructor ? null : Small(samples.Receiver(method.DeclaringType!), kind);
            object?[] arguments = [.. parameters.Select(parameter => Small(samples.Of(parameter), kind))];
            var args = ImmutableArray.CreateBuilder<Argument>();
            if (!method.IsStatic && !method.IsConstructor)
                args.Add(Given(receiver, "self"));
            args.AddRange(arguments.Zip(parameters, (value, parameter) => Given(value, parameter.Name!)));
            var type = method is MethodInfo { ReturnType: var returned } ? returned : method.DeclaringType!;
            call = graph.create_node(Opcode.call_function, new FunctionTarget(method), args.ToImmutable(), type);
            manual_seed(1);
            using var state = get_rng_state();
            result = Thunks.Invoke(method, receiver, arguments);
            using var after = get_rng_state();
            drew = !(state == after).all().item<bool>();
        }

        private Argument Given(object? value, string name) => value switch
        {
            Tensor tensor => Input(tensor, name),
            IList list when In(value).Any() => new ListArgument([.. list.Cast<object?>().Select(item => Given(item, name))], typeof(Tensor)),
            ITuple tuple when In(value).Any() => new TupleArgument([.. Enumerable.Range(0, tuple.Length).Select(i => Given(tuple[i], name))], value.GetType()),
            distributions.Distribution => graph.placeholder(name, value.GetType()),
            _ => new Literal(value),
        };

        private Node Input(Tensor tensor, string name)
        {
            var node = graph.placeholder(name, typeof(Tensor));
            given.Add((node, tensor, tensor.clone(), LayoutOf(tensor), AddressOf(tensor)));
            return node;
        }

        /// <summary>From the fourth kind on lists have one tensor, and tensors one dimension or one element.</summary>
        private static object? Small(object? value, int kind) => kind < 3 ? value : value switch
        {
            Tensor tensor => kind == 4 ? tensor[0].clone() : kind == 5 ? tensor[..1, ..1].clone() : tensor,
            Tensor[] array => array.Take(1).Select(tensor => (Tensor)Small(tensor, kind)!).ToArray(),
            List<Tensor> list => list.Take(1).Select(tensor => (Tensor)Small(tensor, kind)!).ToList(),
            string text when text.Contains("->", StringComparison.Ordinal) => kind == 4 ? "i->i" : "ij->ji",
            _ => value,
        };

        private static IEnumerable<Tensor> In(object? value) => value switch
        {
            Tensor tensor => [tensor],
            string or Scalar or Device or null => [],
            IDictionary dictionary => In(dictionary.Values),
            IEnumerable list => list.Cast<object?>().SelectMany(In),
            ITuple tuple => Enumerable.Range(0, tuple.Length).SelectMany(i => In(tuple[i])),
            distributions.Distribution held => ModuleHierarchy.FieldsOf(held.GetType()).Select(field => field.GetValue(held)).OfType<Tensor>(),
            _ => [],
        };

        private static string LayoutOf(Tensor tensor) => $"{string.Join(",", tensor.shape)} {string.Join(",", tensor.stride())} {tensor.dtype} {tensor.requires_grad}";

        private static bool AreSame(Tensor tensor, Tensor before)
        {
            using var same = tensor == before;
            using var none = tensor.isnan();
            using var either = same.logical_or(none);
            return either.all().item<bool>();
        }

        private static nint AddressOf(Tensor tensor)
        {
            if (tensor.IsInvalid || tensor.is_sparse || tensor.device_type != DeviceType.CPU || tensor.numel() == 0)
                return 0;
            using var start = tensor.as_strided([1], [1], 0);
            return Unsafe.ByteOffset(ref Unsafe.NullRef<byte>(), ref MemoryMarshal.GetReference(start.bytes));
        }
    }
}
