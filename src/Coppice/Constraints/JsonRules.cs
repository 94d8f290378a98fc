using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Coppice.Constraints;

/// <summary>
/// JSON as rules. Whitespace is bounded, so that a weak model cannot go on with it for ever: after a colon a space or none; after a comma or bracket,
/// and before a closing one, nothing, a space, or a line end and up to 20 spaces or tabs.
/// </summary>
internal sealed class JsonRules
{
    /// <summary>Digits of a whole number at most: it fits 64 bits.</summary>
    public const int IntegerDigits = 18;

    private static readonly JsonWriterOptions s_compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private const int NumberDigits = 16, ExponentDigits = 2;

    private static readonly CharSet s_raw = CharSet.Of((0, 0x1F), ('"', '"'), ('\\', '\\')).Complement();
    private static readonly Expr s_digit = Expr.Chars(('0', '9'));
    private static readonly Expr s_hex = Expr.Chars(('0', '9'), ('a', 'f'), ('A', 'F'));

    // \uHHHH, surrogates only as pairs: a string with half a pair is refused by many readers.
    private static readonly Expr s_escape = Expr.Sequence([Expr.Text("\\"), Expr.Choice([
        Expr.Chars(('"', '"'), ('\\', '\\'), ('/', '/'), ('b', 'b'), ('f', 'f'), ('n', 'n'), ('r', 'r'), ('t', 't')),
        Expr.Sequence([Expr.Text("u"), Expr.Choice([
            Expr.Sequence([Expr.Chars(('0', '9'), ('a', 'c'), ('A', 'C'), ('e', 'f'), ('E', 'F')), s_hex, s_hex, s_hex]),
            Expr.Sequence([Expr.Chars(('d', 'd'), ('D', 'D')), Expr.Choice([
                Expr.Sequence([Expr.Chars(('0', '7')), s_hex, s_hex]),
                Expr.Sequence([Expr.Chars(('8', '9'), ('a', 'b'), ('A', 'B')), s_hex, s_hex, Expr.Text("\\u"), Expr.Chars(('d', 'd'), ('D', 'D')), Expr.Chars(('c', 'f'), ('C', 'F')), s_hex, s_hex]),
            ])]),
        ])]),
    ])]);

    private readonly List<(string Name, Expr Body)> _rules = [("root", Expr.Nothing)];

    public JsonRules()
    {
        Whitespace = Add("whitespace", Expr.Choice([Expr.Empty, Expr.Text(" "), Expr.Sequence([Expr.Text("\n"), Expr.Repeat(Expr.Chars((' ', ' '), ('\t', '\t')), 0, 20)])]));
        Char = Add("character", Expr.Choice([new CharsExpr(s_raw), s_escape]));
        String = Add("string", Quoted(Expr.Repeat(Char, 0, null)));
        Number = Add("number", Signed(Expr.Sequence([Whole(NumberDigits), Fraction, Expr.Optional(
            Expr.Sequence([Expr.Chars(('e', 'e'), ('E', 'E')), Expr.Optional(Expr.Chars(('+', '+'), ('-', '-'))), Expr.Repeat(s_digit, 1, ExponentDigits)]))])));
        Integer = Add("integer", Signed(Whole(IntegerDigits)));
        Comma = Expr.Sequence([Expr.Text(","), Whitespace]);
        int value = Reserve("value");
        AnyValue = new CallExpr(value);
        AnyArray = Array([new ListItem(AnyValue, ListSkip.Loop)]);
        AnyMap = Object([new ListItem(Member(String, AnyValue), ListSkip.Loop)]);
        Set(value, Expr.Choice([AnyMap, AnyArray, String, Number, new WordsExpr(["true", "false", "null"])]));
    }

    public Expr Whitespace { get; }

    /// <summary>One character of a string, maybe escaped.</summary>
    public Expr Char { get; }

    public Expr String { get; }

    public Expr Number { get; }

    public Expr Integer { get; }

    public Expr AnyValue { get; }

    public Expr AnyArray { get; }

    public Expr AnyMap { get; }

    /// <summary>A point and digits, or nothing.</summary>
    public static Expr Fraction { get; } = Expr.Optional(Expr.Sequence([Expr.Text("."), Expr.Repeat(s_digit, 1, NumberDigits)]));

    public Expr Comma { get; }

    /// <summary>All rules; the first is the root.</summary>
    public IReadOnlyList<(string Name, Expr Body)> Rules => _rules;

    /// <summary>The grammar of any object.</summary>
    public static IReadOnlyList<(string Name, Expr Body)> AnyObject()
    {
        JsonRules rules = new();
        rules.Set(0, rules.AnyMap);
        return rules.Rules;
    }

