using static TorchSharp.torch;

namespace TorchSharp.Fx;

/// <summary>
/// Extension methods for graph modules with any inputs and result. Counterpart: the methods of <c>torch.fx.GraphModule</c>.
/// </summary>
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
        /// The C# code that the graph stands for, with comments that name the source lines it came from. Counterpart:
        /// <c>torch.fx.GraphModule.print_readable</c>.
        /// </summary>
        /// <param name="print_output">Whether to write the code to the console, too.</param>
        public string print_readable(bool print_output = true)
        {
            var text = GraphCode.Of(module.graph, "Traced", RootType(module), showOrigins: true);
            if (print_output)
                Console.Write(text);
            return text;
        }

        /// <summary>
        /// Writes the graph of the present mode as a C# project that needs only TorchSharp: a class with the same modules, its weights, and
        /// a project file. Counterpart: <c>torch.fx.GraphModule.to_folder</c>.
        /// </summary>
        /// <param name="folder">The folder; created if missing.</param>
        /// <param name="module_name">The name of the class and of the files.</param>
        /// <exception cref="NotSupportedException">A leaf can't be written as C# code: a native module whose settings can't be read, or a
        /// module or function of your own.</exception>
        public void to_folder(string folder, string module_name = "FxModule")
        {
            ArgumentException.ThrowIfNullOrEmpty(folder);
            if (!CSharpNames.IsIdentifier(module_name) || CSharpNames.Identifier(module_name) != module_name)
                throw new ArgumentException($"'{module_name}' can't be the name of a class.", nameof(module_name));
            new ModuleProject(module, module_name).Write(folder);
        }

        /// <summary>
        /// Adds a module under a path, so that nodes can call it. It replaces a module already there, but not in the module that the graph
        /// came from. Missing modules on the path are created. Counterpart: <c>torch.fx.GraphModule.add_submodule</c>.
        /// </summary>
        /// <param name="target">The path, e.g. <c>layer1.extra</c>.</param>
        /// <param name="m">The module. It is shared: disposing the graph module leaves it alone.</param>
        /// <returns>Whether it was added; false if the path leads through a tensor or into a leaf module.</returns>
        public bool add_submodule(string target, nn.Module m)
        {
            ArgumentException.ThrowIfNullOrEmpty(target);
            ArgumentNullException.ThrowIfNull(m);
            return module.Program.Add(target, m);
        }

        /// <summary>
        /// Removes a submodule and everything inside it from this module, but not from the module that the graph came from. If a node still
        /// calls it, the next run throws. Counterpart: <c>torch.fx.GraphModule.delete_submodule</c>.
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
        /// Measures how long each node of the present mode's graph takes in the compiled graph. A node's time includes disposing the values
        /// that it is the last to read. Counterpart: <c>torch.profiler.profile</c>.
        /// </summary>
        /// <param name="args">The inputs; those left out take their defaults. The caller disposes them.</param>
        /// <param name="calls">The number of measured calls.</param>
        /// <param name="warm_up">The number of calls before them that are not measured.</param>
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
        /// Removes the submodules that no node uses. A module with two graphs keeps those that either graph uses. Counterpart:
        /// <c>torch.fx.GraphModule.delete_all_unused_submodules</c>.
        /// </summary>
        public void delete_all_unused_submodules() => module.Program.RemoveUnused();
    }

    /// <summary>
    /// A copy of a graph module, which can be edited independently. Its parameters, buffers and leaf modules are copies that belong to it;
    /// tied ones stay tied. Counterparts: <c>copy.deepcopy</c>, and <c>copy.copy</c> with shared parameters.
    /// </summary>
    /// <param name="module">The graph module.</param>
    /// <param name="share_parameters">Whether to share parameters, buffers and leaf modules instead of copying them.</param>
    /// <exception cref="NotSupportedException">A native leaf module can't be copied because its settings can't be read; it can only be
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
