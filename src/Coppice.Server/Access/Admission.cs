using Coppice.Server.Wire;

namespace Coppice.Server.Access;

/// <summary>Lets requests in, up to what the server, and each caller, may have running and waiting.</summary>
internal sealed class Admission(ServerLimits limits, int maxBatch)
{
    private static readonly TimeSpan s_tryAgain = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly int _mostSamples = limits.Queue > int.MaxValue - maxBatch ? int.MaxValue : limits.Queue + maxBatch;
    private TaskCompletionSource? _empty, _left;
    private int _samples, _requests;
    private bool _closed;

    /// <summary>Samples running and waiting.</summary>
    public int Samples
    {
        get
        {
            lock (_lock) return _samples;
        }
    }

    /// <summary>Whether new requests are refused because the server stops.</summary>
    public bool IsClosed
    {
        get
        {
            lock (_lock) return _closed;
        }
    }

    /// <summary>Counts a request in until the result is disposed.</summary>
    /// <exception cref="ApiException">429: there is no room; 503: the server is stopping.</exception>
    public IDisposable Enter(Caller caller, int samples)
    {
        lock (_lock)
        {
            if (_closed) throw new ApiException(503, "The server is stopping; try another or try later.") { Code = "shutting_down", RetryAfter = TimeSpan.FromSeconds(5) };
            if (samples > _mostSamples || samples > caller.MaxSamples)
                throw new ApiException(400, $"The request asks for {samples} answers; at most {Math.Min(_mostSamples, caller.MaxSamples ?? int.MaxValue)} may run and wait at once. Ask for fewer.") { Code = "too_many_answers", Param = "n" };
            if (caller.Samples + samples > caller.MaxSamples)
                throw Busy($"Your key has {caller.Samples} answers running or waiting and may have {caller.MaxSamples}; this request asks for {samples}. Try again when some have ended.", "concurrency_limit_exceeded");
            if (_samples + samples > _mostSamples)
                throw Busy($"The server has {_samples} answers running or waiting and takes {_mostSamples}. Try again soon.", "queue_full");
            if (!caller.TryTakeRequest(out TimeSpan wait))
                throw new ApiException(429, $"Your key has made all the requests it may make now; the next may come in {wait.TotalSeconds:0.#} s.") { Code = "rate_limit_exceeded", RetryAfter = wait };
            caller.Samples += samples;
            _samples += samples;
            _requests++;
        }

        return new Place(this, caller, samples, requests: 1);
    }

    /// <summary>
    /// Counts a line of a batch against its key's limits, until the result is disposed. It is not refused but waits, and leaves a quarter of
    /// what the key may do to requests that somebody waits for.
    /// </summary>
    /// <exception cref="ApiException">It asks for more than the key may ever have.</exception>
    public async Task<IDisposable> EnterLineAsync(Caller caller, int samples, TimeProvider time, CancellationToken cancellation)
    {
        while (true)
        {
            Task left = Task.CompletedTask;
            TimeSpan wait = TimeSpan.Zero;
            lock (_lock)
            {
                if (samples > caller.MaxSamples)
                    throw new ApiException(400, $"The request asks for {samples} answers; your key may have {caller.MaxSamples} at once. Ask for fewer.") { Code = "too_many_answers", Param = "n" };
                if (caller.Samples > 0 && caller.Samples + samples > caller.MaxSamples - caller.MaxSamples / 4)
                {
                    _left ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                    left = _left.Task;
                }
                else if (caller.TryTakeRequest(out wait, left: 0.25))
                {
                    caller.Samples += samples;
                    return new Place(this, caller, samples, requests: 0);
                }
            }

            await left.WaitAsync(cancellation);
            if (wait > TimeSpan.Zero) await Task.Delay(wait, time, cancellation);
        }
    }

    /// <summary>Refuses new requests from now on; completes when the last one has ended.</summary>
    public Task CloseAsync()
    {
        lock (_lock)
        {
            _closed = true;
            _empty ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            if (_requests == 0) _empty.TrySetResult();
            return _empty.Task;
        }
    }

    private static ApiException Busy(string message, string code) => new(429, message) { Code = code, RetryAfter = s_tryAgain };

    /// <param name="caller">Who.</param>
    /// <param name="samples">What it had running and waiting.</param>
    /// <param name="requests">0: a line of a batch, which the server's own queue does not count.</param>
    private void Leave(Caller caller, int samples, int requests)
    {
        lock (_lock)
        {
            caller.Samples -= samples;
            _left?.TrySetResult();
            _left = null;
            if (requests == 0) return;
            _samples -= samples;
            if (--_requests == 0) _empty?.TrySetResult();
        }
    }

    private sealed class Place(Admission admission, Caller caller, int samples, int requests) : IDisposable
    {
        private int _left;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _left, 1) == 0) admission.Leave(caller, samples, requests);
        }
    }
}
