using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.Json;

namespace Coppice.Templates;

/// <summary>JSON as Python's json.dumps writes it, which is what transformers' tojson is.</summary>
/// <param name="Indent">What a level is indented by; null: all on one line.</param>
/// <param name="ItemSeparator">Between items.</param>
/// <param name="KeySeparator">After a key.</param>
/// <param name="Ascii">Escapes what is not ASCII.</param>
/// <param name="Sorted">Keys in order.</param>
internal sealed record JsonText(string? Indent, string ItemSeparator, string KeySeparator, bool Ascii, bool Sorted)
{
    /// <summary>On one line, as json.dumps writes where nothing else is asked for.</summary>
    public static JsonText Plain { get; } = new(null, ", ", ": ", Ascii: false, Sorted: false);

    public string Write(Rendering run, object? value)
    {
        StringBuilder text = new();
        Write(run, value, 0, text);
        return text.ToString();
    }

    private void Write(Rendering run, object? value, int level, StringBuilder text)
    {
        run.Enter();
        run.Characters(0);
        switch (Markup.Bare(value))
        {
            case string content: run.Append(text, Quoted(content)); break;
            case Sequence { Kind: SequenceKind.List or SequenceKind.Tuple } sequence:
                Block(run, '[', sequence.Items, (item, _) => Write(run, item, level + 1, text), ']', level, text);
                break;
            case Map map: WriteMap(run, map, level, text); break;
            case BigInteger number: text.Append(WholeNumbers.Shown(run, number)); break;
            case null or bool or long or double: text.Append(Scalar(value)); break;
            case Undefined undefined: throw run.Fail($"tojson cannot write an undefined value: {undefined.Why}");
            default: throw run.Fail($"tojson cannot write {TypeName.Of(value)}; put '| list' before it.");
        }
        run.Leave();
    }

    private void WriteMap(Rendering run, Map map, int level, StringBuilder text)
    {
        IEnumerable<KeyValuePair<object?, object?>> pairs = Sorted
            ? Comparison.Sorted(run, [.. map.Pairs.Select(p => p.Key)], k => k, descending: false).Select(k => KeyValuePair.Create(k, map.TryGet(k, out object? v) ? v : null))
            : map.Pairs;
        Block(run, '{', [.. pairs], (pair, _) =>
        {
            run.Append(text, Quoted(pair.Key as string ?? Scalar(pair.Key)));
            text.Append(KeySeparator);
            Write(run, pair.Value, level + 1, text);
        }, '}', level, text);
    }

    private void Block<T>(Rendering run, char begin, IReadOnlyList<T> items, Action<T, int> write, char end, int level, StringBuilder text)
    {
        text.Append(begin);
        for (int i = 0; i < items.Count; i++)
        {
            if (i > 0) text.Append(ItemSeparator);
            NewLine(run, level + 1, text);
            write(items[i], i);
        }
        if (items.Count > 0) NewLine(run, level, text);
        text.Append(end);
    }

    private void NewLine(Rendering run, int level, StringBuilder text)
    {
        if (Indent is null) return;
        run.Characters((long)Indent.Length * level);
        text.Append('\n');
        for (int i = 0; i < level; i++) run.Append(text, Indent);
    }

    private static string Scalar(object? value) => value switch
    {
        null => "null",
        bool flag => flag ? "true" : "false",
        double number => double.IsNaN(number) ? "NaN" : double.IsInfinity(number) ? (number > 0 ? "Infinity" : "-Infinity") : PythonNumber.Shown(number),
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };

    /// <summary>A text in quotes.</summary>
    public string Quoted(string value)
    {
        StringBuilder text = new(value.Length + 2);
        text.Append('"');
        foreach (char c in value)
        {
            switch (c)
            {
                case '"': text.Append("\\\""); break;
                case '\\': text.Append("\\\\"); break;
                case '\n': text.Append("\\n"); break;
                case '\r': text.Append("\\r"); break;
                case '\t': text.Append("\\t"); break;
                case '\b': text.Append("\\b"); break;
                case '\f': text.Append("\\f"); break;
                default:
                    if (c < ' ' || (Ascii && c > '\x7e')) text.Append("\\u").Append(((int)c).ToString("x4", CultureInfo.InvariantCulture));
                    else text.Append(c);
                    break;
            }
        }
        return text.Append('"').ToString();
    }
}

/// <summary>Values of JSON.</summary>
internal static class JsonValues
{
    private const int Deepest = 256;

    /// <summary>The value, with the names of objects in their order.</summary>
    /// <exception cref="InvalidRequestException">A text in it is not Unicode.</exception>
    public static object? Of(JsonElement element)
    {
        try
        {
            return Read(element, 0);
        }
        catch (InvalidOperationException e)
        {
            throw new InvalidRequestException($"The JSON for the chat template has a text that is not Unicode: {e.Message}");
        }
    }

    private static object? Read(JsonElement element, int depth)
    {
        if (depth > Deepest) throw new InvalidRequestException($"The JSON for the chat template nests deeper than {Deepest} levels.");
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                Map map = new();
                foreach (JsonProperty property in element.EnumerateObject()) map[property.Name] = Read(property.Value, depth + 1);
                return map;
            case JsonValueKind.Array:
                List<object?> items = new(element.GetArrayLength());
                foreach (JsonElement item in element.EnumerateArray()) items.Add(Read(item, depth + 1));
                return Sequence.List(items);
            case JsonValueKind.String:
                return element.GetString();
            case JsonValueKind.Number:
                return ReadNumber(element);
            case JsonValueKind.True or JsonValueKind.False:
                return element.ValueKind == JsonValueKind.True;
            default:
                return null;
        }
    }

    // Python reads a number without point and exponent as an int of any size.
    private static object ReadNumber(JsonElement element)
    {
        string raw = element.GetRawText();
        if (raw.AsSpan().ContainsAny('.', 'e', 'E')) return double.Parse(raw, NumberStyles.Float, CultureInfo.InvariantCulture);
        if (element.TryGetInt64(out long number)) return number;
        // Reading takes quadratic time.
        return raw.Length <= WholeNumbers.MostDigits ? BigInteger.Parse(raw, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture) : double.Parse(raw, NumberStyles.Float, CultureInfo.InvariantCulture);
    }
}
