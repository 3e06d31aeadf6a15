#!/bin/sh
# Packs and installs the tool in a folder of its own, measures every model of up to 150 million parameters against ONNX Runtime, and writes bench/results/zoo.md.
# Options go to the measuring: --only densenet169,shufflenet_v2_x1_0, --threads 1, --rounds 5. Run it on a machine that does nothing else: it takes an hour.
set -e
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
dotnet pack src/TorchSharp.Fx.Cli --output "$folder/packages" --nologo --verbosity quiet
dotnet tool install TorchSharp.Fx.Cli --tool-path "$folder/tool" --source "$folder/packages"
dotnet run --configuration Release --project bench/TorchSharp.Fx.Bench -- zoo --tool "$folder/tool/torchfx" "$@"