    /// <summary>A rule whose body is known later.</summary>
    public int Reserve(string name)
    {
        _rules.Add((name, Expr.Nothing));
        return _rules.Count - 1;
    }

    public void Set(int rule, Expr body) => _rules[rule] = (_rules[rule].Name, body);

    public CallExpr Add(string name, Expr body)
    {
        _rules.Add((name, body));
        return new CallExpr(_rules.Count - 1);
    }

    public Expr Array(IReadOnlyList<ListItem> items) => Expr.Sequence([Expr.Text("["), Whitespace, new ListExpr(items, Comma, Whitespace), Expr.Text("]")]);

    public Expr Object(IReadOnlyList<ListItem> members) => Expr.Sequence([Expr.Text("{"), Whitespace, new ListExpr(members, Comma, Whitespace), Expr.Text("}")]);

    public static Expr Member(Expr key, Expr value) => Expr.Sequence([key, Expr.Text(":"), Expr.Optional(Expr.Text(" ")), value]);

    public static Expr Quoted(Expr content) => Expr.Sequence([Expr.Text("\""), content, Expr.Text("\"")]);

    /// <summary>A whole number from 0 of up to so many digits, without leading zeros.</summary>
    private static Expr Whole(int digits) => Expr.Choice([Expr.Text("0"), Expr.Sequence([Expr.Chars(('1', '9')), Expr.Repeat(s_digit, 0, digits - 1)])]);

    private static Expr Signed(Expr magnitude) => Expr.Sequence([Expr.Optional(Expr.Text("-")), magnitude]);

    /// <summary>A value without whitespace, characters as they are.</summary>
    public static string TextOf(JsonElement value)
    {
        ArrayBufferWriter<byte> text = new();
        using (Utf8JsonWriter writer = new(text, s_compact)) value.WriteTo(writer);
        return Encoding.UTF8.GetString(text.WrittenSpan);
    }

    /// <summary>A text in quotes.</summary>
    public static string TextOf(string text) => $"\"{JsonEncodedText.Encode(text, JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\"";

    /// <summary>A character of the set as a JSON string spells it: itself where it may, else its shortest escape.</summary>
    public static Expr Spelled(CharSet set)
    {
        CharSet escaped = set.Except(s_raw), raw = set.Except(escaped);
        List<string> escapes = [];
        foreach ((int from, int to) in escaped.Ranges)
        {
            for (int c = from; c <= to; c++)
            {
                escapes.Add(c switch
                {
                    '"' => "\\\"",
                    '\\' => "\\\\",
                    '\n' => "\\n",
                    '\r' => "\\r",
                    '\t' => "\\t",
                    '\b' => "\\b",
                    '\f' => "\\f",
                    _ => "\\u" + c.ToString("x4", CultureInfo.InvariantCulture),
                });
            }
        }
        if (escapes.Count == 0) return new CharsExpr(raw);
        Expr written = escapes.Count == 1 ? Expr.Text(escapes[0]) : new WordsExpr(escapes);
        return raw.IsEmpty ? written : Expr.Choice([new CharsExpr(raw), written]);
    }

    /// <summary>A string that is none of the names. Where it runs along a name it has no escapes but that name's own, so that it cannot spell it differently.</summary>
    public Expr KeyExcept(IReadOnlyCollection<string> names, BuildBudget budget)
    {
        if (names.Count == 0) return String;
        Expr rest = Add("rest of a key", Expr.Sequence([Expr.Repeat(Char, 0, null), Expr.Text("\"")]));
        return new SharedExpr(Expr.Sequence([Expr.Text("\""), Diverging([.. names.Select(name => name.EnumerateRunes().Select(rune => rune.Value).ToArray())], 0, rest, budget)]));
    }

    private static Expr Diverging(IReadOnlyList<int[]> names, int depth, Expr rest, BuildBudget budget)
    {
        budget.Nodes(1);
        budget.Bytes(700);
        budget.Steps(4 * names.Count);
        List<Expr> ways = [];
        List<(int, int)> taken = [];
        foreach (IGrouping<int, int[]> group in names.Where(name => name.Length > depth).GroupBy(name => name[depth]))
        {
            taken.Add((group.Key, group.Key));
            ways.Add(Expr.Sequence([Spelled(CharSet.Of((group.Key, group.Key))), Diverging([.. group], depth + 1, rest, budget)]));
        }
        ways.Add(Expr.Sequence([new CharsExpr(s_raw.Except(CharSet.Of([.. taken]))), rest]));
        if (names.All(name => name.Length != depth)) ways.Add(Expr.Text("\""));
        return Expr.Choice(ways);
    }
}
