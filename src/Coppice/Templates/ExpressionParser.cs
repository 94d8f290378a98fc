using System.Globalization;
using System.Text;

namespace Coppice.Templates;

/// <summary>Reads expressions: a method for each rank of operators, from the loosest to the tightest, as Jinja ranks them.</summary>
internal sealed class ExpressionParser(TokenStream tokens)
{
    private static readonly string[] s_sums = ["+", "-"], s_products = ["*", "/", "//", "%"], s_powers = ["**"], s_comparisons = ["==", "!=", "<", "<=", ">", ">="];

    /// <summary>Names that were read since the last reset: a macro takes more arguments than it declares only if it looks at them.</summary>
    public HashSet<string> NamesRead { get; set; } = new(StringComparer.Ordinal);

    public Expression Read()
    {
        tokens.Enter();
        Expression value = ReadOr();
        while (tokens.Current.IsName("if"))
        {
            int line = tokens.Next().Line;
            Expression condition = ReadOr();
            Expression? otherwise = tokens.SkipName("else") ? Read() : null;
            value = new Conditional(line, condition, value, otherwise);
        }
        tokens.Leave();
        return value;
    }

    /// <summary>An expression without 'if' of its own: the list of a loop, the condition of an if.</summary>
    public Expression ReadUnconditional() => ReadList(ReadNested);

    /// <summary>Expressions with commas between them are a tuple.</summary>
    public Expression ReadTuple() => ReadList(Read);

    private Expression ReadNested()
    {
        tokens.Enter();
        Expression value = ReadOr();
        tokens.Leave();
        return value;
    }

    private Expression ReadList(Func<Expression> read)
    {
        int line = tokens.Current.Line;
        Expression first = read();
        if (!tokens.Current.IsOperator(",")) return first;
        List<Expression> items = [first];
        while (tokens.SkipOperator(",") && !EndsTuple()) items.Add(read());
        return new SequenceLiteral(line, SequenceKind.Tuple, [.. items]);
    }

    private bool EndsTuple() => tokens.Current.Kind is TokenKind.PrintEnd or TokenKind.BlockEnd || tokens.Current.IsOperator(")") || tokens.Current.IsName("recursive");

    private Expression ReadOr() => ReadChoice("or", decisive: true, () => ReadChoice("and", decisive: false, ReadNot));

    private Expression ReadChoice(string word, bool decisive, Func<Expression> read)
    {
        int line = tokens.Current.Line;
        Expression first = read();
        if (!tokens.Current.IsName(word)) return first;
        List<Expression> operands = [first];
        while (tokens.SkipName(word)) operands.Add(read());
        return new Choice(line, [.. operands], decisive);
    }

    private Expression ReadNot()
    {
        if (!tokens.Current.IsName("not")) return ReadComparison();
        tokens.Enter();
        int line = tokens.Next().Line;
        Expression operand = ReadNot();
        tokens.Leave();
        return new Not(line, operand);
    }

    private Expression ReadComparison()
    {
        int line = tokens.Current.Line;
        Expression first = ReadSum();
        List<(string, Expression)> rest = [];
        while (true)
        {
            if (tokens.Current.Kind == TokenKind.Operator && s_comparisons.Contains(tokens.Current.Text, StringComparer.Ordinal))
            {
                rest.Add((tokens.Next().Text, ReadSum()));
            }
            else if (tokens.SkipName("in"))
            {
                rest.Add(("in", ReadSum()));
            }
            else if (tokens.Current.IsName("not") && tokens.After.IsName("in"))
            {
                tokens.Next();
                tokens.Next();
                rest.Add(("not in", ReadSum()));
            }
            else
            {
                return rest.Count == 0 ? first : new Comparisons(line, first, [.. rest]);
            }
        }
    }

    private Expression ReadSum() => ReadChain(s_sums, ReadConcatenation);

    private Expression ReadConcatenation()
    {
        int line = tokens.Current.Line;
        Expression first = ReadProduct();
        if (!tokens.Current.IsOperator("~")) return first;
        List<Expression> parts = [first];
        while (tokens.SkipOperator("~")) parts.Add(ReadProduct());
        return new Concatenation(line, [.. parts]);
    }

