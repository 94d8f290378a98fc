using System.Globalization;
using System.Text;

namespace Coppice.Constraints;

/// <summary>
/// Reads a regular expression: characters, classes, groups, alternatives, repetitions, and anchors at the ends. Classes are ASCII's and the dot
/// leaves out line ends, as in ECMAScript without its u flag's Unicode classes. What needs more than a finite automaton is refused.
/// </summary>
internal sealed class PatternReader
{
    private static readonly CharSet s_digits = CharSet.Of(('0', '9'));
    private static readonly CharSet s_word = CharSet.Of(('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z'));
    private static readonly CharSet s_space = CharSet.Of(('\t', '\r'), (' ', ' '));
    private static readonly CharSet s_dot = CharSet.Of(('\n', '\n'), ('\r', '\r'), (0x2028, 0x2029)).Complement();

    private readonly string _text, _what;
    private readonly Func<CharSet, Expr> _spell;
    private int _at;

    private PatternReader(string text, string what, Func<CharSet, Expr> spell)
    {
        ConstraintLimits.CheckLength("pattern", text);
        (_text, _what, _spell) = (text, what, spell);
    }

    /// <summary>The texts that the pattern matches from end to end.</summary>
    public static Expr ReadWhole(string pattern)
    {
        PatternReader reader = new(pattern, "The pattern", set => new CharsExpr(set));
        return reader.Top(Expr.Empty);
    }

    /// <summary>The contents of JSON strings in which the pattern matches somewhere.</summary>
    /// <param name="pattern">The pattern.</param>
    /// <param name="what">Its place in the schema.</param>
    public static Expr ReadJson(string pattern, string what) =>
        new PatternReader(pattern, what, JsonRules.Spelled).Top(Expr.Repeat(JsonRules.Spelled(CharSet.All), 0, null));

    /// <param name="around">What may come at an end that is not anchored.</param>
    private Expr Top(Expr around)
    {
        List<Expr> alternatives = [];
        do
        {
            bool fromStart = Take('^');
            Expr body = Sequence(1);
            bool toEnd = Take('$');
            alternatives.Add(Expr.Sequence([fromStart ? Expr.Empty : around, body, toEnd ? Expr.Empty : around]));
        }
        while (Take('|'));
        if (_at < _text.Length) throw Wrong(_text[_at] == ')' ? "this ) closes nothing; write \\) for the character" : $"'{_text[_at]}' cannot stand here; anchors are understood at the beginning and end of the whole pattern and its outermost alternatives");
        return Expr.Choice(alternatives);
    }

    private Expr Alternatives(int depth)
    {
        if (depth > ConstraintLimits.Nesting) throw Wrong($"groups nest deeper than {ConstraintLimits.Nesting}");
        List<Expr> alternatives = [];
        do alternatives.Add(Sequence(depth));
        while (Take('|'));
        return Expr.Choice(alternatives);
    }

    private Expr Sequence(int depth)
    {
        List<Expr> items = [];
        while (_at < _text.Length && _text[_at] is not ('|' or ')' or '$' or '^')) items.Add(Repeated(Item(depth)));
        return Expr.Sequence(items);
    }

    private Expr Repeated(Expr item)
    {
        if (_at == _text.Length) return item;
        int min = 0;
        int? max = null;
        switch (_text[_at])
        {
            case '*': break;
            case '+': min = 1; break;
            case '?': max = 1; break;
            case '{' when TryCounts(out min, out max): break;
            default: return item;
        }
        _at++;
        Take('?');      // lazy and greedy match the same texts
        if (_at < _text.Length && (_text[_at] is '*' or '+' or '?' || (_text[_at] == '{' && TryCounts(out _, out _))))
            throw Wrong("a repetition follows a repetition; possessive and nested ones are not supported, group the inner one");
        return Expr.Repeat(item, min, max);
    }

    /// <summary>Reads {n}, {n,} or {n,m} up to its last character. False: it is text, as in ECMAScript.</summary>
    private bool TryCounts(out int min, out int? max)
    {
        int at = _at + 1;
        min = 0;
        max = null;
        if (!TryCount(ref at, out min)) return false;
        max = min;
        if (at < _text.Length && _text[at] == ',')
        {
            at++;
            max = null;
            if (TryCount(ref at, out int most)) max = most;
        }
        if (at >= _text.Length || _text[at] != '}') return false;
        if (Math.Max(min, max ?? 0) > ConstraintLimits.Repetitions) throw Wrong($"a repetition counts to more than {ConstraintLimits.Repetitions}");
        if (max < min) throw Wrong($"the repetition {{{min},{max}}} counts down");
        _at = at;
        return true;
    }

    private bool TryCount(ref int at, out int count)
    {
        int from = at;
        count = 0;
        for (; at < _text.Length && char.IsAsciiDigit(_text[at]); at++) count = Math.Min(ConstraintLimits.Repetitions + 1, (count * 10) + (_text[at] - '0'));
        return at > from;
    }

    private Expr Item(int depth)
    {
        char c = _text[_at];
        switch (c)
        {
            case '(':
                return Group(depth);
            case '[':
                return _spell(Class());
            case '.':
                _at++;
                return _spell(s_dot);
            case '*' or '+' or '?':
                throw Wrong($"'{c}' repeats nothing; write \\{c} for the character");
            case '\\':
                return _spell(Escape(inClass: false));
            default:
                return _spell(CharSet.Of((CodePoint(), _codePoint)));
        }
    }

    private int _codePoint;

