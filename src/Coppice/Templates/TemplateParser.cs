namespace Coppice.Templates;

/// <summary>Reads the statements of a template.</summary>
internal sealed class TemplateParser
{
    private readonly TokenStream _tokens;
    private readonly ExpressionParser _expressions;
    private int _loops;

    private TemplateParser(List<TemplateToken> tokens)
    {
        _tokens = new TokenStream(tokens);
        _expressions = new ExpressionParser(_tokens);
    }

    /// <exception cref="ChatTemplateException">It is malformed.</exception>
    public static Body Read(string template)
    {
        TemplateParser parser = new(TemplateLexer.Read(template));
        Body body = parser.ReadBody(0);
        return parser._tokens.Current.Kind == TokenKind.End ? body : throw parser._tokens.Unexpected("the end of the template");
    }

    // Up to a tag of one of these names, which is the current token then, or, if there are none, to the end.
    private Body ReadBody(int openedAt, params ReadOnlySpan<string> ends)
    {
        _tokens.Enter();
        List<Statement> statements = [];
        while (true)
        {
            TemplateToken token = _tokens.Next();
            if (token.Kind == TokenKind.Data)
            {
                statements.Add(new TextOutput(token.Line, token.Text));
            }
            else if (token.Kind == TokenKind.PrintBegin)
            {
                statements.Add(new Print(token.Line, _expressions.ReadTuple()));
                _tokens.Expect(TokenKind.PrintEnd, "'}}'");
            }
            else if (token.Kind == TokenKind.BlockBegin)
            {
                foreach (string end in ends)
                {
                    if (!_tokens.Current.IsName(end)) continue;
                    _tokens.Leave();
                    return new Body([.. statements]);
                }
                statements.Add(ReadStatement());
                ExpectBlockEnd();
            }
            else
            {
                if (!ends.IsEmpty) throw new ChatTemplateException(token.Line, $"The block that line {openedAt} begins has no '{ends[^1]}'.");
                _tokens.Leave();
                return new Body([.. statements]);
            }
        }
    }

    // A block's body with its closing tag.
    private Body ReadClosed(int openedAt, string end)
    {
        ExpectBlockEnd();
        Body body = ReadBody(openedAt, end);
        _tokens.Next();
        return body;
    }

    private void ExpectBlockEnd() => _tokens.Expect(TokenKind.BlockEnd, "'%}'");

    private Statement ReadStatement()
    {
        TemplateToken tag = _tokens.Expect(TokenKind.Name, "the name of a tag");
        int line = tag.Line;
        switch (tag.Text)
        {
            case "if": return ReadIf(line);
            case "for": return ReadFor(line);
            case "set": return ReadSet(line);
            case "macro": return ReadMacro(line);
            case "call": return ReadCall(line);
            case "filter": return ReadFilter(line);
            case "with": return ReadWith(line);
            case "generation": return new With(line, [], ReadClosed(line, "endgeneration"));
            case "print": return ReadPrint(line);
            case "break" or "continue":
                if (_loops == 0) throw new ChatTemplateException(line, $"'{tag.Text}' stands outside of a loop.");
                return new Jump(line, tag.Text == "break" ? Flow.Break : Flow.Continue);
            case "include" or "import" or "from" or "extends" or "block":
                throw new ChatTemplateException(line, $"'{tag.Text}' is not for chat templates: a template is one text by itself.");
            default:
                throw new ChatTemplateException(line, $"There is no tag {tag.Shown} here.");
        }
    }

    // {% print a, b %} prints one after the other.
    private With ReadPrint(int line)
    {
        List<Statement> prints = [];
        while (_tokens.Current.Kind != TokenKind.BlockEnd)
        {
            if (prints.Count > 0) _tokens.ExpectOperator(",");
            prints.Add(new Print(line, _expressions.Read()));
        }
        return new With(line, [], new Body([.. prints]));
    }

    private If ReadIf(int line)
    {
        List<(Expression, Body)> branches = [];
        while (true)
        {
            Expression condition = _expressions.ReadUnconditional();
            ExpectBlockEnd();
            branches.Add((condition, ReadBody(line, "elif", "else", "endif")));
            TemplateToken end = _tokens.Next();
            if (end.Text == "elif") continue;
            return new If(line, [.. branches], end.Text == "else" ? ReadClosed(line, "endif") : null);
        }
    }

    private For ReadFor(int line)
    {
        Target target = ReadTarget(mayBeNamespace: false);
        if (!_tokens.SkipName("in")) throw _tokens.Unexpected("'in'");
        Expression items = _expressions.ReadUnconditional();
        Expression? condition = _tokens.SkipName("if") ? _expressions.Read() : null;
        bool isRecursive = _tokens.SkipName("recursive");
        ExpectBlockEnd();
        _loops++;
        Body body = ReadBody(line, "else", "endfor");
        _loops--;
        Body? otherwise = _tokens.Next().Text == "else" ? ReadClosed(line, "endfor") : null;
        return new For(line, target, items, condition, body, otherwise, isRecursive);
    }

