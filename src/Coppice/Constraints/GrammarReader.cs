using System.Globalization;
using System.Text;

namespace Coppice.Constraints;

/// <summary>
/// Reads GBNF, llama.cpp's notation: <c>name ::= "text" [a-z] . other-rule ( a | b ) x* x+ x? x{2,5}</c>, # begins a comment. A rule ends with its line,
/// unless a bracket is open, or | or ::= ends the line, or | begins the next.
/// </summary>
internal sealed class GrammarReader
{
    private readonly string _text;
    private readonly BuildBudget _budget;
    private readonly Dictionary<string, int> _indexes = new(StringComparer.Ordinal);
    private readonly List<(string Name, Expr? Body, int At)> _rules = [];
    private int _at;

    private GrammarReader(string text, BuildBudget budget) => (_text, _budget) = (text, budget);

    /// <summary>The rules, root first.</summary>
    public static IReadOnlyList<(string Name, Expr Body)> Read(string gbnf, BuildBudget budget)
    {
        ConstraintLimits.CheckLength("grammar", gbnf);
        GrammarReader reader = new(gbnf, budget);
        reader.Index("root");
        reader.Space(newLines: true);
        while (reader._at < gbnf.Length) reader.Rule();
        foreach ((string name, Expr? body, int at) in reader._rules)
        {
            if (body is not null) continue;
            if (name == "root" && at == 0) throw new InvalidRequestException("The grammar has no rule 'root'; name the rule that is the whole text so.");
            reader._at = at;
            throw reader.Wrong($"the rule '{name}' is used and not defined");
        }
        return [.. reader._rules.Select(rule => (rule.Name, rule.Body!))];
    }

    private void Rule()
    {
        int at = _at;
        string name = Name() ?? throw Wrong($"a rule must begin here, as in: name ::= \"text\"");
        Space(newLines: false);
        if (!Take("::=")) throw Wrong($"'::=' must follow the name '{name}'");
        Space(newLines: true);
        int index = Index(name);
        if (_rules[index].Body is not null)
        {
            _at = at;
            throw Wrong($"the rule '{name}' is defined twice");
        }
        _rules[index] = (name, Alternatives(1), at);
        if (_at < _text.Length && _text[_at] is not ('\n' or '\r')) throw Wrong(_text[_at] == ')' ? "this ) closes nothing" : $"'{_text[_at]}' cannot stand here");
        Space(newLines: true);
    }

    private Expr Alternatives(int depth)
    {
        if (depth > ConstraintLimits.Nesting) throw Wrong($"brackets nest deeper than {ConstraintLimits.Nesting}");
        List<Expr> alternatives = [];
        do
        {
            Space(newLines: true);
            alternatives.Add(Sequence(depth));
        }
        while (NextAlternative());
        return Expr.ChoiceOfTexts(alternatives);
    }

    /// <summary>Passes a |, which may begin the next line.</summary>
    private bool NextAlternative()
    {
        int at = _at;
        Space(newLines: true);
        if (Take("|")) return true;
        _at = at;
        return false;
    }

    private Expr Sequence(int depth)
    {
        List<Expr> items = [];
        while (_at < _text.Length && Item(depth) is { } item)
        {
            _budget.Nodes(1);
            _budget.Bytes(96);
            Space(newLines: depth > 1);
            items.Add(Repeated(item, depth));
        }
        return Expr.Sequence(items);
    }

    private Expr Repeated(Expr item, int depth)
    {
        // Chains of *, + and ? are one repetition; of counts each is around the last.
        for (int counts = 0; _at < _text.Length;)
        {
            if (Take("*")) item = Expr.Repeat(item, 0, null);
            else if (Take("+")) item = Expr.Repeat(item, 1, null);
            else if (Take("?")) item = Expr.Repeat(item, 0, 1);
            else if (_text[_at] == '{' && ++counts <= ConstraintLimits.Nesting) item = Counted(item);
            else if (_text[_at] == '{') throw Wrong($"counts of counts nest deeper than {ConstraintLimits.Nesting}");
            else break;
            Space(newLines: depth > 1);
        }
        return item;
    }

    private Expr Counted(Expr item)
    {
        int at = _at++;
        int? min = Count();
        int? max = min;
        Space(newLines: false);
        if (Take(","))
        {
            max = Count();
            Space(newLines: false);
        }
        else if (min is null)
        {
            throw Wrong("a count must follow {");
        }
        if (!Take("}")) throw Wrong("a } must close the repetition");
        if (max >= (min ?? 0) || max is null) return Expr.Repeat(item, min ?? 0, max);
        _at = at;
        throw Wrong($"the repetition {{{min},{max}}} counts down");
    }

    private int? Count()
    {
        Space(newLines: false);
        int from = _at;
        int count = 0;
        for (; _at < _text.Length && char.IsAsciiDigit(_text[_at]); _at++) count = Math.Min(ConstraintLimits.Counts + 1, (count * 10) + (_text[_at] - '0'));
        if (count > ConstraintLimits.Counts) throw Wrong($"a repetition counts to more than {ConstraintLimits.Counts}");
        return _at > from ? count : null;
    }

