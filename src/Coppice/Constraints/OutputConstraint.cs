using Coppice.Constraints;
using Coppice.Constraints.Schemas;

namespace Coppice;

/// <summary>
/// What an answer must look like: only tokens that can lead to such a text are drawn, and the answer ends only where it is whole.
/// Made once, it serves any number of requests, models and threads; those made lately are kept, and an engine keeps what it finds out about the constraints it met.
/// </summary>
/// <remarks>
/// An answer that <see cref="GenerateOptions.MaxTokens"/> or a stop text cuts off is the beginning of a text that fits. An answer that is whole and that
/// nothing may follow ends at once, whatever <see cref="GenerateOptions.MinTokens"/> says. Forbidden tokens are ruled out before bias, penalties and filters.
/// Texts of more than 262,144 characters, and those that take more than a second, 32 MiB or 400,000 nodes to build, are refused; the building can be cancelled.
/// docs/notes/constrained-decoding.md says what is understood.
/// </remarks>
public sealed class OutputConstraint : IEquatable<OutputConstraint>
{
    private OutputConstraint(string kind, string text, Automaton automaton, IReadOnlyList<string> warnings)
    {
        Kind = kind;
        Text = text;
        Automaton = automaton;
        Warnings = warnings;
    }

    /// <summary>The schema, pattern or grammar it was made from; empty for <see cref="JsonObject"/>.</summary>
    public string Text { get; }

    /// <summary>What <see cref="SchemaStrictness.BestEffort"/> left out of the schema, a sentence each; else empty.</summary>
    public IReadOnlyList<string> Warnings { get; }

    /// <summary>How the text is read.</summary>
    internal string Kind { get; }

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
        return Built(strictness == SchemaStrictness.Strict ? "schema" : "schema as far as possible", schemaJson, budget => SchemaReader.Read(schemaJson, strictness, budget), cancellation);
    }

    /// <summary>A text that a regular expression matches as a whole. The notation is ECMAScript's, with its u flag; no back-references.</summary>
    /// <param name="pattern">The pattern.</param>
    /// <param name="cancellation">Ends the building.</param>
    /// <exception cref="InvalidRequestException">It is malformed, too large, or asks for what is not supported; the message says where.</exception>
    public static OutputConstraint Regex(string pattern, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(pattern);
        return Built("regex", pattern, budget => ([("root", TextLanguage.FromWholePattern(pattern, "The pattern", budget).ToExpr(set => new CharsExpr(set), budget))], []), cancellation);
    }

    /// <summary>A text of a grammar in GBNF, the notation of llama.cpp; its rule <c>root</c> is the whole text.</summary>
    /// <param name="gbnf">The grammar.</param>
    /// <param name="cancellation">Ends the building.</param>
    /// <exception cref="InvalidRequestException">It is malformed, too large or left-recursive; the message says where.</exception>
    public static OutputConstraint Grammar(string gbnf, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(gbnf);
        return Built("grammar", gbnf, budget => (GrammarReader.Read(gbnf, budget), []), cancellation);
    }

    /// <summary>Whether both were made from the same text in the same way.</summary>
    public bool Equals(OutputConstraint? other) => other is not null && (ReferenceEquals(this, other) || (Kind == other.Kind && Text == other.Text));

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as OutputConstraint);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Kind, Text);

    /// <summary>What it was made from.</summary>
    public override string ToString() => $"{Kind} {Text}".TrimEnd();

    private static OutputConstraint Built(string kind, string text, Func<BuildBudget, (IReadOnlyList<(string Name, Expr Body)> Rules, IReadOnlyList<string> Warnings)> read, CancellationToken cancellation) =>
        BuiltConstraints.Lately.Get(kind, text, () =>
        {
            BuildBudget budget = new(cancellation);
            (IReadOnlyList<(string Name, Expr Body)> rules, IReadOnlyList<string> warnings) = read(budget);
            return new OutputConstraint(kind, text, AutomatonBuilder.Build(rules, budget), warnings);
        });

    private static class JsonObjectOnce
    {
        public static readonly OutputConstraint Value = new("json", "", AutomatonBuilder.Build(JsonRules.AnyObject(), new BuildBudget { MaxTime = Timeout.InfiniteTimeSpan }), []);
    }
}
