using Coppice.Backends;
using Coppice.Loading;
using Coppice.Scheduling;
using Coppice.Tokens;

namespace Coppice.Tests.Models;

/// <summary>An engine over a tiny checkpoint, which has no tokenizer of its own: the sample model's takes its place.</summary>
internal sealed class FamilyRun : IDisposable
{
    private static readonly Lazy<Tokenizer> s_tokenizer = new(() =>
    {
        using ModelSource sample = ModelSource.Open(TestData.SampleModel);
        return ModelTokenizer.Load(sample);
    });

    private readonly ModelSource _source;

    public FamilyRun(string path, EngineOptions? options = null, IBackend? backend = null)
    {
        options ??= new EngineOptions();
        _source = ModelSource.Open(path);
        Core = new EngineCore(_source, s_tokenizer.Value, backend ?? new CpuBackend(options.Threads ?? 2), options with { KvBytes = options.KvBytes ?? 8L << 20 });
        Core.Observer = (sequence, logits) =>
        {
            if (!Seen.TryGetValue((sequence.Request, sequence.Index), out List<float[]>? rows)) Seen.Add((sequence.Request, sequence.Index), rows = []);
            rows.Add(logits.ToArray());
        };
    }

    public EngineCore Core { get; }

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
