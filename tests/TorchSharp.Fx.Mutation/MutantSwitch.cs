namespace TorchSharp.Fx;

/// <summary>Which mutant is on, by the environment's TORCHFX_MUTANT.</summary>
/// <remarks>A process that ends writes those that it reached into the folder TORCHFX_REACHED.</remarks>
internal static class MutantSwitch
{
    private static readonly int On = int.TryParse(System.Environment.GetEnvironmentVariable("TORCHFX_MUTANT"), out var id) ? id : 0;

    private static readonly bool[] Reached = new bool[4096];

    static MutantSwitch()
    {
        if (System.Environment.GetEnvironmentVariable("TORCHFX_REACHED") is { } folder)
            System.AppDomain.CurrentDomain.ProcessExit += (_, _) => System.IO.File.WriteAllLines(
                System.IO.Path.Combine(folder, $"{System.Environment.ProcessId}.txt"),
                System.Linq.Enumerable.Range(0, Reached.Length).Where(id => Reached[id]).Select(id => $"{id}"));
    }

    internal static bool Is(int id)
    {
        Reached[id] = true;
        return id == On;
    }
}
