namespace Coppice.Templates;

internal enum TokenKind
{
    /// <summary>Text outside of all tags.</summary>
    Data,

    /// <summary>{{.</summary>
    PrintBegin,

    /// <summary>}}.</summary>
    PrintEnd,

    /// <summary>{%.</summary>
    BlockBegin,

    /// <summary>%}.</summary>
    BlockEnd,

    Name,
    Text,
    Integer,
    Float,
    Operator,
    End,
}

/// <param name="Kind">What it is.</param>
/// <param name="Text">As written; unescaped for a text.</param>
/// <param name="Line">From 1.</param>
internal readonly record struct TemplateToken(TokenKind Kind, string Text, int Line)
{
    public bool IsName(string name) => Kind == TokenKind.Name && Text == name;

    public bool IsOperator(string symbol) => Kind == TokenKind.Operator && Text == symbol;

    /// <summary>For messages.</summary>
    public string Shown => Kind switch
    {
        TokenKind.End => "the end of the template",
        TokenKind.Data => "text",
        TokenKind.Text => "a text",
        _ => $"'{(Text.Length > 40 ? Text[..40] + "…" : Text)}'",
    };
}
