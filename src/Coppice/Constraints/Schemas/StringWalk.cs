using System.Text.Json;

namespace Coppice.Constraints.Schemas;

/// <summary>A list of texts, or a language.</summary>
internal sealed class StringSet
{
    public static readonly StringSet All = new(null, TextLanguage.Everything);

    public static readonly StringSet None = new([], null);

    private readonly TextLanguage? _language;

    private StringSet(HashSet<string>? texts, TextLanguage? language)
    {
        (Texts, _language) = (texts, language);
    }

    /// <summary>Null where it is not a list.</summary>
    public HashSet<string>? Texts { get; }

    public static StringSet Of(TextLanguage language) => new(null, language);

    public static StringSet Of(HashSet<string> texts) => new(texts, null);

    public TextLanguage Language(BuildBudget budget) => _language ?? TextLanguage.Words(Texts!, budget);

    /// <summary>Whether no text is in it, for certain; a pattern alone is not looked into.</summary>
    public bool IsVoid(BuildBudget budget) => Texts is { Count: 0 } || (_language is { IsWrittenPattern: false } && _language.IsEmpty(budget));

    public StringSet And(StringSet other, BuildBudget budget)
    {
        if (ReferenceEquals(this, All)) return other;
        if (ReferenceEquals(other, All)) return this;
        if (Texts is null && other.Texts is null) return Of(_language!.And(other._language!, budget));
        if (Texts is null) return other.And(this, budget);
        budget.Steps(4 * Texts.Count);
        budget.Bytes(24L * Texts.Count);
        return Of([.. Texts.Where(text => other.Texts?.Contains(text) ?? other._language!.Contains(text, budget))]);
    }

    public StringSet Or(StringSet other, BuildBudget budget)
    {
        if (Texts is { Count: 0 }) return other;
        if (other.Texts is { Count: 0 }) return this;
        if (ReferenceEquals(this, All) || ReferenceEquals(other, All)) return All;
        if (Texts is null || other.Texts is null) return Of(Language(budget).Or(other.Language(budget), budget));
        budget.Steps(4 * (Texts.Count + other.Texts.Count));
        budget.Bytes(24L * (Texts.Count + other.Texts.Count));
        return Of([.. Texts, .. other.Texts]);
    }
}

/// <summary>Strings: patterns, formats, lengths and lists.</summary>
internal sealed class StringWalk(SchemaTable table) : SchemaWalk<StringSet>(table)
{
    protected override StringSet All => StringSet.All;

    protected override StringSet None => StringSet.None;

    protected override bool Has(string type) => type == "string";

    protected override StringSet And(StringSet a, StringSet b) => a.And(b, Budget);

    protected override StringSet Or(StringSet a, StringSet b) => a.Or(b, Budget);

    protected override bool IsNone(StringSet set) => set.Texts is { Count: 0 };

    protected override bool AreApart(StringSet a, StringSet b)
    {
        if (a.Texts is null || b.Texts is null) return false;
        Budget.Steps(a.Texts.Count);
        return !a.Texts.Overlaps(b.Texts);
    }

    protected override StringSet Values(IReadOnlyList<SchemaPart> values, bool wanted)
    {
        HashSet<string> texts = new(StringComparer.Ordinal);
        foreach (SchemaPart value in values)
        {
            Budget.Steps(4);
            if (value.Value.ValueKind != JsonValueKind.String) continue;
            string text = value.Text();
            Budget.Bytes(60 + (2L * text.Length));
            texts.Add(text);
        }
        if (wanted) return StringSet.Of(texts);
        return texts.Count == 0 ? All : StringSet.Of(TextLanguage.Words(texts, Budget).Complement(Budget));
    }

    protected override StringSet Assertions(Schema schema, bool wanted)
    {
        if (!schema.HasAny("minLength", "maxLength", "pattern", "format")) return wanted ? All : None;
        StringSet set = wanted ? All : None;
        Add(Lengths(schema, wanted));
        if (schema["pattern"] is SchemaPart pattern) Add(Pattern(pattern, wanted));
        if (schema["format"] is not SchemaPart format) return set;
        StringSet written = set;
        Add(Format(format, wanted));
        // A format is a note by the specification: where no text has both, the pattern is what counts.
        return wanted && schema.Has("pattern") && set.IsVoid(Budget) ? written : set;

        void Add(StringSet one) => set = wanted ? And(set, one) : Or(set, one);
    }

    /// <summary>Texts in which the pattern fits somewhere; all if it is not supported and may be left out.</summary>
    public TextLanguage Searched(string pattern, SchemaPart place)
    {
        try
        {
            return TextLanguage.FromPattern(pattern, $"The schema, {place.Path}", Budget);
        }
        catch (InvalidRequestException refused) when (Table.IsBestEffort)
        {
            Table.LeaveOut(refused);
            return TextLanguage.Everything;
        }
    }

    private StringSet Lengths(Schema schema, bool wanted)
    {
        int min = schema["minLength"] is SchemaPart least ? least.Count(ConstraintLimits.Length) : 0;
        int? max = schema["maxLength"] is SchemaPart most ? (wanted ? most.Most(ConstraintLimits.Length) : most.Count(ConstraintLimits.Length)) : null;
        if (wanted) return min == 0 && max is null ? All : StringSet.Of(TextLanguage.Lengths(min, max));
        StringSet shorter = min > 0 ? StringSet.Of(TextLanguage.Lengths(0, min - 1)) : None;
        return max is int top ? Or(shorter, StringSet.Of(TextLanguage.Lengths(top + 1, null))) : shorter;
    }

    private StringSet Pattern(SchemaPart part, bool wanted)
    {
        TextLanguage language = Searched(part.Text(), part);
        if (language == TextLanguage.Everything) return wanted ? All : None;
        return StringSet.Of(wanted ? language : language.Complement(Budget));
    }

    /// <summary>A format that is not known is a note, as the specification says.</summary>
    private StringSet Format(SchemaPart part, bool wanted)
    {
        if (StringFormat.Find(part.Text()) is not StringFormat format) return wanted ? All : None;
        return StringSet.Of(wanted
            ? TextLanguage.FromPattern(format.Within, format.Name, Budget)
            : TextLanguage.FromPattern(format.Around, format.Name, Budget).Complement(Budget));
    }
}
