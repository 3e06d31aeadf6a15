using System.Xml.Linq;

namespace TorchSharp.Fx.Tests;

public sealed class ArchitectureTests
{
    private const int LongestFile = 400;

    private static readonly string[] Layers = ["Cil", "Graphs", "Tracing", "Runtime", "Passes", "Drawing", "FeatureExtraction", "Inference", "Verification"];

    /// <summary>Source files that may be longer than the rest, each with its reason.</summary>
    private static readonly Dictionary<string, string> LongFiles = [];

    private static readonly string Source = Path.Combine(RepositoryRoot(), "src");

    [Fact]
    public void Each_folder_uses_only_folders_to_its_left()
    {
        var folders = ArchitectureFolders.Of(typeof(Graph).Assembly, "TorchSharp.Fx");
        Assert.NotEmpty(folders);
        Assert.All(folders, type => Assert.Contains(type.Value, Layers));

        var upward = from user in folders
                     from used in ArchitectureUses.Of(user.Key).Where(folders.ContainsKey)
                     where Array.IndexOf(Layers, folders[used]) > Array.IndexOf(Layers, user.Value)
                     select $"{user.Value}/{user.Key.Name} uses {folders[used]}/{used.Name}";
        Assert.Equal("", string.Join('\n', upward));
    }

    [Theory]
    [InlineData("TorchSharp.Fx")]
    [InlineData("TorchSharp.Fx.Vision")]
    public void The_tracer_and_the_models_know_nothing_of_each_other(string project) =>
        Assert.Equal(["../TorchSharp.Fx.Files/TorchSharp.Fx.Files.csproj"], XDocument.Load(Path.Combine(Source, project, $"{project}.csproj")).Descendants("ProjectReference").Select(reference => (string)reference.Attribute("Include")!));

    [Fact]
    public void No_source_file_is_long_without_a_reason()
    {
        var tooLong = from file in Directory.EnumerateFiles(Source, "*.cs", SearchOption.AllDirectories)
                      let name = Path.GetRelativePath(Source, file).Replace('\\', '/')
                      where !name.Contains("/obj/") && !name.Contains("/bin/")
                      where File.ReadLines(file).Count() > LongestFile
                      select name;
        Assert.Equal(LongFiles.Keys.Order(), tooLong.Order());
    }

    private static string RepositoryRoot()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "TorchSharp.Fx.slnx")))
            folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("The tests do not run inside the repository.");
        return folder;
    }
}
