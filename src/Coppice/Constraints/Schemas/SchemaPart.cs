using System.Text.Json;

namespace Coppice.Constraints.Schemas;

/// <summary>A place in a schema document.</summary>
internal sealed class SchemaPath(SchemaPath? parent, string step)
{
    public static readonly SchemaPath Root = new(null, "$");

    public SchemaPath Then(string name) => new(this, "." + name);

    public SchemaPath Then(int index) => new(this, $"[{index}]");

    public InvalidRequestException Wrong(string what) => new($"The schema, {this}: {what}.");

    public override string ToString()
    {
        List<string> steps = [];
        for (SchemaPath? at = this; at is not null; at = at.Parent) steps.Add(at.Step);
        steps.Reverse();
        string path = string.Concat(steps);
        return path.Length <= 200 ? path : string.Concat(path.AsSpan(0, 80), "...", path.AsSpan(path.Length - 80));
    }

    private SchemaPath? Parent { get; } = parent;

    private string Step { get; } = step;
}

/// <summary>A value in a schema document, and its place for messages.</summary>
internal readonly record struct SchemaPart(JsonElement Value, SchemaPath Path)
{
    public bool IsFalse => Value.ValueKind == JsonValueKind.False;

    public SchemaPart Then(string name, JsonElement value) => new(value, Path.Then(name));

    public IEnumerable<SchemaPart> Items()
    {
        if (Value.ValueKind != JsonValueKind.Array) throw Wrong("a list");
        int i = 0;
        foreach (JsonElement item in Value.EnumerateArray()) yield return new SchemaPart(item, Path.Then(i++));
    }

    public IEnumerable<(string Name, SchemaPart Part)> Members()
    {
        if (Value.ValueKind != JsonValueKind.Object) throw Wrong("an object");
        foreach (JsonProperty property in Value.EnumerateObject()) yield return (property.Name, Then(property.Name, property.Value));
    }

    public string Text() => Value.ValueKind == JsonValueKind.String ? Value.GetString()! : throw Wrong("a text");

    public bool Flag() => Value.ValueKind is JsonValueKind.True or JsonValueKind.False ? Value.GetBoolean() : throw Wrong("true or false");

    /// <summary>A count of at most <paramref name="limit"/>.</summary>
    public int Count(int limit) => Whole(limit) is var count && count <= limit ? (int)count : throw Path.Wrong($"{count} is more than the {limit} that may be counted here");

    /// <summary>A count that values may not exceed; what is beyond <paramref name="limit"/> is it, so that less is allowed than could be.</summary>
    public int Most(int limit) => (int)Math.Min(limit, Whole(limit));

    public InvalidRequestException Wrong(string wanted) => Path.Wrong($"it is {Shortened()} and must be {wanted}");

    public string Shortened() => Value.GetRawText() is var raw && raw.Length > 60 ? raw[..57] + "..." : raw;

    private decimal Whole(int limit) => Value.ValueKind == JsonValueKind.Number && Value.TryGetDecimal(out decimal count) && count >= 0 && count == decimal.Truncate(count)
        ? count
        : throw Wrong($"a whole number from 0 to {limit}");
}
