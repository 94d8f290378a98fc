using Coppice.Backends;
using Coppice.Loading;
using Coppice.Scheduling;
using Coppice.Tests.Tokens;

namespace Coppice.Tests.Models;

/// <summary>An engine over a tiny checkpoint, which has no tokenizer of its own: one with a token for each of its rows takes its place.</summary>
internal sealed class FamilyRun : IDisposable
{
    private readonly ModelSource _source;

    public FamilyRun(string path, EngineOptions? options = null, IBackend? backend = null)
    {
        options ??= new EngineOptions();
        _source = ModelSource.Open(path);
        Core = new EngineCore(_source, Numbers(_source.Config.VocabularySize), backend ?? new CpuBackend(options.Threads ?? 2), options with { KvBytes = options.KvBytes ?? 8L << 20 });
        Core.Observer = (sequence, logits) =>
        {
            if (!Seen.TryGetValue((sequence.Request, sequence.Index), out List<float[]>? rows)) Seen.Add((sequence.Request, sequence.Index), rows = []);
            rows.Add(logits.ToArray());
        };
    }

    public EngineCore Core { get; }

    private static Tokenizer Numbers(int tokens) =>
        Tokenizers.Json($$"""{"model":{"type":"BPE","vocab":{ {{string.Join(',', Enumerable.Range(0, tokens).Select(id => $"\"n{id}\":{id}"))}} },"merges":[]} }""");

    /// <summary>The logits of each sample, token by token.</summary>
    public Dictionary<(Request Request, int Sample), List<float[]>> Seen { get; } = [];

    public Request Submit(int[] prompt, GenerateOptions options) => Core.Submit(prompt, options, WakeOn.Finish);

    public void Run()
    {
        while (Core.HasWork)
        {
            Core.Step();
            Core.CheckInvariants();
        }
    }

    public void Dispose()
    {
        Core.Dispose();
        _source.Dispose();
    }
}
