using BenchmarkDotNet.Running;
using TorchSharp.Fx.Bench;

// dotnet run -c Release --project bench/TorchSharp.Fx.Bench -- --filter '*'      timings, by BenchmarkDotNet
// dotnet run -c Release --project bench/TorchSharp.Fx.Bench -- memory            peak memory, one process a contender
if (args is ["memory", ..])
    return PeakMemory.Run(args[1..]);
BenchmarkSwitcher.FromAssembly(typeof(TraceBenchmarks).Assembly).Run(args);
return 0;
