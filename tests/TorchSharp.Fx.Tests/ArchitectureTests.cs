using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace TorchSharp.Fx.Tests;

public sealed class ArchitectureTests
{
    private const int LongestFile = 400;

    private static readonly string[] Layers =
        ["Cil", "Graphs", "Evaluation", "Tracing", "Modules", "Passes", "Drawing", "FeatureExtraction", "Inference", "Quantization", "Verification"];

    /// <summary>The rooms inside a room, each before those that use it.</summary>
    private static readonly Dictionary<string, string[]> Rooms = new()
    {
        ["Graphs"] = ["Aten", "Operations"],
        ["Evaluation"] = ["NativeModules", "Copies", "Compilation"],
        ["Tracing"] = ["Machine", "Symbols", "Branches", "Model", "Leaves", "Examples", "Host", "Calls", "Intrinsics", "Recording", "State"],
        ["Modules"] = ["Saving"],
        ["Inference"] = ["Kernels", "OneDnn", "Int8"],
        ["Quantization"] = ["Observers"],
    };

    /// <summary>Inner rooms that know nothing of the face of the room around them, the types that lie directly in its folder.</summary>
    private static readonly string[] Apart = ["Inference/Kernels", "Inference/OneDnn", "Evaluation/NativeModules"];

    /// <summary>Source files that may be longer than the rest, each with its reason.</summary>
    private static readonly Dictionary<string, string> LongFiles = new() { ["TorchSharp.Fx/Modules/Arities.cs"] = "made from the forms for one input" };

    private static readonly string Source = Path.Combine(RepositoryRoot(), "src");

    private static readonly Dictionary<Type, string> Folders = ArchitectureFolders.Of(typeof(Graph).Assembly, "TorchSharp.Fx");

    [Fact]
    public void Each_folder_uses_only_folders_to_its_left()
    {
        Assert.NotEmpty(Folders);
        Assert.All(Folders, type => Assert.Contains(Outer(type.Value), Layers));
        AssertNoUses((user, used) => Array.IndexOf(Layers, Outer(used)) > Array.IndexOf(Layers, Outer(user)));
    }

    /// <summary>
    /// The face of a room, what lies directly in its folder or is written across its inner rooms as the interpreter is, is what these speak to each other through: it may use
    /// them and they it. Past it they don't go in circles.
    /// </summary>
    [Fact]
    public void Rooms_inside_a_room_use_only_rooms_to_their_left()
    {
        var inner = Folders.Values.Where(folder => folder.Contains('/')).Distinct().ToArray();
        Assert.Equal(Rooms.SelectMany(room => room.Value.Select(name => $"{room.Key}/{name}")).Order(StringComparer.Ordinal), inner.Order(StringComparer.Ordinal));
        AssertNoUses((user, used) => user.Contains('/') && used.Contains('/') && Outer(user) == Outer(used)
            && Array.IndexOf(Rooms[Outer(user)], used.Split('/')[1]) > Array.IndexOf(Rooms[Outer(user)], user.Split('/')[1]));
        AssertNoUses((user, used) => Apart.Contains(user) && used == Outer(user));
    }

    /// <summary>Public types are <c>TorchSharp.Fx</c>, as users know it; internal ones lie in the namespace of their room.</summary>
    [Fact]
    public void Internal_types_lie_in_the_namespace_of_their_room()
        => Assert.Empty(Folders.Where(type => type.Key.Namespace != (type.Key.IsPublic ? "TorchSharp.Fx" : $"TorchSharp.Fx.{Outer(type.Value)}"))
            .Select(type => $"{type.Value}/{type.Key.FullName}"));

    /// <summary>Names of top-level types that stand for two things, each with its reason.</summary>
    private static readonly Dictionary<string, string> SharedNames = new()
    {
        ["Activations"] = Directions, ["Creation"] = Directions, ["Pieces"] = Directions, ["Pooling"] = Directions, ["Products"] = Directions,
        ["Quantization"] = Directions, ["Recurrent"] = Directions, ["Reductions"] = Directions, ["Resizing"] = Directions, ["Shapes"] = Directions,
        ["Elements"] = Directions, ["Indexing"] = Directions, ["Layers"] = Directions, ["Regions"] = Directions, ["GraphWriter"] = Formats,
        ["NodeNames"] = Formats, ["Setting"] = Formats, ["Value"] = Formats, ["Lifetimes"] = "of the values that compiled code, and an export's example run, hold",
        ["Scope"] = "a level of modules, and one of an ONNX export", ["Weights"] = "the option, and torchvision's entry that it names",
    };

    private const string Directions = "groups of operations that several formats have, each format and direction with its own class for a group";
    private const string Formats = "what each format calls so";

    /// <summary>Files with tables of names, which are one text.</summary>
    private static readonly string[] WithTables =
    [
        "Arities.cs", "ModelsDocument.cs", "LayerWriter.cs", "ScriptedOperations.cs", "CSharpNames.cs", "Operations.Rows.cs", "BackendConfig.cs", "GlobalState.cs", "Carrying.cs",
        "HostState.cs", "Surroundings.cs",
    ];

    [Fact]
    public void A_type_name_stands_for_one_thing()
    {
        var declared = from file in SourceFiles()
                       let text = File.ReadAllText(Path.Combine(Source, file))
                       let room = Regex.Match(text, @"^namespace (.+);", RegexOptions.Multiline).Groups[1].Value
                       from Match type in Regex.Matches(text, @"^(?:public|internal) (?:\w+ )*?(?:class|record struct|record|struct|interface|enum|delegate \S+) (\w+)", RegexOptions.Multiline)
                       select (Name: type.Groups[1].Value, Room: room);
        var shared = declared.Distinct().GroupBy(type => type.Name).Where(type => type.Count() > 1).Select(type => type.Key);
        Assert.Equal(SharedNames.Keys.Order(StringComparer.Ordinal), shared.Order(StringComparer.Ordinal));
    }

    /// <summary>Code fits into 140 columns. Wider may be texts, references in comments, and tables of names in raw texts.</summary>
    [Fact]
    public void Lines_fit_into_140_columns()
    {
        var wide = from file in SourceFiles()
                   where !WithTables.Contains(Path.GetFileName(file))
                   from line in File.ReadLines(Path.Combine(Source, file)).Index()
                   where line.Item.Length > 140 && !line.Item.Contains('"') && !line.Item.Contains("/*", StringComparison.Ordinal)
                   select $"{file}:{line.Index + 1}";
        Assert.Empty(wide);
    }

    private static IEnumerable<string> SourceFiles() => Directory.EnumerateFiles(Source, "*.cs", SearchOption.AllDirectories)
        .Select(file => Path.GetRelativePath(Source, file).Replace('\\', '/')).Where(name => !name.Contains("/obj/") && !name.Contains("/bin/"));

    private static string Outer(string folder) => folder.Split('/')[0];

    private static void AssertNoUses(Func<string, string, bool> isWrong) => Assert.Empty(
        from user in Folders
        from used in ArchitectureUses.Of(user.Key).Where(Folders.ContainsKey)
        where isWrong(user.Value, Folders[used])
        select $"{user.Value}/{user.Key.Name} uses {Folders[used]}/{used.Name}");

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

    internal static string RepositoryRoot()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "TorchSharp.Fx.slnx")))
            folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("The tests do not run inside the repository.");
        return folder;
    }
}
