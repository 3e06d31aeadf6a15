using System.Globalization;
using System.Reflection;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace TorchSharp.Fx.Modules;

/// <summary>
/// A graph module as a C# project that needs nothing but TorchSharp: the class, its weights in TorchSharp's own format, and a project file.
/// </summary>
internal sealed class ModuleProject
{
    private readonly GraphProgram program;
    private readonly nn.Module module;
    private readonly Graph graph;
    private readonly string name;
    private readonly Dictionary<string, (string Field, object Value)> members = new(StringComparer.Ordinal);

    internal ModuleProject(IGraphModule module, string name)
    {
        (program, this.module, graph, this.name) = (module.Program, (nn.Module)module, module.graph, name);
        Hooks.Refuse(module, "written as a project");
        var names = new Namespace();
        foreach (var node in graph.all_nodes)
            if (node.op is Opcode.get_attr or Opcode.call_module && !members.ContainsKey(node.target.name))
                members.Add(node.target.name, (names.Create(node.target.name), Member(node)));
            else if (node.target is FunctionTarget { Method: var function } && IsForeign(function)
                || node.target is MethodTarget { Method: var method } && IsForeign(method))
                throw new NotSupportedException(
                    $"Node '{node.name}' calls {node.target}, a function of the program's own, which a project of its own doesn't have. "
                        + "Trace it without listing that as a leaf function.");
    }

    internal void Write(string folder)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, $"{name}.cs"), Code());
        File.WriteAllText(Path.Combine(folder, $"{name}.csproj"), Project());
        SaveWeights(Path.Combine(folder, $"{name}.dat"));
    }

    private object Member(Node node)
    {
        object member = node.op == Opcode.get_attr ? program.Source.Attribute(node.target.name)() : program.Source.Module(node.target.name);
        if (member is nn.Module leaf && ModuleExpression.Of(leaf) is null)
            throw new NotSupportedException(
                $"Node '{node.name}' calls the {leaf.GetType().Name} '{node.target}', and no expression of C# is known that makes one "
                    + $"with the same settings. {Instead(leaf)}");
        return member;
    }

    private static string Instead(nn.Module leaf) => leaf.GetType().Assembly == TensorTypes.TorchSharp
        ? "Compute the same with functions of torch."
        : "Trace it without listing that as a leaf module.";

    private static bool IsForeign(MethodBase method)
        => method.DeclaringType!.Assembly != TensorTypes.TorchSharp
            && method.DeclaringType.Namespace?.StartsWith("System", StringComparison.Ordinal) is not true;

    private string Code()
    {
        var inputs = graph.find_nodes(Opcode.placeholder).Select(node => CSharpNames.OfType(node.type)).ToArray();
        var result = CSharpNames.OfType(GraphCode.ResultType(graph.output_node()));
        var isTyped = inputs.Length is >= 1 and <= 6;
        var fields =
            members.Values.Select(member =>
                $"    private readonly {Type(member.Value)} {CSharpNames.Identifier(member.Field)} = {Value(member.Value)};\n");
        return $$"""
            using TorchSharp;
            using TorchSharp.Modules;
            using static TorchSharp.torch;

            public sealed class {{name}} : {{(isTyped ? $"nn.Module<{string.Join(", ", inputs.Append(result))}>" : "nn.Module")}}
            {
            {{string.Concat(fields)}}
                /// <param name="weights">The file of its weights; the one beside the assembly when null.</param>
                public {{name}}(string? weights = null) : base("{{name}}")
                {
                    RegisterComponents();
                    load(weights ?? Path.Combine(Path.GetDirectoryName(typeof({{name}}).Assembly.Location)!, "{{name}}.dat"));
                    train({{(module.training ? "true" : "false")}});
                }

                public {{(isTyped ? "override " : "")}}{{GraphCode.Forward(graph, path => $"this.{CSharpNames.Identifier(members[path].Field)}")}}
            }

            """;
    }

    private static string Type(object member) => member switch
    {
        nn.Module leaf => CSharpNames.OfType(leaf.GetType()),
        Parameter => "Parameter",
        _ => "Tensor",
    };

    private static string Value(object member) => member switch
    {
        nn.Module leaf => ModuleExpression.Of(leaf)!,
        Parameter parameter => $"new({Empty(parameter)}, requires_grad: {(parameter.requires_grad ? "true" : "false")})",
        _ => Empty((Tensor)member),
    };

    private static string Empty(Tensor tensor)
        => string.Create(CultureInfo.InvariantCulture,
            $"empty(new long[] {{ {string.Join(", ", tensor.shape)} }}, dtype: ScalarType.{tensor.dtype})");

    private string Project()
    {
        var version = typeof(nn).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];
        return $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <TargetFramework>net{Environment.Version.Major}.{Environment.Version.Minor}</TargetFramework>
                <Nullable>enable</Nullable>
                <ImplicitUsings>enable</ImplicitUsings>
              </PropertyGroup>
              <ItemGroup>
                <!-- What runs it also needs libtorch for its platform, e.g. the package TorchSharp-cpu. -->
                <PackageReference Include="TorchSharp" Version="{version}" />
                <None Include="{name}.dat" CopyToOutputDirectory="PreserveNewest" />
              </ItemGroup>
            </Project>

            """;
    }

    /// <summary>The weights under the names of the fields.</summary>
    private void SaveWeights(string path)
    {
        var tree = ModuleTree.Of(members.Values.Select(member => KeyValuePair.Create(member.Field, member.Value)),
            training: module.training);
        tree.save(path);
        Registry.Clear(tree);
        tree.Dispose();
    }
}
