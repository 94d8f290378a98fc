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
    private static readonly CharSet s_space = CharSet.Of(('\t', '\r'), (' ', ' '));
    private static readonly CharSet s_dot = CharSet.Of(('\n', '\n'), ('\r', '\r'), (0x2028, 0x2029)).Complement();

    private readonly string _text, _what;
    private readonly BuildBudget _budget;
    private readonly Dictionary<CharSet, CharsExpr> _chars = [];
    private int _at;

    private PatternReader(string text, string what, BuildBudget budget)
    {
        ConstraintLimits.CheckLength("pattern", text);
        (_text, _what, _budget) = (text, what, budget);
    }

    /// <summary>The pattern as an expression of characters and assertions.</summary>
    /// <param name="pattern">In ECMAScript's notation.</param>
    /// <param name="what">Its place, which begins messages.</param>
    /// <param name="budget">Pays.</param>
    public static Expr Read(string pattern, string what, BuildBudget budget)
    {
        PatternReader reader = new(pattern, what, budget);
        Expr whole = reader.Alternatives(0);
        return reader._at == pattern.Length ? whole : throw reader.Wrong("this ) closes nothing; write \\) for the character");
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
        while (_at < _text.Length && _text[_at] is not ('|' or ')'))
        {
            _budget.Nodes(1);
            _budget.Bytes(64);
            items.Add(Repeated(Item(depth)));
        }
        return Expr.Sequence(items);
    }

    private CharsExpr Chars(CharSet set) => _chars.TryGetValue(set, out CharsExpr? known) ? known : _chars[set] = new CharsExpr(set);

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
                return Chars(Class());
            case '.':
                _at++;
                return Chars(s_dot);
            case '*' or '+' or '?':
                throw Wrong($"'{c}' repeats nothing; write \\{c} for the character");
            case '^':
                _at++;
                return new AnchorExpr(Anchor.Start);
            case '$':
                _at++;
                return new AnchorExpr(Anchor.End);
            case '\\' when _at + 1 < _text.Length && _text[_at + 1] is 'b' or 'B':
                _at += 2;
                return new AnchorExpr(_text[_at - 1] == 'b' ? Anchor.WordEdge : Anchor.NoWordEdge);
            case '\\':
                return Chars(Escape(inClass: false));
            default:
                return Chars(CharSet.Of((CodePoint(), _codePoint)));
        }
    }

    private int _codePoint, _lookBehinds;

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
        (LookWhere Where, bool Wanted)? look = null;
        if (Take('?')) look = Kind();
        if (look is { Where: LookWhere.Behind }) _lookBehinds++;
        Expr inside = Alternatives(depth + 1);
        if (look is { Where: LookWhere.Behind }) _lookBehinds--;
        if (!Take(')'))
        {
            _at = open;
            throw Wrong("this ( is not closed; write \\( for the character");
        }
        return look is (LookWhere where, bool wanted) ? new LookExpr(inside, where, wanted) : inside;
    }

    /// <summary>Passes what follows (? and says what is not a group of its own; null: a group.</summary>
    private (LookWhere Where, bool Wanted)? Kind()
    {
        if (Take(':')) return null;
        if (Take('=')) return (LookWhere.Ahead, true);
        if (Take('!')) return (LookWhere.Ahead, false);
        if (!Take('<')) throw Wrong("only (...), (?:...), (?<name>...) and look-around are supported; options and atomic groups are not");
        if (Take('=')) return (LookWhere.Behind, true);
        if (Take('!')) return (LookWhere.Behind, false);
        int close = _text.IndexOf('>', _at);
        if (close < 0) throw Wrong("the group's name has no >");
        _at = close + 1;
        return null;
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
            case 'w': return CharSet.Word;
            case 'W': return CharSet.Word.Complement();
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
            case 'B' or 'A' or 'z' or 'Z' or 'G': throw Wrong($"\\{c} is not supported; anchors are ^ and $, at the ends of the pattern");
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
