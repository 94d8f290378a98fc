using System.Text;
using Coppice.Loading;

namespace Coppice.Tokens;

/// <summary>Reads the normalizer, pre_tokenizer and decoder of a tokenizer.json.</summary>
internal sealed class JsonSteps
{
    private const int LongestReplacement = 64, MostSteps = 64;

    private readonly List<Normalizer> _normalizers = [];
    private readonly List<PreTokenizer> _preTokenizers = [];

    public Normalizer? Normalizer { get; private set; }

    /// <summary>The first of the normalizer's steps that is a precompiled_charsmap.</summary>
    public CharacterMap? CharacterMap => _normalizers.OfType<CharacterMap>().FirstOrDefault();

    public IReadOnlyList<PreTokenizer> PreTokenizers => _preTokenizers;

    /// <summary>Whether words are read as bytes.</summary>
    public bool ByteLevel { get; private set; }

    public PieceDecoder Decoder { get; private set; } = new();

    public static JsonSteps Read(JsonField root)
    {
        JsonSteps steps = new();
        steps.AddNormalizer(root.Optional("normalizer"));
        steps.Normalizer = Normalizer.Chain(root.File, steps._normalizers);
        steps.AddPreTokenizer(root.Optional("pre_tokenizer"));
        steps.AddDecoder(root.Optional("decoder"));
        if (root.Optional("decoder").IsNull && steps.ByteLevel) steps.Decoder = new PieceDecoder { ByteLevel = true };
        return steps;
    }

    private void AddNormalizer(JsonField field)
    {
        if (field.IsNull) return;
        string kind = field.Required("type").String();
        if (_normalizers.Count > MostSteps) throw field.Wrong($"one of at most {MostSteps} steps");
        switch (kind)
        {
            case "Sequence":
                foreach (JsonField step in field.Required("normalizers").Items()) AddNormalizer(step);
                break;
            case "Prepend":
                _normalizers.Add(new Prepend(Short(field.Required("prepend"))));
                break;
            case "Replace":
                _normalizers.Add(Replacement(field));
                break;
            case "NFC":
                _normalizers.Add(UnicodeForm.Nfc);
                break;
            case "NFD":
                _normalizers.Add(UnicodeForm.Nfd);
                break;
            case "NFKC":
                _normalizers.Add(UnicodeForm.Nfkc);
                break;
            case "NFKD":
                _normalizers.Add(UnicodeForm.Nfkd);
                break;
            case "Lowercase":
                _normalizers.Add(new Lowercase());
                break;
            case "Strip":
                _normalizers.Add(new Strip(field.Optional("strip_left").Bool(missing: true), field.Optional("strip_right").Bool(missing: true)));
                break;
            case "StripAccents":
                _normalizers.Add(new StripAccents());
                break;
            case "Precompiled":
                if (field.Required("precompiled_charsmap") is { } map && Tokens.CharacterMap.FromBase64(field.File, map.String()) is { } characters) _normalizers.Add(characters);
                break;
            default:
                throw field.Required("type").Unsupported(kind, "Sequence, Prepend, Replace, NFC, NFD, NFKC, NFKD, Lowercase, Strip, StripAccents, Precompiled");
        }
    }

    private static Normalizer Replacement(JsonField field)
    {
        JsonField pattern = field.Required("pattern");
        string content = Short(field.Required("content"));
        return pattern.Optional("Regex") is { IsNull: false } regex ? new ReplacePattern(field.File, Pattern(regex), content) : new Replace(PlainPattern(pattern), content);
    }

    private static string Pattern(JsonField regex) => regex.String() is { Length: > 0 and <= RegexSplit.LongestPattern } text ? text : throw regex.Wrong($"a pattern of 1 to {RegexSplit.LongestPattern} characters");

    private void AddPreTokenizer(JsonField field)
    {
        if (field.IsNull) return;
        string kind = field.Required("type").String();
        if (_preTokenizers.Count > MostSteps) throw field.Wrong($"one of at most {MostSteps} steps");
        if (ByteLevel && kind != "Sequence" && !_preTokenizers.OfType<SpellBytes>().Any()) _preTokenizers.Add(new SpellBytes());
        switch (kind)
        {
            case "Sequence":
                foreach (JsonField step in field.Required("pretokenizers").Items()) AddPreTokenizer(step);
                break;
            case "ByteLevel":
                if (ByteLevel) throw field.Wrong("the only ByteLevel step");
                if (field.Optional("add_prefix_space").Bool(missing: true)) _preTokenizers.Add(new SpaceBefore());
                if (field.Optional("use_regex").Bool(missing: true)) _preTokenizers.Add(FamilyPattern.Gpt2);
                ByteLevel = true;
                break;
            case "Digits":
                _preTokenizers.Add(new DigitsSplit(field.Optional("individual_digits").Bool(missing: false) ? SplitBehavior.Isolated : SplitBehavior.Contiguous));
                break;
            case "Punctuation":
                SplitBehavior behavior = Behavior(field.Optional("behavior"));
                _preTokenizers.Add(behavior == SplitBehavior.Contiguous ? new RunSplit("$+<=>^`|~") : RegexSplit.Create(field.File, @"[!-/:-@\[-`{-~\p{P}]", behavior));
                break;
            case "Split":
                AddSplit(field);
                break;
            case "Whitespace":
                _preTokenizers.Add(RegexSplit.Create(field.File, @"\w+|[^\w\s]+", SplitBehavior.Removed, matched: false));
                break;
            case "WhitespaceSplit":
                _preTokenizers.Add(RegexSplit.Create(field.File, @"\s+", SplitBehavior.Removed));
                break;
            case "Metaspace":
                _preTokenizers.Add(new Metaspace(Mark(field), Scheme(field), field.Optional("split").Bool(missing: true)));
                break;
            default:
                throw field.Required("type").Unsupported(kind, "Sequence, ByteLevel, Digits, Punctuation, Split, Metaspace, Whitespace, WhitespaceSplit");
        }
    }

