using Coppice.Constraints;
using Coppice.Constraints.Schemas;

namespace Coppice;

/// <summary>
/// What an answer must look like: only tokens that can lead to such a text are drawn, and the answer ends only where it is whole.
/// Made once, it serves any number of requests, models and threads; an engine keeps what it finds out about the constraints it met lately.
/// </summary>
/// <remarks>
/// An answer that <see cref="GenerateOptions.MaxTokens"/> or a stop text cuts off is the beginning of a text that fits. An answer that is whole and that
/// nothing may follow ends at once, whatever <see cref="GenerateOptions.MinTokens"/> says. Forbidden tokens are ruled out before bias, penalties and filters.
/// Texts of more than 262,144 characters are refused. docs/notes/constrained-decoding.md says what is understood.
/// </remarks>
public sealed class OutputConstraint : IEquatable<OutputConstraint>
{
    private readonly string _kind;

    private OutputConstraint(string kind, string text, Automaton automaton, IReadOnlyList<string>? warnings = null)
    {
        _kind = kind;
        Text = text;
        Automaton = automaton;
        Warnings = warnings ?? [];
    }

    /// <summary>The schema, pattern or grammar it was made from; empty for <see cref="JsonObject"/>.</summary>
    public string Text { get; }

    /// <summary>What <see cref="SchemaStrictness.BestEffort"/> left out of the schema, a sentence each; else empty.</summary>
    public IReadOnlyList<string> Warnings { get; }

    internal Automaton Automaton { get; }

    /// <summary>Any JSON object, nested up to 62 deep.</summary>
    public static OutputConstraint JsonObject() => JsonObjectOnce.Value;

    /// <summary>JSON that a JSON Schema describes: what OpenAI's structured outputs take, and more. Properties come in the order of the schema.</summary>
    /// <param name="schemaJson">The schema.</param>
    /// <param name="strictness">What becomes of assertions that are not supported.</param>
    /// <param name="cancellation">Ends the building.</param>
    /// <exception cref="InvalidRequestException">It is not JSON, too large, contradicts itself, or asserts what is not supported; the message says where.</exception>
    public static OutputConstraint JsonSchema(string schemaJson, SchemaStrictness strictness = SchemaStrictness.Strict, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(schemaJson);
        BuildBudget budget = new(cancellation);
        (IReadOnlyList<(string Name, Expr Body)> rules, IReadOnlyList<string> warnings) = SchemaReader.Read(schemaJson, strictness, budget);
        return new OutputConstraint(strictness == SchemaStrictness.Strict ? "schema" : "schema as far as possible", schemaJson, AutomatonBuilder.Build(rules, budget), warnings);
    }

    /// <summary>A text that a regular expression matches as a whole. Classes (\d, \w, \s) are ASCII's, as in ECMAScript; no look-around and no back-references.</summary>
    /// <param name="pattern">The pattern.</param>
    /// <param name="cancellation">Ends the building.</param>
    /// <exception cref="InvalidRequestException">It is malformed, too large, or asks for what is not supported; the message says where.</exception>
    public static OutputConstraint Regex(string pattern, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(pattern);
        BuildBudget budget = new(cancellation);
        Expr root = TextLanguage.FromWholePattern(pattern, "The pattern", budget).ToExpr(set => new CharsExpr(set), budget);
        return new OutputConstraint("regex", pattern, AutomatonBuilder.Build([("root", root)], budget));
    }

    /// <summary>A text of a grammar in GBNF, the notation of llama.cpp; its rule <c>root</c> is the whole text.</summary>
    /// <param name="gbnf">The grammar.</param>
    /// <param name="cancellation">Ends the building.</param>
    /// <exception cref="InvalidRequestException">It is malformed, too large or left-recursive; the message says where.</exception>
    public static OutputConstraint Grammar(string gbnf, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(gbnf);
        BuildBudget budget = new(cancellation);
        return new OutputConstraint("grammar", gbnf, AutomatonBuilder.Build(GrammarReader.Read(gbnf, budget), budget));
    }

    /// <summary>Whether both were made from the same text in the same way.</summary>
    public bool Equals(OutputConstraint? other) => other is not null && (ReferenceEquals(this, other) || (_kind == other._kind && Text == other.Text));

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as OutputConstraint);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(_kind, Text);

    /// <summary>What it was made from.</summary>
    public override string ToString() => $"{_kind} {Text}".TrimEnd();

    private static class JsonObjectOnce
    {
        public static readonly OutputConstraint Value = new("json", "", AutomatonBuilder.Build(JsonRules.AnyObject(), new BuildBudget { MaxTime = Timeout.InfiniteTimeSpan }));
    }
}
