using System.Net;
using System.Net.Sockets;

namespace Coppice.Server;

/// <summary>Where a server may listen.</summary>
internal static class ServerAddress
{
    /// <summary>The addresses to listen on.</summary>
    /// <exception cref="ArgumentException">The host is no address, the keys are not usable, or the server would be open to anybody.</exception>
    public static IPAddress[] Checked(ServerOptions options)
    {
        if (options.Port is < 0 or > 65_535) throw new ArgumentException($"The port is {options.Port}; it must be from 0 to 65535.", nameof(options));
        foreach (ApiKey key in options.Keys)
        {
            if (key.Secret.Length < 8 || key.Secret.Any(c => c is <= ' ' or > '~')) throw new ArgumentException($"The API key '{key.Name}' must have 8 or more printable characters and no spaces.", nameof(options));
            // A line break ends a key's name where partitions of the cache are named.
            if (key.Name.Any(char.IsControl)) throw new ArgumentException($"The name of the API key '{string.Concat(key.Name.Select(c => char.IsControl(c) ? '?' : c))}' has control characters; leave them out.", nameof(options));
            if (!(key.Weight > 0)) throw new ArgumentException($"The weight of the API key '{key.Name}' is {key.Weight}; it must be above 0.", nameof(options));
        }

        if (options.Keys.DistinctBy(key => key.Name).Count() < options.Keys.Count) throw new ArgumentException("Two API keys have the same name; each needs its own.", nameof(options));
        if (options.Keys.DistinctBy(key => key.Secret).Count() < options.Keys.Count) throw new ArgumentException("Two API keys have the same secret; each needs its own.", nameof(options));
        IPAddress[] addresses = options.Host switch
        {
            "localhost" => [IPAddress.Loopback],
            "*" => [IPAddress.IPv6Any],
            _ => IPAddress.TryParse(options.Host, out IPAddress? address) ? [address] : throw new ArgumentException($"The host is '{options.Host}'; it must be an IP address of this machine, localhost, or * for all addresses.", nameof(options)),
        };
        if (options.Keys.Count == 0 && !options.AllowAnybody && !addresses.All(IPAddress.IsLoopback))
            throw new ArgumentException($"On {options.Host} anybody who reaches this machine could use the server. Give it an API key (--api-key, --api-keys-file), or say --allow-anybody.", nameof(options));
        return addresses;
    }

    /// <summary>Why the server cannot listen, for people.</summary>
    public static string Refusal(ServerOptions options, Exception error)
    {
        for (Exception? cause = error; cause is not null; cause = cause.InnerException)
        {
            if (cause is not SocketException { SocketErrorCode: SocketError code }) continue;
            return code switch
            {
                SocketError.AddressAlreadyInUse => $"Port {options.Port} of {options.Host} is in use by another program. Stop that one, or choose another port with --port (0: any that is free).",
                SocketError.AccessDenied => $"This user may not listen on port {options.Port}; ports below 1024 are the administrator's. Choose another with --port.",
                SocketError.AddressNotAvailable => $"{options.Host} is not an address of this machine. Choose one with --host, or * for all.",
                _ => $"The server cannot listen on port {options.Port} of {options.Host}: {cause.Message}.",
            };
        }

        return $"The server cannot listen on port {options.Port} of {options.Host}: {error.Message}";
    }

    /// <summary>Whether a name is this machine's own for itself. Names are the same in capital letters, and with the root's dot behind them.</summary>
    public static bool IsLoopback(string host)
    {
        string name = host.EndsWith('.') ? host[..^1] : host;
        return name.Equals("localhost", StringComparison.OrdinalIgnoreCase) || name.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase)
            || (IPAddress.TryParse(name.Trim('[', ']'), out IPAddress? address) && IPAddress.IsLoopback(address));
    }
}
