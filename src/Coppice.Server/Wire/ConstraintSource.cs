namespace Coppice.Server.Wire;

/// <summary>The notation of a constraint.</summary>
internal enum ConstraintKind
{
    JsonObject,
    JsonSchema,
    Grammar,
}

/// <summary>What an answer must look like, as it was sent: it is built when the request has been let in.</summary>
/// <param name="Kind">Its notation.</param>
/// <param name="Text">Empty for <see cref="ConstraintKind.JsonObject"/>.</param>
/// <param name="Field">The field to blame.</param>
internal sealed record ConstraintSource(ConstraintKind Kind, string Text, string Field)
{
    /// <summary>What comes before the reason where it cannot be built.</summary>
    public string Blame { get; init; } = "";

    /// <summary>Where schemas of the client's stand in one that was put together, as refusals write paths, and the fields that they come from.</summary>
    public IReadOnlyList<(string Path, string Field)> Places { get; init; } = [];

    public static ConstraintSource JsonObject(string field) => new(ConstraintKind.JsonObject, "", field);

    /// <summary>Builds it.</summary>
    /// <exception cref="InvalidRequestException">It cannot be kept to, or takes more than it may.</exception>
    /// <exception cref="OperationCanceledException">The building is cancelled.</exception>
    public OutputConstraint Build(CancellationToken cancellation) => Kind switch
    {
        ConstraintKind.JsonObject => OutputConstraint.JsonObject(),
        ConstraintKind.JsonSchema => OutputConstraint.JsonSchema(Text, cancellation),
        ConstraintKind.Grammar => OutputConstraint.Grammar(Text, cancellation),
        _ => throw new InvalidOperationException($"{Kind} is no notation."),
    };

    /// <summary>What a refusal says to the client, by the name of the field that the client wrote.</summary>
    public ApiException Refusal(InvalidRequestException reason)
    {
        foreach ((string path, string field) in Places)
            if (reason.Message.Contains(path, StringComparison.Ordinal)) return ApiException.Invalid(field, Blame + reason.Message.Replace(path, field, StringComparison.Ordinal));
        return ApiException.Invalid(Field, Blame + reason.Message);
    }
}
