using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using TorchSharp.Fx.Bench;

// dotnet run -c Release --project bench/TorchSharp.Fx.Bench -- --filter '*'    timings by BenchmarkDotNet
// dotnet run -c Release --project bench/TorchSharp.Fx.Bench -- compare         eager against compiled, taking turns
// dotnet run -c Release --project bench/TorchSharp.Fx.Bench -- memory          peak memory, one process a contender
// dotnet run -c Release --project bench/TorchSharp.Fx.Bench -- instructions    ns per CIL instruction while tracing, and what example inputs cost
// dotnet run -c Release --project bench/TorchSharp.Fx.Bench -- decoding        a token of a language model: its graph of a step against the module
// dotnet run -c Release --project bench/TorchSharp.Fx.Bench -- detectors       detectors of one and two images, against ONNX Runtime
// dotnet run -c Release --project bench/TorchSharp.Fx.Bench -- sizes           images whose size changes from call to call, against ONNX Runtime
// dotnet run -c Release --project bench/TorchSharp.Fx.Bench -- recording       us per named value and ns per CIL instruction of a recorded run
// dotnet run -c Release --project bench/TorchSharp.Fx.Bench -- loading         loading weights against reading their file, and peak memory
// dotnet run -c Release --project bench/TorchSharp.Fx.Bench -- opening         opening .pt2, .onnx and saved graphs against reading their files, and peak memory
// dotnet run -c Release --project bench/TorchSharp.Fx.Bench -- images          images to features on disk, against the model alone
// dotnet run -c Release --project bench/TorchSharp.Fx.Bench -- dataset 900     JPEGs to a table of features, against the model alone
// dotnet run -c Release --project bench/TorchSharp.Fx.Bench -- dataset-memory  memory over the rows: 100,000 images to a table
// dotnet run -c Release --project bench/TorchSharp.Fx.Bench -- dataset-plan    the same: a manifest of 10,000,000 rows into the shards of a job
// dotnet run -c Release --project bench/TorchSharp.Fx.Bench -- dataset-workers a job in two processes against one
// dotnet run -c Release --project bench/TorchSharp.Fx.Bench -- capacity resnet18=20   what 10^8 images take, simulated, by milliseconds of processor time an image
// dotnet run -c Release --project bench/TorchSharp.Fx.Bench -- scaling         what four times the nodes cost in each step; 4 is linear
// dotnet run -c Release --project bench/TorchSharp.Fx.Bench -- goals           all that the project wants to reach; bench/measure.sh does it with an installed tool
// dotnet run -c Release --project bench/TorchSharp.Fx.Bench -- zoo             every model against ONNX Runtime; bench/zoo.sh does it with an installed tool
switch (args)
{
    case ["goals", .. var rest]:
        return GoalTable.Run(rest);
    case ["zoo", .. var rest]:
        return Zoo.Run(rest);
    case ["images", .. var rest]:
        return ImagesToFeatures.Run(rest);
    case ["dataset", .. var rest]:
        return await DataSets.Run(rest);
    case ["dataset-memory", .. var rest]:
        return await DataSetMemory.Images(rest);
    case ["dataset-plan", .. var rest]:
        return await DataSetMemory.Plan(rest);
    case ["dataset-workers", .. var rest]:
        return DataSetWorkers.Run(rest);
    case ["capacity", .. var models]:
        return Capacity.Run(models);
    case ["scaling", .. var words]:
        Scaling.Run(words);
        return 0;
    case ["loading", .. var rest]:
        return Loading.Run(rest);
    case ["opening", .. var rest]:
        return Opening.Run(rest);
    case ["instructions", .. var names]:
        InstructionCost.Run(names);
        return 0;
    case ["detectors", .. var words]:
        Detectors.Run(words);
        return 0;
    case ["sizes", .. var words]:
        Sizes.Run(words);
        return 0;
    case ["decoding"]:
        Decoding.Run();
        return 0;
    case ["recording"]:
        RecordingCost.Run();
        return 0;
    case ["memory", .. var rest]:
        return PeakMemory.Run(rest);
    case ["compare"]:
        Comparison.Run();
        return 0;
    default:
        // In this process: the ones that BenchmarkDotNet builds would lack libtorch's native files.
        var config = DefaultConfig.Instance.AddJob(Job.Default.WithToolchain(InProcessEmitToolchain.Instance));
        BenchmarkSwitcher.FromAssembly(typeof(TraceBenchmarks).Assembly).Run(args, config);
        return 0;
}
