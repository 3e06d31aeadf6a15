// The rooms, from the lowest up. Which may use which is held by ArchitectureTests.
global using TorchSharp.Fx.Files;
global using TorchSharp.Fx.Cil;
global using TorchSharp.Fx.Graphs;
global using TorchSharp.Fx.Evaluation;
global using TorchSharp.Fx.Tracing;
global using TorchSharp.Fx.Modules;
global using TorchSharp.Fx.Passes;
global using TorchSharp.Fx.Drawing;
global using TorchSharp.Fx.FeatureExtraction;
global using TorchSharp.Fx.Inference;
global using TorchSharp.Fx.Quantization;
global using TorchSharp.Fx.Verification;
