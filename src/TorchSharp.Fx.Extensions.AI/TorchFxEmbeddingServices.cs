using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using TorchSharp.Fx.Extensions.AI;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Embeddings of TorchSharp models in a service collection.</summary>
public static class TorchFxEmbeddingServices
{
    /// <summary>Adds a single <see cref="TorchFxEmbeddingGenerator"/>, also as
    /// <c>IEmbeddingGenerator&lt;DataContent, Embedding&lt;float&gt;&gt;</c>, made when it is first asked for and disposed with the
    /// provider.</summary>
    /// <param name="services">Where to.</param>
    /// <param name="model">Makes what computes the embeddings.</param>
    /// <param name="configure">Changes how images are gathered into batches.</param>
    public static IServiceCollection AddTorchFxEmbeddings(this IServiceCollection services,
        Func<IServiceProvider, TorchFxEmbeddingModel> model, Action<TorchFxEmbeddingOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(model);
        var options = services.AddOptions<TorchFxEmbeddingOptions>();
        if (configure is not null)
            options.Configure(configure);
        services.TryAddSingleton(provider => new TorchFxEmbeddingGenerator(model(provider),
            provider.GetRequiredService<IOptions<TorchFxEmbeddingOptions>>().Value,
                provider.GetService<ILogger<TorchFxEmbeddingGenerator>>()));
        services.TryAddSingleton<IEmbeddingGenerator<DataContent, Embedding<float>>>(provider
            => provider.GetRequiredService<TorchFxEmbeddingGenerator>());
        return services;
    }
}
