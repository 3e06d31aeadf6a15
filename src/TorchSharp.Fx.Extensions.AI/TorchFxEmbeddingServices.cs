using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using TorchSharp.Fx.Extensions.AI;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds embeddings of TorchSharp models to a service collection.</summary>
public static class TorchFxEmbeddingServices
{
    /// <summary>
    /// Adds a singleton <see cref="TorchFxEmbeddingGenerator"/>, also as
    /// <c>IEmbeddingGenerator&lt;DataContent, Embedding&lt;float&gt;&gt;</c>. It is created at its first use and disposed with the
    /// provider.
    /// </summary>
    /// <param name="services">The service collection.</param>
    /// <param name="model">Makes the model that computes the embeddings.</param>
    /// <param name="configure">Changes the settings for gathering images into batches.</param>
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
