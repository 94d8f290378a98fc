namespace Coppice.Server.Wire;

/// <summary>The notation of a constraint.</summary>
internal enum ConstraintKind
{
    JsonObject,
    JsonSchema,
    Grammar,
}

/// <summary>A schema of the client's in one that was put together of several.</summary>
/// <param name="Path">Where it stands, as refusals and warnings write paths.</param>
/// <param name="Field">The field that it comes from.</param>
/// <param name="Strictness">What becomes of what it asserts and cannot be kept to.</param>
internal sealed record ConstraintPlace(string Path, string Field, SchemaStrictness Strictness);

/// <summary>What an answer must look like, as it was sent: it is built when the request has been let in.</summary>
/// <param name="Kind">Its notation.</param>
/// <param name="Text">Empty for <see cref="ConstraintKind.JsonObject"/>.</param>
/// <param name="Field">The field to blame.</param>
/// <param name="Strictness">Of a schema: what becomes of what cannot be kept to.</param>
internal sealed record ConstraintSource(ConstraintKind Kind, string Text, string Field, SchemaStrictness Strictness = SchemaStrictness.Strict)
{
    /// <summary>What comes before the reason where it cannot be built.</summary>
    public string Blame { get; init; } = "";

    /// <summary>The schemas that it was put together of; empty for one that stands as it was sent.</summary>
    public IReadOnlyList<ConstraintPlace> Places { get; init; } = [];

    public static ConstraintSource JsonObject(string field) => new(ConstraintKind.JsonObject, "", field);

    /// <summary>Builds it.</summary>
    /// <exception cref="InvalidRequestException">It cannot be kept to, or takes more than it may.</exception>
    /// <exception cref="OperationCanceledException">The building is cancelled.</exception>
    public OutputConstraint Build(CancellationToken cancellation) => Kind switch
    {
        ConstraintKind.JsonObject => OutputConstraint.JsonObject(),
        ConstraintKind.JsonSchema => OutputConstraint.JsonSchema(Text, Strictness, cancellation),
        ConstraintKind.Grammar => OutputConstraint.Grammar(Text, cancellation),
        _ => throw new InvalidOperationException($"{Kind} is no notation."),
    };

    /// <summary>What a refusal says to the client, by the name of the field that the client wrote.</summary>
    public ApiException Refusal(string reason) => PlaceOf(reason) is { } place
        ? ApiException.Invalid(place.Field, Blame + reason.Replace(place.Path, place.Field, StringComparison.Ordinal))
        : ApiException.Invalid(Field, Blame + reason);

    /// <summary>What the client is told of a constraint that was built.</summary>
    /// <exception cref="ApiException">What is left out stands in a schema that was to be kept to strictly.</exception>
    public IReadOnlyList<string> Warnings(OutputConstraint built) => [.. built.Warnings.Select(warning => PlaceOf(warning) switch
    {
        { Strictness: SchemaStrictness.Strict } => throw Refusal(warning),
        { } place => warning.Replace(place.Path, place.Field, StringComparison.Ordinal),
        null => $"{Field}: {warning}",
    })];

    private ConstraintPlace? PlaceOf(string message) => Places.FirstOrDefault(place => message.Contains(place.Path, StringComparison.Ordinal));
}
