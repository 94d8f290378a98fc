namespace Coppice.Server.Access;

/// <summary>Who makes requests, what it has running and what it may still ask for.</summary>
internal sealed class Caller
{
    private readonly Lock _lock = new();
    private readonly TimeProvider _time;
    private readonly int? _requestsPerMinute;
    private double _tokens;         // requests it may make at once: a bucket that fills over a minute (token bucket)
    private long _filledAt;

    public Caller(string name, float weight, int? samples, int? requestsPerMinute, string? partition, TimeProvider time)
    {
        (Name, Weight, MaxSamples, Partition, _time, _requestsPerMinute) = (name, weight, samples, partition, time, requestsPerMinute);
        _tokens = requestsPerMinute ?? 0;
        _filledAt = time.GetTimestamp();
    }

    public string Name { get; }

    public float Weight { get; }

    /// <summary>Whether it may declare prefixes that all may use.</summary>
    public bool MayPublish { get; init; }

    public int? MaxSamples { get; }

    /// <summary>Its part of the prefix cache; null for the one that all share.</summary>
    public string? Partition { get; }

    /// <summary>Samples running and waiting. Changed by <see cref="Admission"/> only.</summary>
    public int Samples { get; set; }

    /// <summary>The salt under which a request of this caller shares prefixes.</summary>
    public string? Salt(string? cacheSalt) => Partition is null ? cacheSalt : cacheSalt is null ? Partition : $"{Partition}\n{cacheSalt}";

    /// <summary>Whether requests of this caller, and of nobody who has another part of the cache, use a partition. The inverse of <see cref="Salt"/>.</summary>
    public bool Owns(string? salt) => Partition is null || salt == Partition || (salt is not null && salt.StartsWith(Partition, StringComparison.Ordinal) && salt.Length > Partition.Length && salt[Partition.Length] == '\n');

    /// <summary>What a request of this caller said to get into a partition that it owns.</summary>
    public string? CacheSalt(string? salt) => Partition is null ? salt : salt == Partition ? null : salt![(Partition.Length + 1)..];

    /// <summary>Counts a request against the rate.</summary>
    /// <param name="wait">If it is refused: when the next one may come.</param>
    /// <param name="left">The share of a minute's requests that is left to others.</param>
    public bool TryTakeRequest(out TimeSpan wait, double left = 0)
    {
        wait = TimeSpan.Zero;
        if (_requestsPerMinute is not int rate) return true;
        lock (_lock)
        {
            long now = _time.GetTimestamp();
            _tokens = Math.Min(rate, _tokens + _time.GetElapsedTime(_filledAt, now).TotalMinutes * rate);
            _filledAt = now;
            double needed = 1 + Math.Floor(left * rate);
            if (_tokens >= needed)
            {
                _tokens--;
                return true;
            }

            wait = TimeSpan.FromMinutes((needed - _tokens) / rate);
            return false;
        }
    }
}
