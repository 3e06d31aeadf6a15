using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using TorchSharp.Fx.Extensions.AI;

namespace TorchSharp.Fx.Extensions.Tests;

/// <summary>What a meter says of one model, summed up, as any collector of OpenTelemetry's would.</summary>
internal sealed class Readings : IDisposable
{
    private const string Down = "down ";

    private readonly MeterListener listener = new();
    private readonly ConcurrentDictionary<string, double> sums = new();

    internal Readings(string model)
    {
        listener.InstrumentPublished = (instrument, own) =>
        {
            if (instrument.Meter.Name == TorchFxEmbeddingGenerator.TelemetryName)
                own.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(instrument, value, tags));
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Add(instrument, value, tags));
        listener.Start();

        void Add(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            if (tags.Length == 1 && tags[0] is { Key: "gen_ai.request.model", Value: string name } && name == model)
            {
                sums.AddOrUpdate(instrument.Name, value, (_, sum) => sum + value);
                if (value < 0)
                    sums.AddOrUpdate(Down + instrument.Name, -value, (_, sum) => sum - value);
            }
        }
    }

    internal double this[string name] => sums.GetValueOrDefault(name);

    internal double Queue => this["torchfx.embeddings.queue.length"];

    /// <summary>How many images have left the queue.</summary>
    internal double Taken => this[Down + "torchfx.embeddings.queue.length"];

    public void Dispose() => listener.Dispose();
}
