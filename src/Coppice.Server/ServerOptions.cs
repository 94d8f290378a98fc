namespace Coppice.Server;

/// <summary>How a server listens, who may use it and for what.</summary>
public sealed record ServerOptions
{
    /// <summary>The name that requests call the model by. Null: the model's file or folder name.</summary>
    public string? ModelName { get; init; }

    /// <summary>How conversations are written. Null: as the model says, and if it does not, there are no chats.</summary>
    public ChatTemplates? ChatTemplates { get; init; }

    /// <summary>The address to listen on: an IP address, <c>localhost</c>, or <c>*</c> for all.</summary>
    public string Host { get; init; } = "127.0.0.1";

    /// <summary>The port; 0 for a free one.</summary>
    public int Port { get; init; } = 8080;

    /// <summary>Who may use the server. Empty: anybody who reaches it.</summary>
    public IReadOnlyList<ApiKey> Keys { get; init; } = [];

    /// <summary>Listen beyond this machine although there are no keys.</summary>
    public bool AllowAnybody { get; init; }

    /// <summary>Let all keys share cached prefixes. It is faster, and lets one key find out by timing what another has sent.</summary>
    public bool ShareBetweenKeys { get; init; }

    /// <summary>Origins whose pages may call the server from a browser. Empty: none but the server's own.</summary>
    public IReadOnlyList<string> CorsOrigins { get; init; } = [];

    /// <summary>How long running requests may go on once the server is asked to stop.</summary>
    public TimeSpan DrainTime { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Where files and batches are kept. Null: there are neither.</summary>
    public string? DataFolder { get; init; }

    /// <summary>What may be asked for.</summary>
    public ServerLimits Limits { get; init; } = new();
}
