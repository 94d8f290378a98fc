using System.Runtime.CompilerServices;

namespace Coppice.Templates;

/// <summary>The tokens of a template, read one after the other.</summary>
internal sealed class TokenStream(List<TemplateToken> tokens)
{
    private const int DeepestNesting = 100;
    private int _at, _depth;

    public TemplateToken Current => tokens[_at];

    public TemplateToken After => tokens[Math.Min(_at + 1, tokens.Count - 1)];

    public TemplateToken Next()
    {
        TemplateToken token = tokens[_at];
        if (_at < tokens.Count - 1) _at++;
        return token;
    }

    public bool SkipName(string name)
    {
        if (!Current.IsName(name)) return false;
        Next();
        return true;
    }

    public bool SkipOperator(string symbol)
    {
        if (!Current.IsOperator(symbol)) return false;
        Next();
        return true;
    }

    public TemplateToken Expect(TokenKind kind, string shown) => Current.Kind == kind ? Next() : throw Unexpected(shown);

    public void ExpectOperator(string symbol)
    {
        if (!SkipOperator(symbol)) throw Unexpected($"'{symbol}'");
    }

    public ChatTemplateException Unexpected(string wanted) => new(Current.Line, $"{Current.Shown} stands where {wanted} should.");

    /// <summary>Goes into a nested expression or block; <see cref="Leave"/> comes out of it.</summary>
    public void Enter()
    {
        if (++_depth > DeepestNesting || !RuntimeHelpers.TryEnsureSufficientExecutionStack())
            throw new ChatTemplateException(Current.Line, $"It nests deeper than {DeepestNesting} levels.");
    }

    /// <inheritdoc cref="Enter"/>
    public void Leave() => _depth--;
}
