using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>Operations on a graph module of any inputs and result. Counterpart: the methods of <c>torch.fx.GraphModule</c>.</summary>
public static class GraphModules
{
    /// <summary>The members of every graph module.</summary>
    /// <param name="module">The graph module.</param>
    extension(IGraphModule module)
    {
        /// <summary>
        /// The C# code that the graph stands for; see <c>docs/graph-code.md</c>. Counterpart: <c>torch.fx.GraphModule.code</c>.
        /// </summary>
        public string code => module.graph.csharp_code(root_type: RootType(module));

        /// <summary>
        /// The C# code that the graph stands for, with a comment at each new place of the source that it came from. Counterpart:
        /// <c>torch.fx.GraphModule.print_readable</c>.
        /// </summary>
        /// <param name="print_output">Whether to write it to the console, too.</param>
        public string print_readable(bool print_output = true)
        {
            var text = GraphCode.Of(module.graph, "Traced", RootType(module), showOrigins: true);
            if (print_output)
                Console.Write(text);
            return text;
        }

        /// <summary>
        /// Writes a C# project that needs nothing but TorchSharp: a class that makes the same modules, its weights, and a project file. It
        /// has the graph of the present mode. Counterpart: <c>torch.fx.GraphModule.to_folder</c>.
        /// </summary>
        /// <param name="folder">The folder; made when it isn't there.</param>
        /// <param name="module_name">The name of the class and of the files.</param>
        /// <exception cref="NotSupportedException">A leaf can't be made from C# code: a native module whose settings can't be told, a
        /// module or function of the program's own.</exception>
        public void to_folder(string folder, string module_name = "FxModule")
        {
            ArgumentException.ThrowIfNullOrEmpty(folder);
            if (!CSharpNames.IsIdentifier(module_name) || CSharpNames.Identifier(module_name) != module_name)
                throw new ArgumentException($"'{module_name}' can't be the name of a class.", nameof(module_name));
            new ModuleProject(module, module_name).Write(folder);
        }

        /// <summary>
        /// Puts a module at a path of this one, for nodes to call; one that is there already is replaced here, but not in the module that
        /// the graph came from. The levels in between are made. Counterpart: <c>torch.fx.GraphModule.add_submodule</c>.
        /// </summary>
        /// <param name="target">The path, e.g. <c>layer1.extra</c>.</param>
        /// <param name="m">The module. It is shared: disposing the graph module leaves it alone.</param>
        /// <returns>Whether it was added: false where the path leads through a tensor or into a leaf module.</returns>
        public bool add_submodule(string target, nn.Module m)
        {
            ArgumentException.ThrowIfNullOrEmpty(target);
            ArgumentNullException.ThrowIfNull(m);
            return module.Program.Add(target, m);
        }

        /// <summary>
        /// Takes a submodule and all inside it away from this module, but not from the one that the graph came from. A node that still
        /// calls it is an error when the graph runs next. Counterpart: <c>torch.fx.GraphModule.delete_submodule</c>.
        /// </summary>
        /// <returns>Whether there was one.</returns>
        public bool delete_submodule(string target)
        {
            ArgumentException.ThrowIfNullOrEmpty(target);
            var removed = module.Program.Remove(target);
            module.recompile();
            return removed;
        }

        /// <summary>
        /// Measures how long each node of the present mode's graph takes, in the compiled form that <c>call</c> runs too; what a node is
        /// the last to read is disposed in its time. Counterpart: <c>torch.profiler.profile</c>.
        /// </summary>
        /// <param name="args">The inputs; those left out take their defaults. They stay the caller's.</param>
        /// <param name="calls">How many calls are measured.</param>
        /// <param name="warm_up">How many come before them.</param>
        /// <exception cref="NodeExecutionException">A node threw.</exception>
        /// <exception cref="GraphAssertionException">An input breaks an assumption of the trace.</exception>
        public GraphProfile profile(IReadOnlyList<object?> args, int calls = 10, int warm_up = 3)
        {
            ArgumentNullException.ThrowIfNull(args);
            ArgumentOutOfRangeException.ThrowIfLessThan(calls, 1);
            ArgumentOutOfRangeException.ThrowIfNegative(warm_up);
            return GraphProfile.Of(module.Program, [.. args], calls, warm_up);
        }

        /// <summary>
        /// Takes the submodules away that no node of the graph uses; of two graphs, neither. Counterpart:
        /// <c>torch.fx.GraphModule.delete_all_unused_submodules</c>.
        /// </summary>
        public void delete_all_unused_submodules() => module.Program.RemoveUnused();
    }

    /// <summary>
    /// A graph module of its own with the same graphs, to be edited apart from this one. Parameters, buffers and leaf modules are copied,
    /// those that are tied stay tied, and belong to the copy. Counterparts: <c>copy.deepcopy</c>, and <c>copy.copy</c> with shared
    /// parameters.
    /// </summary>
    /// <param name="module">The graph module.</param>
    /// <param name="share_parameters">Whether to share them instead with this one and its source.</param>
    /// <exception cref="NotSupportedException">The settings of a native leaf module can't be told, so that it can only be
    /// shared.</exception>
    public static T clone<T>(this T module, bool share_parameters = false) where T : nn.Module, IGraphModule
    {
        ArgumentNullException.ThrowIfNull(module);
        return (T)new GraphModuleCopy(module.Program, module).Make(share_parameters);
    }

    /// <summary>The root of a graph that names what is given in a dictionary.</summary>
    internal static ModuleTree Tree(IReadOnlyDictionary<string, object> content, Graph graph)
    {
        ArgumentNullException.ThrowIfNull(content);
        ArgumentNullException.ThrowIfNull(graph);
        foreach (var node in graph.all_nodes.Where(node => node.op is Opcode.get_attr or Opcode.call_module))
            if (!content.Keys.Any(path => SharedState.IsWithin(node.target.name, path)))
                throw new ArgumentException(
                    $"Node '{node.name}' names the {(node.op == Opcode.get_attr ? "tensor" : "module")} '{node.target}', but the "
                        + $"dictionary has none. It has: {string.Join(", ", content.Keys)}.", nameof(content));
        return ModuleTree.Of(content);
    }

    private static string RootType(IGraphModule module)
        => module.Program.Source.Root is TracedFunction or ModuleTree
            ? "nn.Module" : CSharpNames.OfType(module.Program.Source.Root.GetType());
}
