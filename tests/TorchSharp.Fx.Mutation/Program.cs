using TorchSharp.Fx.Mutation;

// See README.md.
switch (args)
{
    case ["write", var repository, var folder, var count, var seed, .. var also]:
        Copy.Make(repository, folder);
        var project = Path.Combine(folder, "src", "TorchSharp.Fx");
        using (var source = typeof(Suite).Assembly.GetManifestResourceStream("MutantSwitch.cs")!)
        using (var file = File.Create(Path.Combine(project, "MutantSwitch.cs")))
            source.CopyTo(file);
        var (sources, references) = Copy.Inputs(project);
        Mutant.Write(folder, new Mutation(project, sources, references).Write(int.Parse(count), int.Parse(seed), also));
        break;
    case ["build", var folder, var assembly]:
        Copy.Build(Path.Combine(folder, "tests", assembly));
        break;
    case ["cover", var folder, var assembly, .. var parts]:
        new Suite(folder, assembly).Cover(name => parts.Length == 0 || parts.Any(name.Contains));
        break;
    case ["run", var folder, var assembly, .. var seconds]:
        new Suite(folder, assembly).Run(seconds is [var most] ? double.Parse(most) : double.PositiveInfinity);
        break;
    default:
        Console.Error.WriteLine("""
            write REPOSITORY FOLDER COUNT SEED [FILE.cs:LINE …]
            build FOLDER ASSEMBLY
            cover FOLDER ASSEMBLY [PART …]
            run FOLDER ASSEMBLY [SECONDS]
            """);
        return 1;
}
return 0;
