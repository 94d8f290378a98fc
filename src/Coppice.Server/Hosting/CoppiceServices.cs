using System.Diagnostics;
using Coppice.Server.Hosting;
using Coppice.Server.Serving;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Puts an engine into a program's services.</summary>
public static class CoppiceServices
{
    /// <summary>Adds an <see cref="Coppice.Engine"/>, opened when it is first asked for and disposed with the program, whose log says what was opened, and an <see cref="IChatClient"/> that answers with it.</summary>
    /// <param name="services">The program's services.</param>
    /// <param name="modelPath">A Hugging Face folder, or a .gguf file.</param>
    /// <param name="options">What the engine may use.</param>
    public static IServiceCollection AddCoppice(this IServiceCollection services, string modelPath, Coppice.EngineOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrEmpty(modelPath);
        string name = Path.GetFileNameWithoutExtension(Path.TrimEndingDirectorySeparator(Path.GetFullPath(modelPath)));
        services.AddSingleton(provider =>
        {
            long start = Stopwatch.GetTimestamp();
            Coppice.Engine engine = Coppice.Engine.Open(modelPath, options);
            if (provider.GetService<ILoggerFactory>()?.CreateLogger("Coppice") is { } logger)
                Log.Opened(logger, name, Stopwatch.GetElapsedTime(start).TotalMilliseconds, engine.Options.MaxContextTokens!.Value, engine.Metrics.KvBytesLimit, engine.Options.MaxBatch);
            return engine;
        });
        services.AddSingleton<IChatClient>(provider => new CoppiceChatClient(provider.GetRequiredService<Coppice.Engine>(), name));
        return services;
    }

    /// <summary>Adds a check that the engine takes a step: it generates one token, and waits for its place as any request does.</summary>
    /// <param name="health">The program's checks.</param>
    /// <param name="name">What the check is called.</param>
    public static IHealthChecksBuilder AddCoppice(this IHealthChecksBuilder health, string name = "coppice")
    {
        ArgumentNullException.ThrowIfNull(health);
        return health.Add(new HealthCheckRegistration(name, provider => new EngineHealth(provider.GetRequiredService<Coppice.Engine>()), failureStatus: null, tags: null));
    }
}
