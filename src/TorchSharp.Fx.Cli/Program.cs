using TorchSharp.Fx.Cli;

return await Tool.Run(args);