    private void AddSplit(JsonField field)
    {
        JsonField pattern = field.Required("pattern");
        SplitBehavior behavior = Behavior(field.Optional("behavior"));
        bool invert = field.Optional("invert").Bool(missing: false);
        if (pattern.Optional("Regex") is { IsNull: false } regex)
        {
            // These patterns match everything, so isolating the matches and removing what is between them are the same.
            bool everyMatch = invert ? behavior == SplitBehavior.Removed : behavior == SplitBehavior.Isolated;
            if (!invert && behavior == SplitBehavior.Isolated && regex.String() == ThreeDigits.Pattern)
            {
                _preTokenizers.Add(new ThreeDigits());
                return;
            }
            PreTokenizer? family = everyMatch ? FamilyPattern.Find(regex.String()) : null;
            _preTokenizers.Add(family ?? RegexSplit.Create(field.File, regex.String(), behavior, matched: !invert));
            return;
        }
        _preTokenizers.Add(RegexSplit.Create(field.File, System.Text.RegularExpressions.Regex.Escape(PlainPattern(pattern)), behavior, matched: !invert));
    }

    private void AddDecoder(JsonField field)
    {
        if (field.IsNull) return;
        string kind = field.Required("type").String();
        if (Decoder.Replacements.Count > MostSteps) throw field.Wrong($"one of at most {MostSteps} steps");
        switch (kind)
        {
            case "Sequence":
                foreach (JsonField step in field.Required("decoders").Items()) AddDecoder(step);
                break;
            case "ByteLevel":
                Decoder = Decoder with { ByteLevel = true };
                break;
            case "Replace":
                Decoder = Decoder with { Replacements = [.. Decoder.Replacements, (PlainPattern(field.Required("pattern")), Short(field.Required("content")))] };
                break;
            case "ByteFallback":
                Decoder = Decoder with { ByteFallback = true };
                break;
            case "Fuse":
                break;
            case "Strip":
                if (field.Required("content").String() != " " || field.Required("stop").Int() != 0 || field.Required("start").Int() is not (0 or 1))
                    throw field.Wrong("a Strip of at most one space at the start");
                Decoder = Decoder with { DropsLeadingSpace = field.Required("start").Int() == 1 };
                break;
            case "Metaspace":
                Decoder = Decoder with
                {
                    Replacements = [.. Decoder.Replacements, (Mark(field).ToString(), " ")],
                    DropsLeadingSpace = Scheme(field) != PrependScheme.Never,
                };
                break;
            default:
                throw field.Required("type").Unsupported(kind, "Sequence, ByteLevel, Replace, ByteFallback, Fuse, Strip, Metaspace");
        }
    }

    private static string PlainPattern(JsonField pattern)
    {
        JsonField text = pattern.Optional("String");
        if (text.IsNull) throw pattern.Wrong("a plain pattern ({\"String\": …})");
        return text.String() is { Length: > 0 } plain ? plain : throw text.Wrong("a text that is not empty");
    }

    private static string Short(JsonField field) => field.String() is { Length: <= LongestReplacement } text ? text : throw field.Wrong($"at most {LongestReplacement} characters");

    private static char Mark(JsonField field)
    {
        JsonField mark = field.Optional("replacement");
        if (mark.IsNull) return WordStarts.Mark;
        return mark.String() is { Length: 1 } text ? text[0] : throw mark.Wrong("one character");
    }

    private static PrependScheme Scheme(JsonField field)
    {
        JsonField scheme = field.Optional("prepend_scheme");
        if (scheme.IsNull) return field.Optional("add_prefix_space").Bool(missing: true) ? PrependScheme.Always : PrependScheme.Never;
        string name = scheme.String();
        return name switch
        {
            "always" => PrependScheme.Always,
            "first" => PrependScheme.First,
            "never" => PrependScheme.Never,
            _ => throw scheme.Unsupported(name, "always, first, never"),
        };
    }

    private static SplitBehavior Behavior(JsonField field)
    {
        if (field.IsNull) return SplitBehavior.Isolated;
        string name = field.String();
        return name switch
        {
            "Removed" => SplitBehavior.Removed,
            "Isolated" => SplitBehavior.Isolated,
            "MergedWithPrevious" => SplitBehavior.MergedWithPrevious,
            "MergedWithNext" => SplitBehavior.MergedWithNext,
            "Contiguous" => SplitBehavior.Contiguous,
            _ => throw field.Unsupported(name, "Removed, Isolated, MergedWithPrevious, MergedWithNext, Contiguous"),
        };
    }
}
