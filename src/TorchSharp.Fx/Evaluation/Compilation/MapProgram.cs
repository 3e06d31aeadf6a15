using static TorchSharp.torch;

namespace TorchSharp.Fx.Evaluation;

/// <summary>A loop whose turn is compiled once.</summary>
/// <param name="map">What a turn does.</param>
/// <param name="modules">The hierarchy that it names.</param>
/// <param name="type">The type of the collections.</param>
internal sealed class MapProgram(MapTarget map, ModuleHierarchy modules, Type type)
{
    private readonly CompiledGraph turn = new(map.Body, modules);
    private readonly Type number = map.Body.nodes.First().type;

    /// <summary>The values of all turns; when one throws, those of the turns before it are disposed.</summary>
    /// <param name="count">How many turns there are; none where it is negative.</param>
    /// <param name="operands">What each is given beside its number.</param>
    internal object? Run(long count, object?[] operands)
    {
        var turns = new List<Tensor[]>();
        try
        {
            for (long i = 0; i < count; i++)
                turns.Add((Tensor[])turn.Run([number == typeof(int) ? checked((int)i) : i, .. operands])!);
            return Collections.Of(turns, type);
        }
        catch
        {
            Disposal.Release(turns, operands);
            throw;
        }
    }
}
