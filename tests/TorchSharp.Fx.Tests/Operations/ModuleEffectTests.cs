using System.Collections;
using System.Reflection;
using System.Runtime.CompilerServices;
using TorchSharp.Fx.Tests.FeatureExtraction;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Tests.Operations;

/// <summary>
/// The rows of modules beside what really happens: every module of TorchSharp's runs in training and evaluation, and what changes of its parameters, buffers and inputs, whether it draws, and which
/// inputs its result shares memory with must be what its row says.
/// </summary>
[Collection(nameof(Alone))] // it seeds the generator that all share
public sealed class ModuleEffectTests : IDisposable
{
    private readonly RandomState random = new();

    public void Dispose() => random.Dispose();

    /// <summary>Without a run here, with the reason.</summary>
    private static readonly (string Reason, string Names)[] NotRun =
    [
        ("They hold modules or parameters and compute nothing.", "ModuleList ModuleDict ParameterList ParameterDict"),
        ("TorchSharp's forward of it throws on every input.", "AdaptiveMaxPool3d"),
        ("Bases of others, and a saved program, which has no row.", "Module ParameterLessModule HookableModule ScriptModule HookableScriptModule Loss WeightedLoss"),
    ];

    [Fact]
    public void What_a_module_shares_writes_draws_and_updates_is_in_its_row()
    {
        var failures = new List<string>();
        var run = new HashSet<string>();
        foreach (var (name, make) in ModuleSamples.All)
            foreach (var training in new[] { false, true })
                using (NewDisposeScope())
                    if (Observation.Of(make, training) is { } seen)
                    {
                        failures.AddRange(seen.Unexpected().Select(what => $"{name} {what}"));
                        if (seen.Updated && seen.IsUpdatedByTrace(make, training))
                            failures.Add($"{name} is changed by a trace by example");
                        run.Add(Plain(seen.Module.GetType()));
                    }
        Assert.Empty(failures);
        var all = typeof(torch).Assembly.GetExportedTypes().Where(type => typeof(nn.Module).IsAssignableFrom(type) && !type.IsAbstract).Select(Plain).Distinct();
        Assert.Empty(all.Except(run).Except(NotRun.SelectMany(group => group.Names.Split(' '))));
    }

    [Theory]
    [InlineData("BatchNorm1d", true), InlineData("InstanceNorm1d with statistics", true), InlineData("Embedding with a largest norm", false), InlineData("EmbeddingBag with a largest norm", true)]
    public void What_a_row_says_of_statistics_and_tables_happens(string name, bool training)
    {
        using var scope = NewDisposeScope();
        var seen = Observation.Of(ModuleSamples.All.First(entry => entry.Name == name).Make, training)!;
        Assert.True(seen.Updated && seen.Row.Has(Effects.Updates | Effects.UpdatesInTraining));
    }

    [Theory]
    [InlineData("Dropout", true), InlineData("LSTM with dropout", true), InlineData("MultiheadAttention with dropout", true), InlineData("FractionalMaxPool2d", false)]
    public void What_a_row_says_of_random_draws_happens(string name, bool training)
    {
        using var scope = NewDisposeScope();
        var seen = Observation.Of(ModuleSamples.All.First(entry => entry.Name == name).Make, training)!;
        Assert.True(seen.Drew && seen.Row.Has(Effects.Draws | Effects.DrawsInTraining));
    }

    private static string Plain(Type type) => type.Name.Split('`')[0];

    /// <summary>One call of a module.</summary>
    private sealed class Observation
    {
        private readonly List<(Tensor Tensor, Tensor Before, nint Storage)> given = [];
        private object? result;
        private MethodInfo? call;
        private object?[] arguments = [];

        internal required nn.Module Module { get; init; }

        internal required Operation Row { get; init; }

        internal bool Drew { get; private set; }

        internal bool Updated { get; private set; }

        /// <summary>Null where the module takes none of the inputs.</summary>
        internal static Observation? Of(Func<nn.Module> make, bool training)
        {
            foreach (var call in make().GetType().GetMethods().Where(method => method is { Name: "call", IsGenericMethod: false }).OrderByDescending(method => method.GetParameters().Length))
                foreach (var inputs in ModuleSamples.Inputs(call))
                {
                    var module = make();
                    module.train(training);
                    var seen = new Observation { Module = module, Row = Fx.Graphs.Operations.Of(module, call, training) };
                    if (seen.Run(call, inputs))
                        return seen;
                }
            return null;
        }

        internal IEnumerable<string> Unexpected()
        {
            if (Drew && !Row.Has(Effects.Draws | Effects.DrawsInTraining))
                yield return "draws random numbers";
            if (Updated && !Row.Has(Effects.Updates | Effects.UpdatesInTraining))
                yield return "changes parameters or buffers";
            var storages = In(result).Select(TensorIdentity.Storage).Where(storage => storage != 0).ToHashSet();
            foreach (var (position, (tensor, before, storage)) in given.Index())
            {
                if (!Covers(Row.Writes, position) && !AreSame(tensor, before))
                    yield return $"changes its argument {position}";
                if (!Covers(Row.Views, position) && (storages.Contains(storage) || In(result).Any(part => ReferenceEquals(part, tensor))))
                    yield return $"shares memory with its argument {position}";
            }
        }

        /// <summary>Whether what runs in a trace in the module's stead changes the module.</summary>
        internal bool IsUpdatedByTrace(Func<nn.Module> make, bool training)
        {
            using var none = no_grad();
            var module = make();
            module.train(training);
            var state = module.state_dict().Values.Select(tensor => (Tensor: tensor, Before: tensor.clone())).ToArray();
            call!.Invoke(DetachedCopy.Where(module, "module", null)?.Module ?? module, arguments);
            return state.Any(entry => !AreSame(entry.Tensor, entry.Before));
        }

        private static bool Covers(Operands operands, int position) => operands == Operands.All || (operands == Operands.First && position == 0);

        private bool Run(MethodInfo call, object?[] inputs)
        {
            using var none = no_grad();
            (this.call, arguments) = (call, inputs);
            given.AddRange(inputs.SelectMany(In).Select(tensor => (tensor, tensor.clone(), TensorIdentity.Storage(tensor))));
            var state = Module.state_dict().Values.Select(tensor => (Tensor: tensor, Before: tensor.clone())).ToArray();
            manual_seed(1);
            using var generator = get_rng_state();
            try
            {
                result = call.Invoke(Module, inputs);
            }
            catch (TargetInvocationException)
            {
                return false;
            }
            using var after = get_rng_state();
            Drew = !AreSame(after, generator);
            Updated = state.Any(entry => !AreSame(entry.Tensor, entry.Before));
            return true;
        }

        private static IEnumerable<Tensor> In(object? value) => value switch
        {
            Tensor tensor => [tensor],
            IEnumerable list => list.Cast<object?>().SelectMany(In),
            ITuple tuple => Enumerable.Range(0, tuple.Length).SelectMany(i => In(tuple[i])),
            _ => [],
        };

        private static bool AreSame(Tensor tensor, Tensor before) => tensor.shape.SequenceEqual(before.shape) && (tensor == before).all().item<bool>();
    }
}
