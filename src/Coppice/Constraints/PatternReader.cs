namespace Coppice.Constraints;

/// <summary>
/// Reads a regular expression of ECMAScript, as under its u flag: characters, classes, groups, alternatives, repetitions, anchors and look-around. What
/// the flag forbids and other engines take (a dash beside a class, a lone brace) has the meaning of the specification's annex B. What is no regular
/// language is refused.
/// </summary>
internal sealed class PatternReader
{
    private static readonly CharsExpr[] s_ascii = [.. Enumerable.Range(0, 128).Select(c => new CharsExpr(CharSet.Of((char)c)))];

    private readonly PatternText _text;
    private readonly PatternCharacters _characters;
    private readonly BuildBudget _budget;
    private readonly Dictionary<CharSet, CharsExpr> _chars = [];
    private int _lookBehinds;

    private PatternReader(string pattern, string what, BuildBudget budget)
    {
        ConstraintLimits.CheckLength("pattern", pattern);
        (_text, _budget) = (new PatternText(pattern, what), budget);
        _characters = new PatternCharacters(_text, budget);
    }

    /// <summary>The pattern as an expression of characters and assertions.</summary>
    /// <param name="pattern">In ECMAScript's notation.</param>
    /// <param name="what">Its place, which begins messages.</param>
    /// <param name="budget">Pays.</param>
    public static Expr Read(string pattern, string what, BuildBudget budget)
    {
        PatternReader reader = new(pattern, what, budget);
        Expr whole = reader.Alternatives(0);
        return reader._text.IsAtEnd ? whole : throw reader._text.Wrong("this ) closes nothing; write \\) for the character");
    }

    private Expr Alternatives(int depth)
    {
        if (depth > ConstraintLimits.Nesting) throw _text.Wrong($"groups nest deeper than {ConstraintLimits.Nesting}");
        List<Expr> alternatives = [];
        do
        {
            _budget.Nodes(1);
            _budget.Bytes(64);
            alternatives.Add(Sequence(depth));
        }
        while (_text.Take('|'));
        return Expr.Choice(alternatives);
    }

    private Expr Sequence(int depth)
    {
        List<Expr> items = [];
        while (_text.Next is not (null or '|' or ')'))
        {
            _budget.Nodes(1);
            _budget.Bytes(24);
            bool isAnchor = _text.Next is '^' or '$' || (_text.Next == '\\' && _text.Ahead(1) is 'b' or 'B' or 'A' or 'z' or 'Z');
            Expr item = Item(depth);
            items.Add(isAnchor ? NotRepeated(item) : Repeated(item));
        }
        return items.Count == 0 ? Expr.Empty : Expr.Sequence(items);
    }

    private Expr Repeated(Expr item)
    {
        if (Repetition() is not { } counts) return item;
        _text.Take('?');      // lazy and greedy match the same texts
        if (Repetition() is not null) throw _text.Wrong("a repetition follows a repetition; possessive and nested ones are not supported, group the inner one");
        _budget.Bytes(40);
        return Expr.Repeat(item, counts.Min, counts.Max);
    }

    private Expr NotRepeated(Expr anchor) => Repetition() is null ? anchor : throw _text.Wrong("a repetition follows an assertion, which takes no text; leave it out");

    private (int Min, int? Max)? Repetition()
    {
        if (_text.Take('*')) return (0, null);
        if (_text.Take('+')) return (1, null);
        if (_text.Take('?')) return (0, 1);
        return _text.Next == '{' ? Counts() : null;
    }

    /// <summary>Reads {n}, {n,} or {n,m}. Null: it is text, as in annex B.</summary>
    private (int Min, int? Max)? Counts()
    {
        int at = _text.At++;
        int? min = Count(), max = min;
        if (min is not null && _text.Take(',')) max = Count();
        if (min is null || !_text.Take('}'))
        {
            _text.At = at;
            return null;
        }
        if (Math.Max(min.Value, max ?? 0) > ConstraintLimits.Counts) throw _text.Wrong($"a repetition counts to more than {ConstraintLimits.Counts}");
        return max < min ? throw _text.Wrong($"the repetition {{{min},{max}}} counts down") : (min.Value, max);
    }

    private int? Count()
    {
        int? count = null;
        for (; _text.Next is char c && char.IsAsciiDigit(c); _text.At++) count = Math.Min(ConstraintLimits.Counts + 1, ((count ?? 0) * 10) + (c - '0'));
        return count;
    }

