namespace TorchSharp.Fx.Cli;

/// <summary><c>torchfx doctor</c></summary>
internal sealed class DoctorCommand : ToolCommand
{
    public DoctorCommand() : base("doctor", "Checks the tool's dependencies, and says what is missing and how to get it.", "doctor")
        => SetAction(_ => Run());

    private static int Run()
    {
        var findings = Diagnosis.All();
        var table = Terminal.Table("", "what", "state");
        foreach (var finding in findings)
            table.AddRow(finding.Remedy is null ? "ok" : "!!", finding.What, finding.State);
        Terminal.Results.Write(table);
        foreach (var finding in findings.Where(finding => finding.Remedy is not null))
            Console.Out.WriteLine($"{finding.What}: {finding.Remedy}");
        return findings.All(finding => finding.Remedy is null) ? 0 : Tool.Failed;
    }
}
