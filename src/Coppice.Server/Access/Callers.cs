using System.Security.Cryptography;
using System.Text;
using Coppice.Server.Wire;
using Microsoft.AspNetCore.Http;

namespace Coppice.Server.Access;

/// <summary>Knows callers by the keys they send.</summary>
internal sealed class Callers
{
    private const string Scheme = "Bearer ";

    // By hash: neither the look-up nor a comparison takes a time that depends on how much of a secret was guessed.
    private readonly Dictionary<string, Caller> _bySecret = new(StringComparer.Ordinal);
    private readonly Caller? _anybody;

    public Callers(ServerOptions options, TimeProvider time)
    {
        bool divided = options.Keys.Count > 1 && !options.ShareBetweenKeys;
        foreach (ApiKey key in options.Keys)
        {
            Caller caller = new(key.Name, key.Weight, key.Samples ?? options.Limits.SamplesPerKey, key.RequestsPerMinute ?? options.Limits.RequestsPerMinute, divided ? $"key {key.Name}" : null, time) { MayPublish = key.MayPublish };
            _bySecret.Add(Hash(key.Secret), caller);
        }

        if (options.Keys.Count == 0) _anybody = new Caller("", 1, options.Limits.SamplesPerKey, options.Limits.RequestsPerMinute, partition: null, time) { MayPublish = true };
    }

    /// <summary>The caller of this name; null if there is none.</summary>
    public Caller? Named(string name) => _anybody is not null ? (name.Length == 0 ? _anybody : null) : _bySecret.Values.FirstOrDefault(caller => caller.Name == name);

    /// <exception cref="ApiException">The request has no key, or none that is known.</exception>
    public Caller Of(HttpRequest request)
    {
        if (_anybody is not null) return _anybody;
        string? header = request.Headers.Authorization;
        if (string.IsNullOrEmpty(header)) throw Refused("No API key was sent. Send one as 'Authorization: Bearer KEY'.");
        if (header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) && _bySecret.TryGetValue(Hash(header[Scheme.Length..].Trim()), out Caller? caller)) return caller;
        throw Refused("The API key is not one of this server's.");
    }

    private static ApiException Refused(string message) => new(401, message) { Type = "invalid_request_error", Code = "invalid_api_key" };

    private static string Hash(string secret) => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(secret)));
}
