using System.Globalization;
using System.Text.Json;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Cli;

/// <summary>The outcome of a trace: a report in any case, and the refusal if there was one.</summary>
internal sealed record Trace(TraceReport Report, Refusal? Refusal)
{
    /// <summary>The report in one line.</summary>
    internal string Summary => string.Join(", ", new[]
    {
        Count(Report.nodes, "node"), Count(Report.leaves.Count, "leaf module"), Count(Report.guards.Count, "asserted condition"),
        Count(Report.specialisations.Count, "asserted value"),
        Count(Report.constants.Count, "constant"), Count(Report.dropped_state.Count, "dropped write"),
        Count(Report.unregistered_modules.Count, "unregistered module"),
    }) + "\n";

    internal static Trace Of(nn.Module module, TracerKwargs kwargs)
    {
        var tracer = new NodePathTracer(kwargs);
        try
        {
            tracer.trace(module);
            return new(tracer.report, null);
        }
        catch (TraceException error)
        {
            return new(tracer.report, new(error, error.code, error.module_path, error.location, error.program_stack));
        }
        catch (TracedProgramException error)
        {
            return new(tracer.report, new(error, null, error.module_path, error.location, error.program_stack));
        }
        catch (InterpreterFault error)
        {
            return new(tracer.report, new(error, null, error.module_path, error.location, error.program_stack));
        }
    }

    internal void WriteJson(Utf8JsonWriter writer, string model, string mode)
    {
        writer.WriteStartObject();
        writer.WriteString("model", model);
        writer.WriteString("mode", mode);
        writer.WriteNumber("nodes", Report.nodes);
        writer.WriteStrings("leaves", Report.leaves);
        WriteNotes(writer, "guards", Report.guards);
        WriteNotes(writer, "specialisations", Report.specialisations);
        WriteNotes(writer, "loops", Report.loops);
        WriteNotes(writer, "unrolled_loops", Report.unrolled_loops);
        WriteNotes(writer, "present_inputs", Report.present_inputs);
        WriteNotes(writer, "constants", Report.constants);
        WriteNotes(writer, "dropped_state", Report.dropped_state);
        WriteNotes(writer, "modes", Report.modes);
        WriteNotes(writer, "seeds", Report.seeds);
        WriteNotes(writer, "surroundings", Report.surroundings);
        WriteModules(writer);
        Refusal?.WriteJson(writer);
        writer.WriteEndObject();
    }

    private void WriteModules(Utf8JsonWriter writer)
    {
        writer.WriteStartArray("unregistered_modules");
        foreach (var module in Report.unregistered_modules)
        {
            writer.WriteStartObject();
            writer.WriteString("path", module.path);
            writer.WriteString("type", module.type);
            writer.WriteNumber("parameters", module.num_parameters);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
    }

    private static void WriteNotes(Utf8JsonWriter writer, string name, IReadOnlyList<TraceNote> notes)
    {
        writer.WriteStartArray(name);
        foreach (var note in notes)
        {
            writer.WriteStartObject();
            writer.WriteString("what", note.text);
            if (note.origin is { } origin)
                origin.WriteJson(writer);
            writer.WriteEndObject();
        }
        writer.WriteEndArray();
    }

    private static string Count(int number, string what)
        => string.Create(CultureInfo.InvariantCulture, $"{number} {what}{(number == 1 ? "" : "s")}");
}
