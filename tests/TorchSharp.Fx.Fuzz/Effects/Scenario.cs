using System.Reflection;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Fuzz.Effects;

/// <summary>How a generated module is called: in which mode, how often, with what. The same for the same seed.</summary>
internal sealed class Scenario
{
    private readonly int seed;
    private readonly Assembly assembly;
    private readonly EffectSignature signature;

    /// <param name="seed">The program's.</param>
    /// <param name="assembly">Where it is.</param>
    /// <param name="returnsOwn">Whether it may return a tensor that it holds unregistered: a graph returns a copy of such a one, and so its callers don't write to results.</param>
    internal Scenario(int seed, Assembly assembly, bool returnsOwn)
    {
        (this.seed, this.assembly) = (seed, assembly);
        signature = EffectSignature.Of(seed);
        var random = new Random(seed + 1000);
        Training = random.Next(2) == 0;
        HasGradients = random.Next(3) == 0;
        ByExample = random.Next(2) == 0;
        WritesToResults = random.Next(2) == 0 && !returnsOwn;
        Calls = random.Next(1, 4);
    }

    internal bool Training { get; }

    /// <summary>Whether gradients are recorded while it runs.</summary>
    internal bool HasGradients { get; }

    /// <summary>Whether it is traced by example.</summary>
    internal bool ByExample { get; }

    /// <summary>Whether the caller writes to the results before the next call.</summary>
    internal bool WritesToResults { get; }

    internal int Calls { get; }

    /// <summary>Whether the result is a dictionary, which TorchSharp can't receive from a TorchScript module.</summary>
    internal bool ReturnsDictionary => signature.Result.Type.StartsWith("Dictionary", StringComparison.Ordinal);

    /// <summary>A number for a choice, by its name.</summary>
    internal int Choice(string name, int below) => new Random(seed * 17 + name.Length * 101 + name[0]).Next(below);

    /// <summary>The module as it is before its first call.</summary>
    internal nn.Module New() => New(Training);

    /// <inheritdoc cref="New()"/>
    internal nn.Module New(bool training)
    {
        using var recorded = enable_grad();
        manual_seed(seed);
        var module = (nn.Module)Activator.CreateInstance(assembly.GetType(EffectProgram.Name(seed))!)!;
        module.train(training);
        return module;
    }

    /// <summary>New inputs of a call.</summary>
    /// <param name="call">The call's number; the first one's are the example.</param>
    /// <param name="leaf">What the tensors are made of: for gradients.</param>
    internal object?[] Inputs(int call, Func<Tensor, Tensor>? leaf = null)
    {
        leaf ??= value => value;
        return signature.HasExtra ? [Matrix(0), Extra()] : [Matrix(0)];

        Tensor Matrix(int number) => leaf(((arange(16, dtype: float32) * (number + 3) + call * 5 + seed % 13) % 17 / 8 - 1).reshape(4, 4));

        object? Extra() => signature.Extra.Type switch
        {
            "Tensor" => Matrix(1),
            "Tensor?" => (seed + call) % 3 == 0 ? null : Matrix(1),
            "List<Tensor>" => new List<Tensor> { Matrix(1), Matrix(2) },
            "Tensor[]" => new[] { Matrix(1), Matrix(2) },
            "(Tensor A, Tensor B)" => (Matrix(1), Matrix(2)),
            "Dictionary<string, Tensor>" => new Dictionary<string, Tensor> { ["a"] = Matrix(1), ["b"] = Matrix(2) },
            "Couple" => new Couple(Matrix(1), Matrix(2), 2),
            "(Tensor A, List<Tensor> B)" => (Matrix(1), new List<Tensor> { Matrix(2), Matrix(3) }),
            "bool?" => ((seed + call) % 3) switch { 0 => null, 1 => true, _ => (object?)false },
            "int?" => (seed + call) % 3 == 0 ? null : 2 + call % 2,
            _ => 0.5 + call,
        };
    }

    /// <summary>Seeds the draws, and calls something as often as this says.</summary>
    /// <param name="call">What is called.</param>
    /// <param name="state">Whose parameters and buffers are looked at afterwards.</param>
    /// <param name="inner">What it noted of the inner values since it was last asked.</param>
    internal Observation Run(Func<object?[], object?> call, nn.Module state, Func<object?>? inner = null)
    {
        var observation = new Observation();
        using var recorded = set_grad_enabled(HasGradients);
        manual_seed(seed);
        for (var number = 0; number < Calls && observation.Thrown is null; number++)
            Run(call, number, inner, observation);
        if (observation.Thrown is null)
            AddState(observation, state);
        return observation;
    }

    private void Run(Func<object?[], object?> call, int number, Func<object?>? inner, Observation observation)
    {
        try
        {
            var inputs = Inputs(number);
            var result = call(inputs);
            observation.Add($"result of call {number}", result);
            observation.Add($"inputs after call {number}", inputs);
            if (inner is not null)
                observation.Add($"inner values of call {number}", inner());
            if (WritesToResults)
                Overwrite(result);
        }
        catch (Exception thrown)
        {
            observation.Thrown = thrown is TargetInvocationException { InnerException: { } cause } ? cause : thrown;
        }
    }

    private static void AddState(Observation observation, nn.Module state)
    {
        foreach (var (name, parameter) in state.named_parameters())
            observation.Add($"parameter {name}", parameter);
        foreach (var (name, buffer) in state.named_buffers())
            if (!name.Contains("_tensor_constant", StringComparison.Ordinal))
                observation.Add($"buffer {name}", buffer);
        observation.Add("the generator", (rand(2), randn(3)));
    }

    /// <summary>Results are the caller's: what it does to them must reach nothing but what eager's caller reaches.</summary>
    private static void Overwrite(object? result)
    {
        using var noGradients = no_grad();
        if (Tensors.In(result).FirstOrDefault(tensor => tensor.is_floating_point()) is { } first)
            first.mul_(0.5);
    }
}
