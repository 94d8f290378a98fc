using Coppice.Cli.Chat;
using Coppice.Loading;
using Coppice.Models;

namespace Coppice.Cli.Inspecting;

/// <summary>The tensors of one type.</summary>
/// <param name="Name">As the container names it.</param>
/// <param name="Tensors">How many.</param>
/// <param name="Parameters">Numbers in them.</param>
/// <param name="Bytes">What they take in the file.</param>
/// <param name="Refused">Why this version does not compute with it; null: it does.</param>
internal sealed record TypeShare(string Name, int Tensors, long Parameters, long Bytes, string? Refused);

/// <summary>A chat template and what it made of a trial.</summary>
/// <param name="Name">"default" for most.</param>
/// <param name="FoundIn">The file or the key of metadata.</param>
/// <param name="Problem">Why it does not render; null: it does.</param>
/// <param name="TakesSystem">A system message gets into the prompt.</param>
/// <param name="TakesTools">The definition of a tool gets into the prompt.</param>
/// <param name="TakesCalls">The call of a tool and its result get into the prompt.</param>
/// <param name="Roles">Whose messages get into the prompt.</param>
internal sealed record TemplateFacts(string Name, string FoundIn, string? Problem, bool TakesSystem, bool TakesTools, bool TakesCalls, IReadOnlyList<string> Roles);

/// <summary>
/// What can be learnt of a model without loading it. One part that cannot be used does not hide the others: each is looked at by itself,
/// and what an engine would refuse is collected.
/// </summary>
internal sealed class ModelFacts : IDisposable
{
    private readonly ModelSource? _source;
    private readonly IWeightFile? _apart;   // the weights of a model that cannot be opened whole
    private readonly List<string> _refusals = [];

    private ModelFacts(string path, ChatTemplates? named)
    {
        Path = path;
        ModelParts parts = ModelParts.Find(path);
        _source = Try(() => ModelSource.Open(path));
        string? whole = _refusals.Count > 0 ? _refusals[0] : null;
        _refusals.Clear();

        _apart = _source is null ? Try(parts.OpenWeights) : null;
        Metadata = _source?.Gguf ?? (_apart as GgufFile)?.Metadata;
        Config = _source?.Config ?? Try(() => parts.ReadConfig(_apart));
        Named = parts.Named(Metadata);
        Settings = Config is null ? parts.Settings(Metadata) : [];
        IReadOnlyList<WeightTensor> tensors = (_source?.Weights ?? _apart)?.Tensors ?? [];
        Types = [.. tensors.GroupBy(t => t.TypeName, StringComparer.Ordinal).Select(Share).OrderByDescending(t => t.Bytes)];
        foreach (TypeShare share in Types)
            if (share.Refused is not null) _refusals.Add(share.Tensors == 1 ? share.Refused : $"{share.Refused} ({share.Tensors - 1} more of this type.)");
        // Whatever else is wrong with the whole: a tensor that is missing or too many. Where parts are refused, it says one of them again.
        if (_refusals.Count == 0 && whole is not null) _refusals.Add(whole);

        Tokenizer = Try(() => _source is not null ? ModelTokenizer.Load(_source) : parts.ReadTokenizer(Metadata));
        TokenizerKind = parts.TokenizerKind(Metadata);
        ReadTemplates(parts, named);
    }

    /// <summary>As the user named it.</summary>
    public string Path { get; }

    /// <summary>Null: it cannot be read, see <see cref="Refusals"/>.</summary>
    public ModelConfig? Config { get; }

    /// <summary>What the file calls its architecture, whether it runs or not; null where it says nothing.</summary>
    public string? Named { get; }

    public GgufMetadata? Metadata { get; }

    /// <summary>The main settings of a model whose config is refused, by the file's own names.</summary>
    public IReadOnlyList<(string Key, int Value)> Settings { get; }

    /// <summary>The largest first.</summary>
    public IReadOnlyList<TypeShare> Types { get; }

    public long Parameters => Types.Sum(t => t.Parameters);

    /// <summary>Null: it cannot be used, see <see cref="Refusals"/>.</summary>
    public Tokenizer? Tokenizer { get; }

    public string TokenizerKind { get; }

    /// <summary>Any of these ends a text. Empty also where the model cannot be opened.</summary>
    public IReadOnlyList<int> EndOfTextTokens => _source?.EndOfTextTokens ?? [];

    public IReadOnlyList<TemplateFacts> Templates { get; private set; } = [];

    /// <summary>Why the templates as a whole cannot be read.</summary>
    public string? TemplatesProblem { get; private set; }

    /// <summary>Why an engine would not open the model; empty: it would.</summary>
    public IReadOnlyList<string> Refusals => _refusals;

    /// <param name="path">The model.</param>
    /// <param name="named">Chat templates in place of its own.</param>
    /// <exception cref="ModelFormatException">There is nothing there, or nothing that a model is kept in.</exception>
    public static ModelFacts Of(string path, ChatTemplates? named = null) => new(path, named);

    /// <summary>Bytes of the packed copy of the weights that products are computed from, about: panels and their padding are not counted.</summary>
    public long PackedBytes(WeightFormat format)
    {
        long bytes = 0;
        foreach (WeightTensor tensor in (_source?.Weights ?? _apart)?.Tensors ?? [])
        {
            // Norms are kept as they are; an embedding of its own is read from the file.
            if (tensor.Shape.Count < 2 || (Config is { TiedOutput: false } && ModelParts.IsEmbedding(tensor.Name))) continue;
            long elements = Elements(tensor);
            bytes += format switch
            {
                WeightFormat.F32 => 4 * elements,
                WeightFormat.BF16 => 2 * elements,
                WeightFormat.Q8_0 => elements / 32 * 34,
                _ => tensor.ByteCount,
            };
        }
        return bytes;
    }

    public void Dispose()
    {
        _source?.Dispose();
        _apart?.Dispose();
    }

    private void ReadTemplates(ModelParts parts, ChatTemplates? named)
    {
        try
        {
            ChatTemplates? templates = named is not null ? named : Metadata is not null ? ChatTemplates.FromGguf(Metadata) : parts.Folder is string folder ? ChatTemplates.FromFolder(folder) : null;
            if (templates is not null) Templates = [.. templates.Names.Select(name => TemplateTrial.Run(templates, name, Tokenizer))];
        }
        catch (ModelFormatException e)
        {
            TemplatesProblem = e.Message;
        }
    }

    private static TypeShare Share(IGrouping<string, WeightTensor> tensors)
    {
        string? refused = null;
        try
        {
            _ = tensors.First().Type;
        }
        catch (ModelFormatException e)
        {
            refused = e.Message[(e.File.Length + 2)..];
        }
        return new TypeShare(tensors.Key, tensors.Count(), tensors.Sum(Elements), tensors.Sum(t => t.ByteCount), refused);
    }

    private static long Elements(WeightTensor tensor) => tensor.Shape.Aggregate(1L, (product, size) => product * size);

    private T? Try<T>(Func<T> read) where T : class
    {
        try
        {
            return read();
        }
        catch (ModelFormatException e)
        {
            // The model's own path stands above.
            string message = e.Message.StartsWith(Path + ": ", StringComparison.Ordinal) ? e.Message[(Path.Length + 2)..] : e.Message;
            if (!_refusals.Contains(message)) _refusals.Add(message);
            return null;
        }
    }
}
