namespace Coppice.Server;

/// <summary>A key and what it may do.</summary>
/// <param name="Name">What logs and the cache call it; unique.</param>
/// <param name="Secret">What clients send as <c>Authorization: Bearer</c>.</param>
public sealed record ApiKey(string Name, string Secret)
{
    /// <summary>Turns it gets while another key of weight 1 gets one; above 0.</summary>
    public float Weight { get; init; } = 1;

    /// <summary>Samples it may have running and waiting. Null: <see cref="ServerLimits.SamplesPerKey"/>.</summary>
    public int? Samples { get; init; }

    /// <summary>Requests it may make in a minute, on average. Null: <see cref="ServerLimits.RequestsPerMinute"/>.</summary>
    public int? RequestsPerMinute { get; init; }

    /// <summary>Whether it may declare prefixes that all keys may use.</summary>
    public bool MayPublish { get; init; }

    /// <summary>Without the secret, so that no log shows it.</summary>
    public override string ToString() => Name;
}