    private Expr Item(int depth)
    {
        switch (_text.Next)
        {
            case '(':
                return Group(depth);
            case '[':
                return Chars(_characters.Class());
            case '.':
                _text.At++;
                return Chars(PatternCharacters.Dot);
            case '^':
                _text.At++;
                return new AnchorExpr(Anchor.Start);
            case '$':
                return ToRight(new AnchorExpr(Anchor.End), 1);
            case '*' or '+' or '?':
                throw _text.Wrong($"'{_text.Next}' repeats nothing; write \\{_text.Next} for the character");
            case '{' when Counts() is not null:
                throw _text.Wrong("the repetition repeats nothing; write \\{ for the character");
            case '\\':
                return Escape();
            default:
                return Char(_text.TakeCodePoint());
        }
    }

    private Expr Escape()
    {
        switch (_text.Ahead(1))
        {
            case 'b': return ToRight(new AnchorExpr(Anchor.WordEdge), 2);
            case 'B': return ToRight(new AnchorExpr(Anchor.NoWordEdge), 2);
            case 'z' or 'Z': return ToRight(new AnchorExpr(Anchor.End), 2);   // of other dialects, and unambiguous
            case 'A':
                _text.At += 2;
                return new AnchorExpr(Anchor.Start);
            default:
                (int? codePoint, CharSet? set) = _characters.Escape();
                return codePoint is int one ? Char(one) : Chars(set!);
        }
    }

    /// <summary>An assertion that asks what comes next, which look-behinds do not know: they are read from the text before alone.</summary>
    private AnchorExpr ToRight(AnchorExpr anchor, int characters)
    {
        if (_lookBehinds > 0) throw _text.Wrong("of assertions, only ^ is supported in a look-behind");
        _text.At += characters;
        return anchor;
    }

    private CharsExpr Char(int codePoint) => codePoint < 128 ? s_ascii[codePoint] : Chars(CharSet.Of((codePoint, codePoint)));

    private CharsExpr Chars(CharSet set)
    {
        if (_chars.TryGetValue(set, out CharsExpr? known)) return known;
        _budget.Bytes(128 + (8L * set.Ranges.Length));
        return _chars[set] = new CharsExpr(set);
    }

    private Expr Group(int depth)
    {
        int open = _text.At++;
        (LookWhere Where, bool Wanted)? look = _text.Take('?') ? Kind() : null;
        bool isBehind = look is { Where: LookWhere.Behind };
        if (look is not null && _lookBehinds > 0) throw _text.Wrong("of assertions, only ^ is supported in a look-behind");
        if (isBehind) _lookBehinds++;
        Expr inside = Alternatives(depth + 1);
        if (isBehind) _lookBehinds--;
        if (!_text.Take(')'))
        {
            _text.At = open;
            throw _text.Wrong("this ( is not closed; write \\( for the character");
        }
        return look is (LookWhere where, bool wanted) ? new LookExpr(inside, where, wanted) : inside;
    }

    /// <summary>Reads what follows (?. Null: it is a group, and no assertion.</summary>
    private (LookWhere Where, bool Wanted)? Kind()
    {
        if (_text.Take(':')) return null;
        if (_text.Take('=')) return (LookWhere.Ahead, true);
        if (_text.Take('!')) return (LookWhere.Ahead, false);
        if (_text.Take("<=")) return (LookWhere.Behind, true);
        if (_text.Take("<!")) return (LookWhere.Behind, false);
        if (_text.Take("P<") || _text.Take('<'))   // (?P<name>...) is Python's
        {
            string name = _text.TakeUntil('>') ?? throw _text.Wrong("the group's name has no >");
            return name.Length > 0 && name.All(c => char.IsLetterOrDigit(c) || c is '_' or '$') ? null : throw _text.Wrong("a group's name has letters, digits, _ and $ only");
        }
        throw _text.Wrong(_text.Next switch
        {
            '>' => "atomic groups (?>...) are not supported",
            'P' => "of (?P, only (?P<name>...) is supported",
            '#' => "comments (?#...) are not supported",
            '(' => "conditions (?(...)...) are not supported",
            _ => "options as in (?i) are not supported; for either case write [aA], for a dot with line ends [^]",
        });
    }
}
