namespace Coppice.Templates;

/// <param name="value">What stands before the bar.</param>
/// <param name="given">What stands between the parentheses.</param>
internal delegate object? Filter(object? value, Arguments given);

/// <summary>The filters by name.</summary>
internal static class Filters
{
    private static readonly Dictionary<string, Filter> s_filters = new(StringComparer.Ordinal)
    {
        ["abs"] = NumberFilters.Abs,
        ["attr"] = (v, a) => Lookup.Member(a.As("name").Run, v, a.Text(0)),
        ["batch"] = SequenceFilters.Batch,
        ["capitalize"] = (v, a) => TextMethods.Capitalized(TextFilters.Text(v, a.As())),
        ["center"] = TextFilters.Center,
        ["count"] = SequenceFilters.Length,
        ["d"] = Default,
        ["default"] = Default,
        ["dictsort"] = SequenceFilters.DictSort,
        ["e"] = Escape,
        ["escape"] = Escape,
        ["first"] = SequenceFilters.First,
        ["filesizeformat"] = NumberFilters.FileSize,
        ["float"] = NumberFilters.Float,
        ["forceescape"] = (v, a) => new Markup(Markup.Escaped(a.As().Run, PythonText.Of(a.Run, v))),
        ["format"] = (v, a) => Arithmetic.Apply(a.Run, "%", v is Markup ? v : PythonText.Of(a.Run, v), TextFilters.FormatOperand(a)),
        ["groupby"] = SelectionFilters.GroupBy,
        ["indent"] = TextFilters.Indent,
        ["int"] = NumberFilters.Int,
        ["items"] = SequenceFilters.Items,
        ["join"] = TextFilters.Join,
        ["last"] = SequenceFilters.Last,
        ["length"] = SequenceFilters.Length,
        ["list"] = (v, a) => Sequence.List(Iteration.Of(a.As().Run, v)),
        ["lower"] = (v, a) => TextFilters.Text(v, a.As()).ToLowerInvariant(),
        ["map"] = SelectionFilters.Map,
        ["max"] = (v, a) => SequenceFilters.Extreme(v, a, greatest: true),
        ["min"] = (v, a) => SequenceFilters.Extreme(v, a, greatest: false),
        ["pprint"] = (v, a) => PythonText.Repr(a.As("verbose").Run, v),
        ["reject"] = (v, a) => SelectionFilters.Select(v, a, wanted: false),
        ["rejectattr"] = (v, a) => SelectionFilters.SelectByAttribute(v, a, wanted: false),
        ["replace"] = TextFilters.Replace,
        ["reverse"] = SequenceFilters.Reverse,
        ["round"] = NumberFilters.Round,
        ["safe"] = (v, a) => v as Markup ?? new Markup(TextFilters.Text(v, a.As())),
        ["select"] = (v, a) => SelectionFilters.Select(v, a, wanted: true),
        ["selectattr"] = (v, a) => SelectionFilters.SelectByAttribute(v, a, wanted: true),
        ["slice"] = SequenceFilters.Slice,
        ["sort"] = SequenceFilters.Sort,
        ["string"] = (v, a) => TextFilters.Text(v, a.As()),
        ["striptags"] = TextFilters.StripTags,
        ["sum"] = NumberFilters.Sum,
        ["title"] = TextFilters.Title,
        ["tojson"] = TextFilters.ToJson,
        ["trim"] = (v, a) => TextFilters.Text(v, a) is var text ? TextMethods.Stripped(text, TextMethods.Characters(text, a), left: true, right: true) : null,
        ["truncate"] = TextFilters.Truncate,
        ["unique"] = SequenceFilters.Unique,
        ["upper"] = (v, a) => TextMethods.Upper(TextFilters.Text(v, a.As())),
        ["urlencode"] = TextFilters.UrlEncode,
        ["wordcount"] = TextFilters.WordCount,
        ["wordwrap"] = WordWrap.Apply,
        ["xmlattr"] = TextFilters.XmlAttributes,
    };

    // These see whether a text is marked as HTML; all others see the text.
    private static readonly HashSet<string> s_marked = new(["d", "default", "e", "escape", "forceescape", "format", "safe", "pprint"], StringComparer.Ordinal);

    // These give a marked text where they get one.
    private static readonly HashSet<string> s_keeping = new(["capitalize", "center", "indent", "last", "lower", "reverse", "string", "trim", "truncate", "upper"], StringComparer.Ordinal);

    public static Filter Find(Rendering run, string name)
    {
        if (!TryFind(name, out Filter? filter)) throw run.Fail($"There is no filter '{name}' here.");
        if (s_marked.Contains(name)) return filter;
        return (value, given) => value is not Markup markup ? filter(value, given)
            : s_keeping.Contains(name) ? Markup.Marked(filter(markup.Text, given)) : filter(markup.Text, given);
    }

    public static bool TryFind(string name, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out Filter? filter) => s_filters.TryGetValue(name, out filter);

    private static object? Escape(object? value, Arguments given) => Markup.Of(given.As().Run, value);

    private static object? Default(object? value, Arguments given)
    {
        given.As("default_value", "boolean");
        return value is Undefined || (given.Flag(1, missing: false) && !Truth.Of(value)) ? given.Or(0, "") : value;
    }
}
