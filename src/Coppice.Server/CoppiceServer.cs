using System.Net;
using System.Net.Sockets;
using Coppice.Server.Access;
using Coppice.Server.Batches;
using Coppice.Server.Page;
using Coppice.Server.Prefixes;
using Coppice.Server.Serving;
using Coppice.Server.Telemetry;
using Coppice.Server.Wire;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Coppice.Server;

/// <summary>An engine behind HTTP. The engine is the caller's and outlives the server.</summary>
public sealed class CoppiceServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly ServerOptions _options;
    private readonly Admission _admission;
    private readonly BatchRunner? _runner;
    private readonly CancellationTokenSource _stopping;
    private readonly ILogger _logger;
    private readonly IDisposable[] _owned;

    private CoppiceServer(WebApplication app, ServerOptions options, Admission admission, BatchRunner? runner, CancellationTokenSource stopping, ILogger logger, IDisposable[] owned) =>
        (_app, _options, _admission, _runner, _stopping, _logger, _owned) = (app, options, admission, runner, stopping, logger, owned);

    /// <summary>Where the server listens.</summary>
    public Uri Address => new(_app.Urls.First().Replace("[::]", "localhost", StringComparison.Ordinal).Replace("0.0.0.0", "localhost", StringComparison.Ordinal));

    /// <summary>Begins to serve.</summary>
    /// <param name="engine">Answers; it is not disposed.</param>
    /// <param name="modelName">What requests call the model, unless the options say otherwise.</param>
    /// <param name="options">How the server listens, who may use it and for what.</param>
    /// <param name="logging">Where the log goes. Null: nowhere.</param>
    /// <param name="time">The clock. Null: the system's.</param>
    /// <exception cref="ArgumentException">The options contradict one another or are not safe.</exception>
    /// <exception cref="IOException">The address cannot be listened on.</exception>
    public static async Task<CoppiceServer> StartAsync(Engine engine, string modelName, ServerOptions options, Action<ILoggingBuilder>? logging = null, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(engine);
        ArgumentNullException.ThrowIfNull(options);
        IPAddress[] addresses = ServerAddress.Checked(options);
        time ??= TimeProvider.System;
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ApplicationName = typeof(CoppiceServer).Assembly.GetName().Name });
        builder.Logging.ClearProviders();
        builder.Logging.AddFilter("Microsoft", LogLevel.Warning).AddFilter("Microsoft.Extensions.Hosting", LogLevel.None).AddFilter("Microsoft.AspNetCore.Server.Kestrel", LogLevel.Error);
        logging?.Invoke(builder.Logging);
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();        // whoever starts the server hears the signals
        if (options.CorsOrigins.Count > 0)
            builder.Services.AddCors(cors => cors.AddDefaultPolicy(policy => policy.WithOrigins([.. options.CorsOrigins]).AllowAnyHeader().AllowAnyMethod()));
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = Math.Max(options.Limits.FileBytes, options.Limits.BodyBytes) + (1 << 20);
            foreach (IPAddress address in addresses) kestrel.Listen(address, options.Port);
        });
        WebApplication app = builder.Build();
        ILogger logger = app.Services.GetRequiredService<ILoggerFactory>().CreateLogger("Coppice");

        ChatTemplates? templates = options.ChatTemplates ?? engine.ChatTemplates;
        templates?.Probe();
        ServedModel model = new(engine, options.ModelName ?? modelName, templates, time);
        Callers callers = new(options, time);
        Admission admission = new(options.Limits, engine.Options.MaxBatch);
        CancellationTokenSource stopping = new();
        ServerMeter meter = new(model, admission, logger);
        PrometheusText metrics = new(meter.Meter, model.Name);
        PrefixStore prefixes = new(model, options.Limits, time);
        PreparationQueue queue = new();
        Preparation preparation = new(model, options.Limits, queue, new ConstraintStore(queue, time));
        GenerationEndpoint generation = new(model, options.Limits, callers, admission, prefixes, preparation, meter, time, stopping.Token);
        EmbeddingEndpoint embeddings = new(model, options.Limits, callers, admission, preparation, stopping.Token);
        TokenEndpoints tokens = new(model, options.Limits, callers, preparation);
        TreeEndpoint tree = new(model, callers, admission, options, time);

        DataFolder? data = options.DataFolder is null ? null : new DataFolder(options.DataFolder, logger);
        LineJournal? journal = data?.OpenJournal();
        BatchRunner? runner = null;
        BatchEndpoints? batches = null;
        if (data is not null && journal is not null)
        {
            FileStore files = new(data, time);
            BatchStore store = new(data);
            LineRunner lines = new(journal, ReadLine, admission, engine.Options.MaxBatch, time, logger);
            runner = new BatchRunner(store, files, data, lines, journal, callers, options.Limits, time, logger);
            batches = new BatchEndpoints(files, store, runner, callers, options.Limits, time);
        }

        LineWork ReadLine(string endpoint, Field root, Caller caller) => endpoint == EmbeddingEndpoint.Path ? embeddings.ReadLine(root, caller) : generation.ReadLine(endpoint, root, caller);

        PageOrigins origins = new(options.CorsOrigins);
        app.Use((context, next) => BeforeAsync(context, next, options, origins));
        if (options.CorsOrigins.Count > 0) app.UseCors();
        app.UseRouting();
        PrefixEndpoints named = new(prefixes, model, options.Limits, callers, admission, preparation);
        new ApiRoutes(model, callers, admission, generation, embeddings, named, tokens, tree, batches, metrics, logger).Map(app);
        PageRoutes.Map(app);
        IDisposable[] owned = [prefixes, metrics, meter, queue, stopping, .. data is null || journal is null ? (IDisposable[])[] : [journal, data]];
        try
        {
            await app.StartAsync();
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            await app.DisposeAsync();
            foreach (IDisposable one in owned) one.Dispose();
            throw new IOException(ServerAddress.Refusal(options, e), e);
        }

        runner?.Resume();
        CoppiceServer server = new(app, options, admission, runner, stopping, logger, owned);
        Log.Listening(logger, model.Name, server.Address.ToString());
        if (options.Keys.Count == 0 && !addresses.All(IPAddress.IsLoopback)) Log.Open(logger, options.Host);
        return server;
    }

    /// <summary>Refuses new requests, lets running ones end for as long as <see cref="ServerOptions.DrainTime"/>, ends the others with an error, and stops listening.</summary>
    public async Task StopAsync()
    {
        Log.Stopping(_logger, _options.DrainTime.TotalSeconds);
        Task ended = _admission.CloseAsync();
        if (_runner is not null) await _runner.StopAsync();     // batches go on when the server is started again
        if (await Task.WhenAny(ended, Task.Delay(_options.DrainTime)) != ended)
        {
            await _stopping.CancelAsync();
            await Task.WhenAny(ended, Task.Delay(TimeSpan.FromSeconds(2)));       // their errors are sent
        }

        using CancellationTokenSource patience = new(TimeSpan.FromSeconds(1));
        await _app.StopAsync(patience.Token);
    }

    /// <summary>Frees what the server has; <see cref="StopAsync"/> comes before it.</summary>
    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        foreach (IDisposable owned in _owned) owned.Dispose();
    }

    private static async Task BeforeAsync(HttpContext context, RequestDelegate next, ServerOptions options, PageOrigins origins)
    {
        // Without keys nothing but its address protects a server on loopback, and a hostile page can give its own name that address.
        if (options.Keys.Count == 0 && !options.AllowAnybody && !ServerAddress.IsLoopback(context.Request.Host.Host))
        {
            string named = context.Request.Host.HasValue ? $"The host '{Field.Shortened(context.Request.Host.Host)}' is not this machine's own name." : "The request names no host.";
            await Respond.ErrorAsync(context, new ApiException(403, $"{named} Use localhost, or give the server an API key.") { Code = "host_not_allowed" });
            return;
        }

        try
        {
            origins.Check(context.Request);
        }
        catch (ApiException foreign)
        {
            await Respond.ErrorAsync(context, foreign);
            return;
        }

        await next(context);
        if (context.Response.HasStarted || context.Response.ContentType is not null) return;
        if (context.Response.StatusCode == 404) await Respond.ErrorAsync(context, new ApiException(404, $"There is no {context.Request.Path}; /openapi/v1.json lists what there is.") { Code = "unknown_url" });
        else if (context.Response.StatusCode == 405) await Respond.ErrorAsync(context, new ApiException(405, $"{context.Request.Path} does not take {context.Request.Method}; it takes {context.Response.Headers.Allow}.") { Code = "method_not_allowed" });
    }

    private sealed class NoLifetime : IHostLifetime
    {
        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
