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
    private long _bytes;
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
    /// <param name="caller">Who makes it.</param>
    /// <param name="samples">Its answers.</param>
    /// <param name="bytes">What they may take in memory, as <see cref="ServerLimits.AnswerBytes"/> counts.</param>
    /// <exception cref="ApiException">429: there is no room; 503: the server is stopping; 400: it asks for more than there can ever be.</exception>
    public IDisposable Enter(Caller caller, int samples, long bytes = 0)
    {
        CheckSize(bytes);
        lock (_lock)
        {
            if (_closed) throw new ApiException(503, "The server is stopping; try another or try later.") { Code = "shutting_down", RetryAfter = TimeSpan.FromSeconds(5) };
            if (samples > _mostSamples || samples > caller.MaxSamples)
                throw new ApiException(400, $"The request asks for {samples} answers; at most {Math.Min(_mostSamples, caller.MaxSamples ?? int.MaxValue)} may run and wait at once. Ask for fewer.") { Code = "too_many_answers", Param = "n" };
            if (caller.Samples + samples > caller.MaxSamples)
                throw Busy($"Your key has {caller.Samples} answers running or waiting and may have {caller.MaxSamples}; this request asks for {samples}. Try again when some have ended.", "concurrency_limit_exceeded");
            if (_samples + samples > _mostSamples)
                throw Busy($"The server has {_samples} answers running or waiting and takes {_mostSamples}. Try again soon.", "queue_full");
            if (_bytes + bytes > limits.AnswerBytes)
                throw Busy($"The log probabilities and penalties of running answers may take {_bytes >> 20} MiB, and this request's {bytes >> 20} MiB; the server has {limits.AnswerBytes >> 20} MiB for them. Try again when some have ended.", "answer_memory_full");
            if (!caller.TryTakeRequest(out TimeSpan wait))
                throw new ApiException(429, $"Your key has made all the requests it may make now; the next may come in {wait.TotalSeconds:0.#} s.") { Code = "rate_limit_exceeded", RetryAfter = wait };
            caller.Samples += samples;
            _samples += samples;
            _bytes += bytes;
            _requests++;
        }

        return new Place(this, caller, samples, bytes, requests: 1);
    }

    /// <summary>
    /// Counts a line of a batch against its key's limits, until the result is disposed. It is not refused but waits, and leaves a quarter of
    /// what the key may do to requests that somebody waits for.
    /// </summary>
    /// <exception cref="ApiException">It asks for more than the key may ever have.</exception>
    public async Task<IDisposable> EnterLineAsync(Caller caller, int samples, long bytes, TimeProvider time, CancellationToken cancellation)
    {
        CheckSize(bytes);
        while (true)
        {
            Task left = Task.CompletedTask;
            TimeSpan wait = TimeSpan.Zero;
            lock (_lock)
            {
                if (samples > caller.MaxSamples)
                    throw new ApiException(400, $"The request asks for {samples} answers; your key may have {caller.MaxSamples} at once. Ask for fewer.") { Code = "too_many_answers", Param = "n" };
                bool fits = _bytes == 0 || _bytes + bytes <= limits.AnswerBytes - limits.AnswerBytes / 4;
                if (!fits || (caller.Samples > 0 && caller.Samples + samples > caller.MaxSamples - caller.MaxSamples / 4))
                {
                    _left ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                    left = _left.Task;
                }
                else if (caller.TryTakeRequest(out wait, left: 0.25))
                {
                    caller.Samples += samples;
                    _bytes += bytes;
                    return new Place(this, caller, samples, bytes, requests: 0);
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

    private void CheckSize(long bytes)
    {
        long most = limits.AnswerBytes / 4;
        if (bytes > most) throw new ApiException(400, $"The log probabilities or penalties of this request's answers may take {bytes >> 20} MiB; one request may take {most >> 20} MiB. Ask for fewer tokens (max_tokens), answers (n, prompts) or alternatives (logprobs).") { Code = "answer_too_large" };
    }

    private static ApiException Busy(string message, string code) => new(429, message) { Code = code, RetryAfter = s_tryAgain };

    /// <param name="caller">Who.</param>
    /// <param name="samples">What it had running and waiting.</param>
    /// <param name="bytes">What they could take.</param>
    /// <param name="requests">0: a line of a batch, which the server's own queue does not count.</param>
    private void Leave(Caller caller, int samples, long bytes, int requests)
    {
        lock (_lock)
        {
            caller.Samples -= samples;
            _bytes -= bytes;
            _left?.TrySetResult();
            _left = null;
            if (requests == 0) return;
            _samples -= samples;
            if (--_requests == 0) _empty?.TrySetResult();
        }
    }

    private sealed class Place(Admission admission, Caller caller, int samples, long bytes, int requests) : IDisposable
    {
        private int _left;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _left, 1) == 0) admission.Leave(caller, samples, bytes, requests);
        }
    }
}
