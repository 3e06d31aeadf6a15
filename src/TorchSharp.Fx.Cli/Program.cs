using TorchSharp.Fx.Cli;

BenchWorker.Prepare(args);
LibTorchLog.OnlyErrors();
return await Tool.Run(args);
