using System.CommandLine;
using Coppice.Cli.Options;
using Coppice.Server;

namespace Coppice.Cli.Serving;

/// <summary>The options of <c>coppice serve</c> beside those of the model.</summary>
internal sealed class ListenOptions
{
    private readonly Option<string?> _host = new("--host") { HelpName = "address", Description = "IP address to listen on, localhost, or * for all. Default: 127.0.0.1, this machine only" };
    private readonly Option<int?> _port = Checked.Whole("--port", "number", 0, 65_535, "Port to listen on; 0 for a free one. Default: 8080");
    private readonly Option<string?> _name = new("--model-name") { HelpName = "name", Description = "What requests call the model. Default: its file or folder name" };
    private readonly Option<string[]> _key = new("--api-key") { HelpName = "secret", Description = "A key that clients must send; may be given several times. Better kept in --api-keys-file or COPPICE_API_KEY: others see command lines" };
    private readonly Option<string?> _keysFile = new("--api-keys-file") { HelpName = "file", Description = "Keys with names, weights and limits, one a line" };
    private readonly Option<bool> _anybody = new("--allow-anybody") { Description = "Listen beyond this machine without keys" };
    private readonly Option<bool> _share = new("--share-between-keys") { Description = "Let all keys share cached prefixes: faster, and keys can find out by timing what others sent" };
    private readonly Option<string[]> _cors = new("--cors-origin") { HelpName = "origin", Description = "A site whose pages may call the server from a browser; may be given several times" };
    private readonly Option<string?> _data = new("--data") { HelpName = "folder", Description = "Keep files and batches here; without it there are neither /v1/files nor /v1/batches" };
    private readonly Option<int?> _queue = Checked.Whole("--max-queue", "count", 0, int.MaxValue, "Samples that may wait behind a full batch; more are refused with 429. Default: 4096");
    private readonly Option<int?> _samplesPerKey = Checked.Whole("--max-samples-per-key", "count", 1, int.MaxValue, "Samples that one key may have running and waiting. Default: no limit");
    private readonly Option<int?> _rate = Checked.Whole("--requests-per-minute", "count", 1, int.MaxValue, "Requests that one key may make in a minute. Default: no limit");
    private readonly Option<int?> _pinnedPerKey = Checked.Whole("--max-pinned-tokens-per-key", "tokens", 0, int.MaxValue, "Tokens of prefixes that one key may keep in the cache. Default: 65536");
    private readonly Option<int?> _pinned = Checked.Whole("--max-pinned-tokens", "tokens", 0, int.MaxValue, "Tokens of prefixes that all keys may keep. Default: what the longest request leaves of the cache");
    private readonly Option<int?> _samples = Checked.Whole("--max-n", "count", 1, 1024, "Most samples of a prompt. Default: 128");
    private readonly Option<int?> _promptTokens = Checked.Whole("--max-prompt-tokens", "tokens", 1, int.MaxValue, "Longest prompt. Default: what the model takes");
    private readonly Option<long?> _body = Checked.Bytes("--max-body", "Largest body of a request. Default: 8MiB");
    private readonly Option<long?> _answers = Checked.Bytes("--max-answer-memory", "Memory for the log probabilities and penalties of running answers; one request may take a quarter. Default: 1GiB");
    private readonly Option<long?> _stored = Checked.Bytes("--max-stored-per-key", "Bytes that the files of one key may have. Default: 16GiB");
    private readonly Option<int?> _drain = Checked.Whole("--drain", "seconds", 0, 3600, "How long running requests may go on after SIGTERM. Default: 20");
    private readonly Option<LogDetail?> _log = Checked.Choice("--log", "What is logged, on stderr; debug has a line for every request. Default: info",
        ("debug", LogDetail.Debug), ("info", LogDetail.Information), ("warning", LogDetail.Warning), ("none", LogDetail.None));

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_host, _port, _name, _key, _keysFile, _anybody, _share, _cors, _data, _queue, _samplesPerKey, _rate, _pinnedPerKey, _pinned, _samples, _promptTokens, _body, _answers, _stored, _drain, _log]) command.Add(option);
    }

    public LogDetail Detail(ParseResult parsed) => parsed.GetValue(_log) ?? LogDetail.Information;

    public ServerOptions Read(ParseResult parsed)
    {
        ServerOptions defaults = new();
        ServerLimits limits = defaults.Limits;
        return defaults with
        {
            Host = parsed.GetValue(_host) ?? defaults.Host,
            Port = parsed.GetValue(_port) ?? defaults.Port,
            ModelName = parsed.GetValue(_name),
            Keys = [.. (parsed.GetValue(_key) ?? []).Select((secret, i) => new ApiKey($"key-{i + 1}", secret)), .. KeyFile.Read(parsed.GetValue(_keysFile))],
            AllowAnybody = parsed.GetValue(_anybody),
            ShareBetweenKeys = parsed.GetValue(_share),
            CorsOrigins = parsed.GetValue(_cors) ?? [],
            DataFolder = parsed.GetValue(_data),
            DrainTime = parsed.GetValue(_drain) is int seconds ? TimeSpan.FromSeconds(seconds) : defaults.DrainTime,
            Limits = limits with
            {
                Queue = parsed.GetValue(_queue) ?? limits.Queue,
                SamplesPerKey = parsed.GetValue(_samplesPerKey),
                RequestsPerMinute = parsed.GetValue(_rate),
                PinnedTokensPerKey = parsed.GetValue(_pinnedPerKey) ?? limits.PinnedTokensPerKey,
                PinnedTokens = parsed.GetValue(_pinned),
                Samples = parsed.GetValue(_samples) ?? limits.Samples,
                PromptTokens = parsed.GetValue(_promptTokens),
                AnswerBytes = parsed.GetValue(_answers) ?? limits.AnswerBytes,
                StoredBytesPerKey = parsed.GetValue(_stored) ?? limits.StoredBytesPerKey,
                BodyBytes = (int)Math.Min(1 << 30, parsed.GetValue(_body) ?? limits.BodyBytes),
            },
        };
    }
}

/// <summary>What a server logs. Named as the web framework names its levels, which is not loaded for the tool's other commands.</summary>
internal enum LogDetail
{
    Debug,
    Information,
    Warning,
    None,
}
