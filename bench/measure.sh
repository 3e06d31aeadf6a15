#!/bin/sh
# Packs and installs the tool in a folder of its own, measures all that the project wants to reach, and writes bench/results. Options go to the measuring: --rounds 5, --only resnet50.
# Run it on a machine that does nothing else.
set -e
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
dotnet pack src/TorchSharp.Fx.Cli --output "$folder/packages" --nologo --verbosity quiet
dotnet tool install TorchSharp.Fx.Cli --tool-path "$folder/tool" --source "$folder/packages"
dotnet run --configuration Release --project bench/TorchSharp.Fx.Bench -- goals --tool "$folder/tool/torchfx" "$@"
