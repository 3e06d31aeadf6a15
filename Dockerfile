# torchfx in an image: docker build -t torchfx . && docker run --rm -v /data:/data torchfx extract resnet50 /data/photos …
FROM mcr.microsoft.com/dotnet/sdk:10.0 AS build
WORKDIR /source
COPY . .
RUN dotnet publish src/TorchSharp.Fx.Cli -c Release -r linux-x64 --self-contained false -o /torchfx

FROM mcr.microsoft.com/dotnet/aspnet:10.0
# libtorch's threads.
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*
COPY --from=build /torchfx /opt/torchfx
RUN ln -s /opt/torchfx/torchfx /usr/local/bin/torchfx
ENTRYPOINT ["torchfx"]
