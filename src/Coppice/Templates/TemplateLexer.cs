namespace Coppice.Templates;

/// <summary>
/// Cuts a template into text and tags. White space around tags is dealt with here, as transformers sets Jinja up: a block or comment takes the
/// line break after it (trim_blocks) and the blanks before it on its line (lstrip_blocks); '-' takes all white space on its side, '+' none.
/// </summary>
internal sealed class TemplateLexer
{
    private readonly string _source;
    private readonly List<TemplateToken> _tokens = [];
    private int _at, _line = 1, _lineCountedTo;
    private bool _startsLine = true;

    private TemplateLexer(string source) => _source = source;

    public static List<TemplateToken> Read(string template)
    {
        string source = template.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n');
        if (source.EndsWith('\n')) source = source[..^1];
        TemplateLexer lexer = new(source);
        lexer.Run();
        return lexer._tokens;
    }

    private void Run()
    {
        while (_at < _source.Length)
        {
            int tag = NextTag(_at);
            if (tag < 0) break;
            char kind = _source[tag + 1];
            char sign = SignAt(tag + 2);
            AddData(tag, sign, kind != '{');
            _at = tag + (sign == ' ' ? 2 : 3);
            if (kind == '#') SkipComment();
            else if (kind == '{') ReadTag("{{", "}}", TokenKind.PrintBegin, TokenKind.PrintEnd);
            else if (!TryReadRaw(tag)) ReadTag("{%", "%}", TokenKind.BlockBegin, TokenKind.BlockEnd);
            _startsLine = _source[_at - 1] == '\n';
        }
        if (_at < _source.Length) Add(TokenKind.Data, _source[_at..], _at);
        Add(TokenKind.End, "", _source.Length);
    }

    private int NextTag(int from)
    {
        for (int at = _source.IndexOf('{', from); at >= 0 && at + 1 < _source.Length; at = _source.IndexOf('{', at + 1))
            if (_source[at + 1] is '{' or '%' or '#') return at;
        return -1;
    }

    private char SignAt(int at) => at < _source.Length && _source[at] is '-' or '+' ? _source[at] : ' ';

    private void AddData(int end, char sign, bool takesIndent)
    {
        ReadOnlySpan<char> text = _source.AsSpan(_at, end - _at);
        if (sign == '-')
        {
            while (!text.IsEmpty && PythonText.IsSpace(text[^1])) text = text[..^1];
        }
        else if (sign != '+' && takesIndent)
        {
            int lineStart = text.LastIndexOf('\n') + 1;
            if ((lineStart > 0 || _startsLine) && IsBlank(text[lineStart..])) text = text[..lineStart];
        }
        if (!text.IsEmpty) Add(TokenKind.Data, text.ToString(), _at);
    }

    private static bool IsBlank(ReadOnlySpan<char> text)
    {
        foreach (char c in text)
            if (!PythonText.IsSpace(c)) return false;
        return true;
    }

    private void SkipComment()
    {
        int start = _at;
        int end = _source.IndexOf("#}", start, StringComparison.Ordinal);
        if (end < 0) throw Fail("A comment is not closed with '#}'.");
        _at = end + 2;
        AfterBlock(end > start ? _source[end - 1] : ' ');
    }

    // What a block takes of the text after it.
    private void AfterBlock(char sign)
    {
        if (sign == '-') SkipSpace();
        else if (sign != '+' && _at < _source.Length && _source[_at] == '\n') _at++;
    }

    private void SkipSpace()
    {
        while (_at < _source.Length && PythonText.IsSpace(_source[_at])) _at++;
    }

    // {% raw %} … {% endraw %}: text, whatever it looks like.
    private bool TryReadRaw(int tag)
    {
        if (!TryWordTag(tag, "raw", out char sign, out int bodyStart)) return false;
        if (sign == '+') return false;
        _at = bodyStart;
        if (sign == '-') SkipSpace();
        if (_at == _source.Length) return true;   // nothing is left to close
        for (int at = _source.IndexOf("{%", _at, StringComparison.Ordinal); at >= 0; at = _source.IndexOf("{%", at + 2, StringComparison.Ordinal))
        {
            if (!TryWordTag(at, "endraw", out char endSign, out int end)) continue;
            _startsLine = false;
            AddData(at, SignAt(at + 2), takesIndent: true);
            _at = end;
            AfterBlock(endSign);
            return true;
        }
        throw Fail("A raw block is not closed with 'endraw'.");
    }

    private bool TryWordTag(int tag, string word, out char endSign, out int end)
    {
        int at = tag + (SignAt(tag + 2) == ' ' ? 2 : 3);
        endSign = ' ';
        end = 0;
        while (at < _source.Length && PythonText.IsSpace(_source[at])) at++;
        if (string.CompareOrdinal(_source, at, word, 0, word.Length) != 0) return false;
        at += word.Length;
        while (at < _source.Length && PythonText.IsSpace(_source[at])) at++;
        endSign = SignAt(at);
        if (endSign != ' ') at++;
        if (string.CompareOrdinal(_source, at, "%}", 0, 2) != 0) return false;
        end = at + 2;
        return true;
    }

    private void ReadTag(string begin, string end, TokenKind beginKind, TokenKind endKind)
    {
        Add(beginKind, begin, _at - 1);
        Stack<char> open = new();
        while (true)
        {
            SkipSpace();
            if (_at >= _source.Length) throw Fail($"A tag is not closed with '{end}'.");
            if (open.Count == 0 && TryEnd(end, out char sign))
            {
                Add(endKind, end, _at);
                if (endKind == TokenKind.BlockEnd) AfterBlock(sign);
                else if (sign == '-') SkipSpace();
                return;
            }
            TemplateToken token = ExpressionLexer.Read(_source, ref _at, LineAt(_at));
            if (token.Kind == TokenKind.Operator) Balance(token, open);
            _tokens.Add(token);
        }
    }

    private bool TryEnd(string end, out char sign)
    {
        sign = SignAt(_at);
        if (sign == '+' && end == "}}") sign = ' ';
        int at = sign == ' ' ? _at : _at + 1;
        if (string.CompareOrdinal(_source, at, end, 0, 2) != 0) return false;
        _at = at + 2;
        return true;
    }

    private static void Balance(TemplateToken token, Stack<char> open)
    {
        char symbol = token.Text[0];
        if (symbol is '(' or '[' or '{') open.Push(symbol);
        if (symbol is not (')' or ']' or '}')) return;
        char wanted = symbol == ')' ? '(' : symbol == ']' ? '[' : '{';
        if (open.Count == 0 || open.Pop() != wanted) throw new ChatTemplateException(token.Line, $"'{symbol}' closes nothing.");
    }

    private void Add(TokenKind kind, string text, int at) => _tokens.Add(new TemplateToken(kind, text, LineAt(at)));

    // Places are asked for in ascending order.
    private int LineAt(int at)
    {
        if (at > _lineCountedTo)
        {
            _line += _source.AsSpan(_lineCountedTo, at - _lineCountedTo).Count('\n');
            _lineCountedTo = at;
        }
        return _line;
    }

    private ChatTemplateException Fail(string message) => new(LineAt(_at), message);
}