    private Statement ReadSet(int line)
    {
        Target target = ReadTarget(mayBeNamespace: true);
        if (_tokens.SkipOperator("=")) return new Set(line, target, _expressions.ReadTuple());
        Expression filtered = new Name(line, SetBlock.Variable);
        if (_tokens.SkipOperator("|")) filtered = _expressions.ReadFilterChain(filtered);
        return new SetBlock(line, target, ReadClosed(line, "endset"), filtered);
    }

    private MacroDefinition ReadMacro(int line)
    {
        string name = _tokens.Expect(TokenKind.Name, "the name of a macro").Text;
        return new MacroDefinition(line, name, ReadMacroBody(ReadParameters(), line, "endmacro"));
    }

    private CallBlock ReadCall(int line)
    {
        Parameter[] parameters = _tokens.Current.IsOperator("(") ? ReadParameters() : [];
        if (_expressions.Read() is not Call call) throw new ChatTemplateException(line, "'call' needs the call of a macro.");
        return new CallBlock(line, call, ReadMacroBody(parameters, line, "endcall"));
    }

    private Macro ReadMacroBody(Parameter[] parameters, int line, string end)
    {
        int loops = _loops;
        _loops = 0;   // a macro's body is in no loop of its place
        HashSet<string> outer = _expressions.NamesRead;
        HashSet<string> names = new(StringComparer.Ordinal);
        _expressions.NamesRead = names;
        Body body = ReadClosed(line, end);
        _loops = loops;
        outer.UnionWith(names);
        _expressions.NamesRead = outer;
        return new Macro(parameters, body, names.Contains("varargs"), names.Contains("kwargs"), names.Contains("caller") && !Array.Exists(parameters, p => p.Name == "caller"));
    }

    private Parameter[] ReadParameters()
    {
        _tokens.ExpectOperator("(");
        List<Parameter> parameters = [];
        while (!_tokens.SkipOperator(")"))
        {
            if (parameters.Count > 0) _tokens.ExpectOperator(",");
            TemplateToken name = _tokens.Expect(TokenKind.Name, "the name of a parameter");
            Expression? missing = _tokens.SkipOperator("=") ? _expressions.Read() : null;
            if (missing is null && parameters.Count > 0 && parameters[^1].Default is not null) throw new ChatTemplateException(name.Line, $"The parameter {name.Shown} needs a default, as the one before it has.");
            parameters.Add(new Parameter(name.Text, missing));
        }
        return [.. parameters];
    }

    private FilterBlock ReadFilter(int line)
    {
        Expression filtered = _expressions.ReadFilterChain(new Name(line, SetBlock.Variable));
        return new FilterBlock(line, ReadClosed(line, "endfilter"), filtered);
    }

    private With ReadWith(int line)
    {
        List<(Target, Expression)> variables = [];
        while (_tokens.Current.Kind != TokenKind.BlockEnd)
        {
            if (variables.Count > 0) _tokens.ExpectOperator(",");
            Target target = ReadOneTarget(mayBeNamespace: false);
            _tokens.ExpectOperator("=");
            variables.Add((target, _expressions.Read()));
        }
        return new With(line, [.. variables], ReadClosed(line, "endwith"));
    }

    private Target ReadTarget(bool mayBeNamespace)
    {
        Target first = ReadOneTarget(mayBeNamespace);
        if (!_tokens.Current.IsOperator(",")) return first;
        List<Target> parts = [first];
        while (_tokens.SkipOperator(","))
        {
            if (_tokens.Current.IsName("in") || _tokens.Current.IsOperator("=") || _tokens.Current.IsOperator(")")) break;
            parts.Add(ReadOneTarget(mayBeNamespace));
        }
        return new TupleTarget([.. parts]);
    }

    private Target ReadOneTarget(bool mayBeNamespace)
    {
        if (_tokens.SkipOperator("("))
        {
            _tokens.Enter();
            Target inner = ReadTarget(mayBeNamespace);
            _tokens.Leave();
            _tokens.ExpectOperator(")");
            return inner;
        }
        TemplateToken name = _tokens.Expect(TokenKind.Name, "a name to assign to");
        if (name.Text is "true" or "false" or "none" or "True" or "False" or "None") throw new ChatTemplateException(name.Line, $"{name.Shown} cannot be assigned to.");
        if (mayBeNamespace && _tokens.SkipOperator(".")) return new NamespaceTarget(name.Text, _tokens.Expect(TokenKind.Name, "a name").Text);
        return new NameTarget(name.Text);
    }
}
