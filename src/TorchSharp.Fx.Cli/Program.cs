using TorchSharp.Fx.Cli;

LibTorchLog.OnlyErrors();
return await Tool.Run(args);