    private Expression ReadProduct() => ReadChain(s_products, () => ReadChain(s_powers, () => ReadUnary(takesFilters: true)));

    private Expression ReadChain(string[] symbols, Func<Expression> read)
    {
        int line = tokens.Current.Line;
        Expression first = read();
        List<(string, Expression)> rest = [];
        while (tokens.Current.Kind == TokenKind.Operator && symbols.Contains(tokens.Current.Text, StringComparer.Ordinal)) rest.Add((tokens.Next().Text, read()));
        return rest.Count == 0 ? first : new Chain(line, first, [.. rest]);
    }

    private Expression ReadUnary(bool takesFilters)
    {
        tokens.Enter();
        int line = tokens.Current.Line;
        Expression value;
        if (tokens.SkipOperator("-")) value = new Negation(line, ReadUnary(takesFilters: false), keepsSign: false);
        else if (tokens.SkipOperator("+")) value = new Negation(line, ReadUnary(takesFilters: false), keepsSign: true);
        else value = ReadPrimary();
        value = ReadPostfix(value);
        if (takesFilters) value = ReadFilters(value);
        tokens.Leave();
        return value;
    }

    private Expression ReadPrimary()
    {
        TemplateToken token = tokens.Current;
        switch (token.Kind)
        {
            case TokenKind.Name: return ReadName(tokens.Next());
            case TokenKind.Text:
                StringBuilder text = new();
                while (tokens.Current.Kind == TokenKind.Text) text.Append(tokens.Next().Text);
                return new Literal(token.Line, text.ToString());
            case TokenKind.Integer: return new Literal(token.Line, Integer(tokens.Next()));
            case TokenKind.Float: return new Literal(token.Line, double.Parse(tokens.Next().Text, CultureInfo.InvariantCulture));
        }
        if (tokens.SkipOperator("("))
        {
            Expression inner = tokens.Current.IsOperator(")") ? new SequenceLiteral(token.Line, SequenceKind.Tuple, []) : ReadTuple();
            tokens.ExpectOperator(")");
            return inner;
        }
        if (tokens.SkipOperator("[")) return new SequenceLiteral(token.Line, SequenceKind.List, [.. ReadSeparated("]", Read)]);
        if (tokens.SkipOperator("{")) return new MapLiteral(token.Line, [.. ReadSeparated("}", ReadPair)]);
        throw tokens.Unexpected("a value");
    }

    private Expression ReadName(TemplateToken token)
    {
        switch (token.Text)
        {
            case "true" or "True": return new Literal(token.Line, true);
            case "false" or "False": return new Literal(token.Line, false);
            case "none" or "None": return new Literal(token.Line, null);
            default:
                NamesRead.Add(token.Text);
                return new Name(token.Line, token.Text);
        }
    }

    private static object Integer(TemplateToken token)
    {
        string text = token.Text;
        int radix = text.Length < 2 || text[0] != '0' ? 10 : char.ToLowerInvariant(text[1]) switch { 'x' => 16, 'o' => 8, 'b' => 2, _ => 10 };
        return WholeNumbers.Parse(radix == 10 ? text : text.AsSpan(2), radix) ?? throw new ChatTemplateException(token.Line, $"{token.Shown} is not a number of at most {WholeNumbers.MostDigits} digits.");
    }

    private (Expression, Expression) ReadPair()
    {
        Expression key = Read();
        tokens.ExpectOperator(":");
        return (key, Read());
    }

    private List<T> ReadSeparated<T>(string end, Func<T> read)
    {
        List<T> items = [];
        while (!tokens.SkipOperator(end))
        {
            if (items.Count > 0)
            {
                tokens.ExpectOperator(",");
                if (tokens.SkipOperator(end)) break;
            }
            items.Add(read());
        }
        return items;
    }

    private Expression ReadPostfix(Expression value)
    {
        while (true)
        {
            int line = tokens.Current.Line;
            if (tokens.SkipOperator(".")) value = ReadDot(value, line);
            else if (tokens.SkipOperator("[")) value = ReadSubscript(value, line);
            else if (tokens.Current.IsOperator("(")) value = new Call(line, value, ReadArguments());
            else return value;
        }
    }

