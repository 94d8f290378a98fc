using Coppice.Loading;

namespace Coppice.Tokens;

/// <summary>What a name in tokenizer.ggml.pre stands for: GGUF keeps the name of a pre-tokenizer and not its patterns.</summary>
internal sealed record GgufPreTokenizer
{
    /// <summary>GPT-4o's words.</summary>
    internal const string O200k = @"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        + @"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        + @"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    private const string Tekken = @"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
        + @"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
        + @"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    private const string Deepseek3 = @"[!""#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    private const string Qwen35 = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    private const string Bailing = @"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+";
    private const string SeedCoder = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+";
    private const string Bloom = @" ?[^(\s|.,!?…。，、।۔،)]+";
    private const string Han = @"[一-龥\u0800-一가-\ud7ff]+", Kana = @"[一-龥\u3040-ゟ゠-ヿ]+";

    private static readonly Dictionary<string, Func<string, GgufPreTokenizer>> s_byName = new(StringComparer.Ordinal)
    {
        ["default"] = _ => new() { Steps = [new RunSplit("$+<=>^~|"), FamilyPattern.Gpt2, new DigitsSplit(SplitBehavior.Contiguous), new ThreeDigits()] },
        ["gpt-2"] = Gpt2,
        ["phi-2"] = Gpt2,
        ["mpt"] = Gpt2,
        ["olmo"] = Gpt2,
        ["jais"] = Gpt2,
        ["falcon"] = _ => new() { Steps = [new RunSplit("$+<=>^~|`"), FamilyPattern.Gpt2, new ThreeDigits()] },
        ["starcoder"] = SingleDigits,
        ["refact"] = SingleDigits,
        ["command-r"] = SingleDigits,
        ["smollm"] = SingleDigits,
        ["codeshell"] = SingleDigits,
        ["llama3"] = Llama3,
        ["llama-v3"] = Llama3,
        ["llama-bpe"] = Llama3,
        ["falcon3"] = Llama3,
        ["pixtral"] = Llama3,
        ["dbrx"] = _ => new() { Steps = [FamilyPattern.Llama3] },
        ["smaug-bpe"] = _ => new() { Steps = [FamilyPattern.Llama3] },
        ["qwen2"] = Qwen2,
        ["deepseek-r1-qwen"] = Qwen2,
        ["stablelm2"] = Qwen2,
        ["gpt-4o"] = file => new() { Steps = [Regex(file, O200k)] },
        ["llama4"] = file => new() { Steps = [Regex(file, O200k)] },
        ["minimax-m2"] = file => new() { Steps = [Regex(file, O200k)] },
        ["kanana2"] = file => new() { Steps = [Regex(file, O200k)] },
        ["trillion"] = Gpt2,
        ["granite-docling"] = Gpt2,
        ["exaone4"] = Gpt2,
        ["jina-es"] = Gpt2,
        ["jina-de"] = Gpt2,
        ["jina-v2-es"] = Gpt2,
        ["jina-v2-de"] = Gpt2,
        ["a.x-4.0"] = Gpt2,
        ["gigachat"] = Gpt2,
        ["mellum"] = Gpt2,
        ["exaone"] = SingleDigits,
        ["minerva-7b"] = SingleDigits,
        ["falcon-h1"] = Llama3,
        ["lfm2"] = Llama3,
        ["midm-2.0"] = Llama3,
        ["glm4"] = _ => new() { Steps = [FamilyPattern.Llama3] },
        ["chatglm-bpe"] = _ => new() { Steps = [FamilyPattern.Llama3] },
        ["megrez"] = Qwen2,
        ["kormo"] = Qwen2,
        ["hunyuan"] = Qwen2,
        ["grok-2"] = Qwen2,
        ["solar-open"] = Qwen2,
        ["qwen35"] = file => new() { Steps = [Regex(file, Qwen35)] },
        ["deepseek-coder"] = file => new() { Steps = [Regex(file, "[\r\n]"), Regex(file, @"\s?\p{L}+"), Regex(file, @"\s?\p{P}+"), Regex(file, Han), new DigitsSplit(SplitBehavior.Isolated)] },
        ["deepseek-v3"] = Deepseek,
        ["hunyuan-dense"] = Deepseek,
        ["bailingmoe"] = file => new() { Steps = [Regex(file, Bailing)] },
        ["bailingmoe2"] = file => new() { Steps = [Regex(file, Bailing)] },
        ["llada-moe"] = file => new() { Steps = [Regex(file, Bailing)] },
        ["seed-coder"] = file => new() { Steps = [Regex(file, SeedCoder)] },
        ["bloom"] = file => new() { Steps = [Regex(file, Bloom)] },
        ["poro-chat"] = file => new() { Steps = [Regex(file, Bloom)] },
        ["gpt3-finnish"] = file => new() { Steps = [Regex(file, Bloom)] },
        ["viking"] = file => new() { Steps = [Regex(file, Bloom), new DigitsSplit(SplitBehavior.Isolated)] },
        ["tekken"] = file => new() { Steps = [Regex(file, Tekken)], IgnoresMerges = true, AddsBeginOfText = true },
    };

    public required IReadOnlyList<PreTokenizer> Steps { get; init; }

    /// <inheritdoc cref="Bpe.WholeWords"/>
    public bool IgnoresMerges { get; init; }

    /// <summary>What holds where tokenizer.ggml.add_bos_token is missing.</summary>
    public bool AddsBeginOfText { get; init; }

    public static GgufPreTokenizer Find(string file, string name) => s_byName.TryGetValue(name, out Func<string, GgufPreTokenizer>? make) ? make(file)
        : throw new ModelFormatException(file, $"tokenizer.ggml.pre is '{name}', which is not supported; supported: {string.Join(", ", s_byName.Keys)}.");

    private static GgufPreTokenizer Gpt2(string file) => new() { Steps = [FamilyPattern.Gpt2] };

    private static GgufPreTokenizer SingleDigits(string file) => new() { Steps = [new DigitsSplit(SplitBehavior.Isolated), FamilyPattern.Gpt2] };

    private static GgufPreTokenizer Llama3(string file) => new() { Steps = [FamilyPattern.Llama3], IgnoresMerges = true, AddsBeginOfText = true };

    private static GgufPreTokenizer Deepseek(string file) => new() { Steps = [Regex(file, @"\p{N}{1,3}"), Regex(file, Kana), Regex(file, Deepseek3)] };

    private static GgufPreTokenizer Qwen2(string file) => new() { Steps = [FamilyPattern.Qwen2] };

    private static RegexSplit Regex(string file, string pattern) => RegexSplit.Create(file, pattern, SplitBehavior.Isolated);
}
