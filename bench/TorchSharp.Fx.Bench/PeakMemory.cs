using System.Diagnostics;
using System.Globalization;
using TorchSharp.Fx.Vision;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Bench;

/// <summary>The peak resident memory of resnet50 in each form, one process each: a peak can't be taken back.</summary>
internal static class PeakMemory
{
    private const int Batch = 16;

    private static readonly Dictionary<string, Action<ResNet, Tensor>> Contenders = new()
    {
        ["model only"] = (_, _) => { },
        ["eager, dispose scope"] = Eager,
        ["compiled graph"] = (model, input) =>
        {
            using var traced = fx.symbolic_trace(model);
            Repeat(() => traced.call(input).Dispose());
        },
    };

    internal static int Run(string[] args)
    {
        if (args is [var contender])
            return Measure(contender);
        foreach (var name in Contenders.Keys)
        {
            var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true };
            foreach (var argument in new[] { "memory", name })
                start.ArgumentList.Add(argument);
            using var child = Process.Start(start)!;
            Console.WriteLine($"{name,-24}{child.StandardOutput.ReadToEnd().Trim(),8} MB");
            child.WaitForExit();
        }
        return 0;
    }

    private static int Measure(string contender)
    {
        set_num_threads(2);
        using var noGrad = no_grad();
        using var model = models.resnet50();
        model.eval();
        using var input = rand(Batch, 3, 224, 224);
        Contenders[contender](model, input);
        using var self = Process.GetCurrentProcess();
        Console.WriteLine((self.PeakWorkingSet64 >> 20).ToString(CultureInfo.InvariantCulture));
        return 0;
    }

    private static void Eager(ResNet model, Tensor input) => Repeat(() =>
    {
        using var scope = NewDisposeScope();
        model.call(input);
    });

    private static void Repeat(Action call)
    {
        for (var i = 0; i < 4; i++)
            call();
    }
}