    /// <summary>Null: what is here begins no item.</summary>
    private Expr? Item(int depth)
    {
        char c = _text[_at];
        switch (c)
        {
            case '"':
                return Literal();
            case '[':
                return Class();
            case '.':
                _at++;
                return new CharsExpr(CharSet.All);
            case '(':
                int open = _at++;
                Expr inside = Alternatives(depth + 1);
                Space(newLines: true);
                if (Take(")")) return inside;
                if (_at == _text.Length) _at = open;
                throw Wrong(_at == open ? "this ( is not closed" : $"'{_text[_at]}' cannot stand here");
            case '<' or '!':
                throw Wrong("tokens in a grammar (<...>, !<...>) are not supported; write their text");
            default:
                int at = _at;
                return Name() is string name ? new CallExpr(Index(name, at)) : null;
        }
    }

    private TextExpr Literal()
    {
        int open = _at++;
        StringBuilder text = new();
        while (!Take("\""))
        {
            if (_at == _text.Length || _text[_at] is '\n' or '\r')
            {
                _at = open;
                throw Wrong("this \" is not closed in its line");
            }
            text.Append(char.ConvertFromUtf32(CodePoint()));
        }
        return new TextExpr(Encoding.UTF8.GetBytes(text.ToString()));
    }

    private CharsExpr Class()
    {
        int open = _at++;
        bool negated = Take("^");
        List<(int From, int To)> ranges = [];
        while (!Take("]"))
        {
            if (_at == _text.Length || _text[_at] is '\n' or '\r')
            {
                _at = open;
                throw Wrong("this [ is not closed in its line");
            }
            int from = CodePoint(), to = from;
            if (_at + 1 < _text.Length && _text[_at] == '-' && _text[_at + 1] != ']')
            {
                _at++;
                to = CodePoint();
                if (to < from) throw Wrong("the range runs backwards");
            }
            ranges.Add((from, to));
            _budget.Bytes(32);
            _budget.Step();
        }
        CharSet set = CharSet.Of([.. ranges]);
        return new CharsExpr(negated ? set.Complement() : set);
    }

    /// <summary>A character, which may be written with a \.</summary>
    private int CodePoint()
    {
        int at = _at;
        if (_text[_at] != '\\')
        {
            if (Rune.DecodeFromUtf16(_text.AsSpan(_at), out Rune rune, out int length) != System.Buffers.OperationStatus.Done) throw Wrong("half a surrogate pair is no character");
            _at += length;
            return rune.Value;
        }
        _at += 2;
        int value = (at + 1 < _text.Length ? _text[at + 1] : '\0') switch
        {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            '\\' => '\\',
            '"' => '"',
            '[' => '[',
            ']' => ']',
            '-' => '-',
            '^' => '^',
            'x' => Hex(2),
            'u' => Hex(4),
            'U' => Hex(8),
            _ => -1,
        };
        if (value is >= 0 and <= CharSet.Last and not (>= 0xD800 and <= 0xDFFF)) return value;
        _at = at;
        throw Wrong("this \\ begins no character; known are \\n \\r \\t \\\\ \\\" \\[ \\] \\- \\^ \\xHH \\uHHHH \\UHHHHHHHH, up to 10FFFF and without surrogates");
    }

    private int Hex(int digits)
    {
        if (_at + digits > _text.Length || !uint.TryParse(_text.AsSpan(_at, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint value) || value > CharSet.Last) return -1;
        _at += digits;
        return (int)value;
    }

    private string? Name()
    {
        int from = _at;
        while (_at < _text.Length && (char.IsAsciiLetterOrDigit(_text[_at]) || _text[_at] is '-' or '_')) _at++;
        return _at > from ? _text[from.._at] : null;
    }

    private int Index(string name, int at = 0)
    {
        if (_indexes.TryGetValue(name, out int index)) return index;
        _budget.Nodes(1);
        _budget.Bytes(160 + (2L * name.Length));
        _rules.Add((name, null, at));
        return _indexes[name] = _rules.Count - 1;
    }

    private void Space(bool newLines)
    {
        while (_at < _text.Length && (_text[_at] is ' ' or '\t' or '#' || (newLines && _text[_at] is '\n' or '\r')))
        {
            if (_text[_at] != '#') _at++;
            else while (_at < _text.Length && _text[_at] is not ('\n' or '\r')) _at++;
        }
    }

    private bool Take(string text)
    {
        if (!_text.AsSpan(_at).StartsWith(text, StringComparison.Ordinal)) return false;
        _at += text.Length;
        return true;
    }

    private InvalidRequestException Wrong(string what)
    {
        ReadOnlySpan<char> before = _text.AsSpan(0, Math.Min(_at, _text.Length));
        int column = before.Length - before.LastIndexOf('\n');
        return new($"The grammar, line {before.Count('\n') + 1}, column {column}: {what}.");
    }
}
