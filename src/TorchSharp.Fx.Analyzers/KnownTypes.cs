using Microsoft.CodeAnalysis;

namespace TorchSharp.Fx.Analyzers;

/// <summary>The types of TorchSharp that the rules are about.</summary>
internal sealed class KnownTypes
{
    private readonly INamedTypeSymbol module;
    private readonly INamedTypeSymbol tensor;

    private KnownTypes(INamedTypeSymbol module, INamedTypeSymbol tensor) => (this.module, this.tensor) = (module, tensor);

    /// <summary>TorchSharp's types; null where a project doesn't use it.</summary>
    internal static KnownTypes? Of(Compilation compilation)
        => compilation.GetTypeByMetadataName("TorchSharp.torch+nn+Module") is { } module
            && compilation.GetTypeByMetadataName("TorchSharp.torch+Tensor") is { } tensor
            ? new(module, tensor)
            : null;

    internal bool IsModule(ITypeSymbol? type) => Derives(type, module);

    internal bool IsTensor(ITypeSymbol? type) => SymbolEqualityComparer.Default.Equals(type, tensor);

    /// <summary>A parameter or buffer, which is registered as modules are.</summary>
    internal bool IsState(ITypeSymbol? type) => IsModule(type) || Derives(type, tensor) && !IsTensor(type);

    /// <summary>Whether a tensor may be inside: in an array, a tuple, a list or a dictionary.</summary>
    internal bool HoldsTensors(ITypeSymbol? type) => type switch
    {
        null => false,
        IArrayTypeSymbol array => HoldsTensors(array.ElementType),
        INamedTypeSymbol { IsGenericType: true } generic when !IsModule(generic) => generic.TypeArguments.Any(HoldsTensors),
        _ => IsTensor(type),
    };

    /// <summary>Whether modules are inside a collection of .NET's, which TorchSharp doesn't look into.</summary>
    internal bool IsPlainCollectionOfModules(ITypeSymbol type) => type switch
    {
        IArrayTypeSymbol array => IsModule(array.ElementType),
        INamedTypeSymbol { IsGenericType: true } generic => generic.ContainingNamespace.ToDisplayString() == "System.Collections.Generic"
            && generic.TypeArguments.Any(IsModule),
        _ => false,
    };

    /// <summary>Whether a method is one of TorchSharp's modules themselves.</summary>
    internal bool IsOfModule(IMethodSymbol method)
        => SymbolEqualityComparer.Default.Equals(method.ContainingType.OriginalDefinition, module);

    internal bool IsOfTorchSharp(ISymbol symbol)
        => SymbolEqualityComparer.Default.Equals(symbol.ContainingAssembly, module.ContainingAssembly);

    private static bool Derives(ITypeSymbol? type, INamedTypeSymbol ancestor)
    {
        for (var level = type; level is not null; level = level.BaseType)
            if (SymbolEqualityComparer.Default.Equals(level.OriginalDefinition, ancestor))
                return true;
        return false;
    }
}
