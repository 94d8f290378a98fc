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
        ["e"] = TextFilters.Escape,
        ["escape"] = TextFilters.Escape,
        ["first"] = SequenceFilters.First,
        ["float"] = NumberFilters.Float,
        ["forceescape"] = TextFilters.Escape,
        ["format"] = (v, a) => PercentFormat.Apply(a.Run, TextFilters.Text(v, a), TextFilters.FormatOperand(a)),
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
        ["safe"] = (v, a) => TextFilters.Text(v, a.As()),
        ["select"] = (v, a) => SelectionFilters.Select(v, a, wanted: true),
        ["selectattr"] = (v, a) => SelectionFilters.SelectByAttribute(v, a, wanted: true),
        ["slice"] = SequenceFilters.Slice,
        ["sort"] = SequenceFilters.Sort,
        ["string"] = (v, a) => TextFilters.Text(v, a.As()),
        ["striptags"] = TextFilters.StripTags,
        ["sum"] = NumberFilters.Sum,
        ["title"] = TextFilters.Title,
        ["tojson"] = TextFilters.ToJson,
        ["trim"] = (v, a) => TextMethods.Stripped(TextFilters.Text(v, a), a.As("chars").OptionalText(0), left: true, right: true),
        ["truncate"] = TextFilters.Truncate,
        ["unique"] = SequenceFilters.Unique,
        ["upper"] = (v, a) => TextMethods.Upper(TextFilters.Text(v, a.As())),
        ["urlencode"] = TextFilters.UrlEncode,
        ["wordcount"] = TextFilters.WordCount,
    };

    public static Filter Find(Rendering run, string name) =>
        TryFind(name, out Filter? filter) ? filter : throw run.Fail($"There is no filter '{name}' here.");

    public static bool TryFind(string name, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out Filter? filter) => s_filters.TryGetValue(name, out filter);

    private static object? Default(object? value, Arguments given)
    {
        given.As("default_value", "boolean");
        return value is Undefined || (given.Flag(1, missing: false) && !Truth.Of(value)) ? given.Or(0, "") : value;
    }
}