    private Expression ReadDot(Expression value, int line)
    {
        if (tokens.Current.Kind == TokenKind.Integer) return new ItemOf(line, value, new Literal(line, Integer(tokens.Next())));
        return new AttributeOf(line, value, tokens.Expect(TokenKind.Name, "a name").Text);
    }

    private Expression ReadSubscript(Expression value, int line)
    {
        Expression? from = tokens.Current.IsOperator(":") ? null : Read();
        if (!tokens.SkipOperator(":"))
        {
            tokens.ExpectOperator("]");
            return new ItemOf(line, value, from!);
        }
        Expression? to = tokens.Current.IsOperator(":") || tokens.Current.IsOperator("]") ? null : Read();
        Expression? by = tokens.SkipOperator(":") && !tokens.Current.IsOperator("]") ? Read() : null;
        tokens.ExpectOperator("]");
        return new SliceOf(line, value, from, to, by);
    }

    private CallArguments ReadArguments()
    {
        tokens.ExpectOperator("(");
        List<Expression> positional = [];
        List<(string, Expression)> named = [];
        Expression? rest = null, namedRest = null;
        while (!tokens.SkipOperator(")"))
        {
            if (positional.Count + named.Count > 0 || rest is not null || namedRest is not null)
            {
                tokens.ExpectOperator(",");
                if (tokens.SkipOperator(")")) break;
            }
            if (rest is null && namedRest is null && tokens.SkipOperator("*"))
            {
                rest = Read();
            }
            else if (namedRest is null && tokens.SkipOperator("**"))
            {
                namedRest = Read();
            }
            else if (tokens.Current.Kind == TokenKind.Name && tokens.After.IsOperator("=") && namedRest is null)
            {
                string name = tokens.Next().Text;
                tokens.Next();
                named.Add((name, Read()));
            }
            else if (named.Count == 0 && rest is null && namedRest is null)
            {
                positional.Add(Read());
            }
            else
            {
                throw tokens.Unexpected("a named argument");
            }
        }
        return new CallArguments([.. positional], [.. named], rest, namedRest);
    }

    private Expression ReadFilters(Expression value)
    {
        while (true)
        {
            if (tokens.SkipOperator("|")) value = ReadFilter(value);
            else if (tokens.Current.IsName("is")) value = ReadTest(value);
            else if (tokens.Current.IsOperator("(")) value = new Call(tokens.Current.Line, value, ReadArguments());
            else return value;
        }
    }

    /// <summary>A filter's name and arguments, and the filters after it.</summary>
    public Expression ReadFilterChain(Expression value)
    {
        value = ReadFilter(value);
        while (tokens.SkipOperator("|")) value = ReadFilter(value);
        return value;
    }

    private FilterCall ReadFilter(Expression value)
    {
        int line = tokens.Current.Line;
        string name = tokens.Expect(TokenKind.Name, "the name of a filter").Text;
        return new FilterCall(line, value, name, tokens.Current.IsOperator("(") ? ReadArguments() : CallArguments.None);
    }

    private Expression ReadTest(Expression value)
    {
        int line = tokens.Next().Line;
        bool negated = tokens.SkipName("not");
        string name = tokens.Expect(TokenKind.Name, "the name of a test").Text;
        CallArguments arguments = CallArguments.None;
        if (tokens.Current.IsOperator("(")) arguments = ReadArguments();
        else if (StartsOperand()) arguments = new CallArguments([ReadPostfix(ReadPrimary())], [], null, null);
        Expression test = new TestCall(line, value, name, arguments);
        return negated ? new Not(line, test) : test;
    }

    // 'x is divisibleby 3': the one argument may stand without parentheses.
    private bool StartsOperand()
    {
        TemplateToken token = tokens.Current;
        if (token.Kind == TokenKind.Name) return token.Text is not ("else" or "or" or "and" or "if" or "in" or "not" or "is");
        return token.Kind is TokenKind.Text or TokenKind.Integer or TokenKind.Float || token.IsOperator("[") || token.IsOperator("{");
    }
}
