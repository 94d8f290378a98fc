using System.CommandLine;
using System.Globalization;
using System.Reflection;

namespace Coppice.Cli.Eval;

/// <summary>How an evaluation was run.</summary>
internal static class EvalSettings
{
    public static string Version { get; } = typeof(EngineOptions).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    /// <summary>What can change an answer.</summary>
    public static Dictionary<string, string> Of(string model, EngineOptions options)
    {
        Dictionary<string, string> settings = new(StringComparer.Ordinal)
        {
            ["model"] = model,
            ["attention"] = options.Attention.ToString(),
            ["weights"] = options.Weights.ToString(),
            ["kv"] = options.Kv.ToString(),
        };
        if (options.Sparq is { } sparq)
        {
            (string, object?)[] given = [("sparq_compression", sparq.Compression), ("sparq_r", sparq.R), ("sparq_k", sparq.K), ("sparq_local", sparq.Local), ("sparq_mean_value", sparq.MeanValue)];
            foreach ((string name, object? value) in given)
                if (value is not null) settings[name] = string.Create(CultureInfo.InvariantCulture, $"{value}");
        }
        if (options.Keep is int keep) settings["keep"] = keep.ToString(CultureInfo.InvariantCulture);
        return settings;
    }

    public static string Line(IReadOnlyDictionary<string, string> settings) => string.Join(';', settings.Select(setting => $"{setting.Key}={setting.Value}"));

    /// <summary>What one would type to run this again.</summary>
    public static string CommandLine(ParseResult parsed) =>
        string.Join(' ', ["coppice", .. parsed.Tokens.Select(token => token.Value.AsSpan().ContainsAny(" ;'\"") ? $"\"{token.Value}\"" : token.Value)]);
}
