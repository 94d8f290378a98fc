using System.CommandLine;

namespace Coppice.Cli.Options;

/// <summary>The options of every command that opens a model.</summary>
internal sealed class ModelOptions
{
    /// <summary>The model that ships with the tool.</summary>
    public static string SampleModel { get; } = Path.Combine(AppContext.BaseDirectory, "models", "sample");

    private readonly Option<string?> _model = new("--model", "-m")
    {
        HelpName = "path",
        Description = "Hugging Face folder or .gguf file. Default: the small sample model that comes with the tool",
    };

    private readonly AttentionOptions _attention = new();

    private readonly Option<WeightFormat?> _weights = Checked.Choice("--weights", "How weights are kept and multiplied; bf16 and q8_0 round the activations, too. Default: native, as the file has them, with activations rounded to bytes where the weights are quantised",
        ("native", WeightFormat.Native), ("f32", WeightFormat.F32), ("bf16", WeightFormat.BF16), ("q8_0", WeightFormat.Q8_0));

    private readonly Option<KvFormat?> _kv = Checked.Choice("--kv", "How keys and values are kept. Default: f32", ("f32", KvFormat.F32), ("bf16", KvFormat.BF16));
    private readonly Option<long?> _kvMemory = Checked.Bytes("--kv-memory", "Most memory for keys and values, such as 2GiB. Default: a quarter of the machine's");
    private readonly Option<int?> _threads = Checked.Whole("--threads", "count", 1, 1024, "Worker threads. Default: one per core");
    private readonly Option<bool> _pin = new("--pin") { Description = "Keep each thread on a core of its own; for a machine that does nothing else" };
    private readonly Option<int?> _maxBatch = Checked.Whole("--max-batch", "count", 1, 65_536, "Most sequences decoded together. Default: 256");
    private readonly Option<int?> _prefillChunk = Checked.Whole("--prefill-chunk", "tokens", 1, 65_536, "Most prompt tokens computed in one step. Default: 512");
    private readonly Option<int?> _maxContext = Checked.Whole("--max-context", "tokens", 1, int.MaxValue, "Longest prompt and answer together. Default: what the model was made for");

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_model, .. _attention.All, _weights, _kv, _kvMemory, _threads, _pin, _maxBatch, _prefillChunk, _maxContext]) command.Add(option);
    }

    public string ModelPath(ParseResult parsed) => parsed.GetValue(_model) ?? SampleModel;

    public EngineOptions Engine(ParseResult parsed)
    {
        EngineOptions defaults = new();
        return _attention.Apply(parsed, new EngineOptions
        {
            Weights = parsed.GetValue(_weights) ?? defaults.Weights,
            Kv = parsed.GetValue(_kv) ?? defaults.Kv,
            KvBytes = parsed.GetValue(_kvMemory),
            Threads = parsed.GetValue(_threads),
            Placement = parsed.GetValue(_pin) ? ThreadPlacement.Pinned : ThreadPlacement.Free,
            MaxBatch = parsed.GetValue(_maxBatch) ?? defaults.MaxBatch,
            PrefillChunk = parsed.GetValue(_prefillChunk) ?? defaults.PrefillChunk,
            MaxContextTokens = parsed.GetValue(_maxContext),
        });
    }
}
