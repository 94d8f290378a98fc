using Coppice.Backends;
using Coppice.Loading;
using Coppice.Scheduling;
using Coppice.Tokens;

namespace Coppice.Tests.Golden;

/// <summary>An engine that a test steps by hand.</summary>
internal sealed class TestEngine : IDisposable
{
    private readonly ModelSource _source;

    /// <param name="model">File or folder.</param>
    /// <param name="options">Options.</param>
    /// <param name="backend">By default the CPU's.</param>
    /// <param name="window">A sliding window in every layer; 0: as the model has it.</param>
    public TestEngine(string model, EngineOptions? options = null, IBackend? backend = null, int window = 0)
    {
        options ??= new EngineOptions();
        _source = ModelSource.Open(model);
        if (window > 0) _source.Config = _source.Config with { Window = window };
        Tokenizer = ModelTokenizer.Load(_source);
        Core = new EngineCore(_source, Tokenizer, backend ?? new CpuBackend(EngineLimits.Threads(options), options.Weights), options with { KvBytes = options.KvBytes ?? 64L << 20 });
    }

    public Tokenizer Tokenizer { get; }

    public EngineCore Core { get; }

    public Request Submit(string prompt, GenerateOptions options) => Submit(Tokenizer.Encode(prompt), options);

    public Request Submit(int[] prompt, GenerateOptions options) => Core.Submit(prompt, options, WakeOn.Finish);

    /// <summary>Steps until nothing is left, checking the pages after every step.</summary>
    public void Run()
    {
        while (Core.HasWork)
        {
            Core.Step();
            Core.CheckInvariants();
        }
    }

    /// <summary>The tokens of one request, computed with whatever else was submitted.</summary>
    public int[] Complete(int[] prompt, GenerateOptions options)
    {
        Request request = Submit(prompt, options);
        Run();
        return Answer(request);
    }

    public static int[] Answer(Request request, int sample = 0)
    {
        if (request.Error is { } error) throw error;
        Sequence sequence = request.Sequences[sample];
        return [.. Enumerable.Range(0, sequence.Generated).Select(sequence.GeneratedToken)];
    }

    public static ChosenLogProb[] LogProbs(Request request, int sample = 0) =>
        [.. Enumerable.Range(0, request.Sequences[sample].Generated).Select(i => request.Sequences[sample].LogProb(i)!)];

    public void Dispose()
    {
        Core.Dispose();
        _source.Dispose();
    }
}
