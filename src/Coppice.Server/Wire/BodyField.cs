using System.Globalization;
using System.Text.Json;

namespace Coppice.Server.Wire;

/// <summary>A field that a body may have: how it is read, and how the description of the API shows it.</summary>
/// <param name="Name">As in JSON.</param>
/// <param name="Schema">What it takes, as JSON Schema; null for a field that is refused.</param>
/// <param name="Description">What it does.</param>
/// <param name="Read">Takes a value that is not null into the body.</param>
internal sealed record BodyField<TBody>(string Name, string? Schema, string Description, Action<TBody, Field> Read)
{
    public static BodyField<TBody> Whole(string name, int from, int to, string description, Action<TBody, int> set) =>
        new(name, $$"""{"type":"integer","minimum":{{from}}{{(to == int.MaxValue ? "" : string.Create(CultureInfo.InvariantCulture, $",\"maximum\":{to}"))}}}""", description, (body, field) => set(body, field.Whole(from, to)));

    public static BodyField<TBody> Real(string name, float from, float to, string description, Action<TBody, float> set) =>
        new(name, string.Create(CultureInfo.InvariantCulture, $$"""{"type":"number","minimum":{{from}},"maximum":{{to}}}"""), description, (body, field) => set(body, field.Real(from, to)));

    public static BodyField<TBody> Flag(string name, string description, Action<TBody, bool> set) =>
        new(name, """{"type":"boolean"}""", description, (body, field) => set(body, field.Flag()));

    public static BodyField<TBody> Text(string name, int mostCharacters, string description, Action<TBody, string> set) =>
        new(name, $$"""{"type":"string","maxLength":{{mostCharacters}}}""", description, (body, field) => set(body, field.Text(mostCharacters)));

    /// <summary>A field of OpenAI's API that is not supported: refused by name, unless its value asks for what happens anyway.</summary>
    public static BodyField<TBody> Refused(string name, string why, Func<JsonElement, bool>? isNeutral = null) => new(name, null, why, (_, field) =>
    {
        if (isNeutral?.Invoke(field.Value) != true) throw ApiException.Invalid(name, $"{field.Name} is not supported: {why}", "unsupported_parameter");
    });
}

/// <summary>The fields of one kind of body.</summary>
internal sealed class BodyFields<TBody>(params BodyField<TBody>[] fields) where TBody : new()
{
    private readonly Dictionary<string, BodyField<TBody>> _byName = fields.ToDictionary(field => field.Name, StringComparer.Ordinal);

    public IReadOnlyList<BodyField<TBody>> All => fields;

    /// <summary>Reads an object. Null means that a field is not there, as at OpenAI.</summary>
    /// <exception cref="ApiException">A field is unknown, not supported, or its value does not fit.</exception>
    public TBody Read(Field root)
    {
        TBody body = new();
        foreach (Field field in root.Properties())
        {
            if (!_byName.TryGetValue(field.Name, out BodyField<TBody>? known))
                throw new ApiException(400, $"Unrecognized request argument supplied: {Field.Shortened(field.Name)}") { Param = Field.Shortened(field.Name), Code = "unknown_parameter" };
            if (!field.IsNull) known.Read(body, field);
        }

        return body;
    }
}