    /// <summary>The code point here, which is passed.</summary>
    private int CodePoint()
    {
        if (Rune.DecodeFromUtf16(_text.AsSpan(_at), out Rune rune, out int length) != System.Buffers.OperationStatus.Done) throw Wrong("half a surrogate pair is no character");
        _at += length;
        return _codePoint = rune.Value;
    }

    private Expr Group(int depth)
    {
        int open = _at++;
        if (Take('?'))
        {
            if (_at < _text.Length && _text[_at] == '<' && _at + 1 < _text.Length && _text[_at + 1] is not ('=' or '!'))
            {
                int close = _text.IndexOf('>', _at);
                if (close < 0) throw Wrong("the group's name has no >");
                _at = close + 1;
            }
            else if (!Take(':'))
            {
                throw Wrong("only (...), (?:...) and (?<name>...) are supported; look-around, options and atomic groups are not");
            }
        }
        Expr inside = Alternatives(depth + 1);
        if (_at < _text.Length && _text[_at] is '^' or '$') throw Wrong($"an anchor inside a group is not supported; put it at the beginning or end of the pattern, or write \\{_text[_at]} for the character");
        if (Take(')')) return inside;
        _at = open;
        throw Wrong("this ( is not closed; write \\( for the character");
    }

    private CharSet Class()
    {
        int open = _at++;
        bool negated = Take('^');
        List<CharSet> sets = [];
        while (true)
        {
            if (_at == _text.Length)
            {
                _at = open;
                throw Wrong("this [ is not closed; write \\[ for the character");
            }
            if (Take(']')) break;
            CharSet low = _text[_at] == '\\' ? Escape(inClass: true) : CharSet.Of((CodePoint(), _codePoint));
            bool isRange = _at + 1 < _text.Length && _text[_at] == '-' && _text[_at + 1] != ']';
            if (!isRange)
            {
                sets.Add(low);
                continue;
            }
            _at++;
            CharSet high = _text[_at] == '\\' ? Escape(inClass: true) : CharSet.Of((CodePoint(), _codePoint));
            if (low.Ranges is not [(int from, int to)] || from != to || high.Ranges is not [(int first, int last)] || first != last) throw Wrong("a range needs a character on each side; write \\- for the character");
            if (last < from) throw Wrong("the range runs backwards");
            sets.Add(CharSet.Of((from, last)));
        }
        CharSet set = CharSet.Union(sets);
        return negated ? set.Complement() : set;
    }

    private CharSet Escape(bool inClass)
    {
        if (++_at == _text.Length) throw Wrong("a \\ ends the pattern; write \\\\ for the character");
        char c = _text[_at++];
        switch (c)
        {
            case 'd': return s_digits;
            case 'D': return s_digits.Complement();
            case 'w': return s_word;
            case 'W': return s_word.Complement();
            case 's': return s_space;
            case 'S': return s_space.Complement();
            case 'n': return CharSet.Of('\n');
            case 'r': return CharSet.Of('\r');
            case 't': return CharSet.Of('\t');
            case 'f': return CharSet.Of('\f');
            case 'v': return CharSet.Of('\v');
            case 'b' when inClass: return CharSet.Of('\b');
            case '0' when _at == _text.Length || !char.IsAsciiDigit(_text[_at]): return CharSet.Of('\0');
            case 'x': return CharSet.Of((Hex(2), _codePoint));
            case 'u' when Take('{'):
                int close = _text.IndexOf('}', _at);
                if (close < 0 || close - _at is 0 or > 6) throw Wrong("\\u{...} takes 1 to 6 hexadecimal digits");
                int value = Hex(close - _at);
                _at++;
                return CharSet.Of((value, value));
            case 'u': return CharSet.Of((HexPair(), _codePoint));
            case >= '1' and <= '9' or 'k': throw Wrong("back-references are not supported: they match no regular language");
            case 'p' or 'P': throw Wrong("Unicode classes (\\p) are not supported; write the ranges in [...]");
            case 'b' or 'B' or 'A' or 'z' or 'Z' or 'G': throw Wrong($"\\{c} is not supported; anchors are ^ and $, at the ends of the pattern");
            default:
                if (char.IsAsciiLetterOrDigit(c)) throw Wrong($"\\{c} is unknown");
                _at--;
                return CharSet.Of((CodePoint(), _codePoint));
        }
    }

    /// <summary>\uHHHH, or two of them that are one character.</summary>
    private int HexPair()
    {
        int high = Hex(4);
        if (high is < 0xD800 or > 0xDFFF) return high;
        if (high <= 0xDBFF && _at + 1 < _text.Length && _text[_at] == '\\' && _text[_at + 1] == 'u')
        {
            _at += 2;
            int low = Hex(4);
            if (low is >= 0xDC00 and <= 0xDFFF) return _codePoint = char.ConvertToUtf32((char)high, (char)low);
        }
        throw Wrong("half a surrogate pair is no character");
    }

    private int Hex(int digits)
    {
        if (_at + digits > _text.Length || !int.TryParse(_text.AsSpan(_at, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int value) || value > CharSet.Last)
            throw Wrong($"{digits} hexadecimal digits of a character up to 10FFFF must follow");
        _at += digits;
        return _codePoint = value;
    }

    private bool Take(char c)
    {
        if (_at >= _text.Length || _text[_at] != c) return false;
        _at++;
        return true;
    }

    private InvalidRequestException Wrong(string what) => new($"{_what}, character {Math.Min(_at, _text.Length) + 1}: {what}.");
}
