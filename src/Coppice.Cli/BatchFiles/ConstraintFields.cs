using System.Text.Json;

namespace Coppice.Cli.BatchFiles;

/// <summary>The fields that say what an answer must look like: OpenAI's response_format, and the grammar that other engines have. They are read here and built when it is the line's turn.</summary>
internal static class ConstraintFields
{
    /// <summary>Null: any text.</summary>
    public static Func<OutputConstraint>? ReadResponseFormat(JsonField field)
    {
        if (field.Value.ValueKind != JsonValueKind.Object) throw field.Wrong("an object with a type");
        string? type = null;
        JsonField? schema = null;
        foreach (JsonField part in field.Properties())
        {
            if (part.Name == "type") type = part.Text();
            else if (part.Name == "json_schema") schema = part;
            else throw new InvalidRequestException($"response_format has the unknown field '{JsonField.Shortened(part.Name)}'; it has type, and json_schema.");
        }
        return type switch
        {
            "text" => null,
            "json_object" => OutputConstraint.JsonObject,
            "json_schema" when schema is JsonField given => ReadSchema(given with { Name = "response_format.json_schema" }),
            "json_schema" => throw new InvalidRequestException("response_format.json_schema is missing; type json_schema needs it."),
            null => throw new InvalidRequestException("response_format.type is missing; it is text, json_object or json_schema."),
            _ => throw new InvalidRequestException($"response_format.type is '{JsonField.Shortened(type)}'; it must be text, json_object or json_schema."),
        };
    }

    public static Func<OutputConstraint> ReadGrammar(JsonField field)
    {
        string grammar = field.Text();
        return () => OutputConstraint.Grammar(grammar);
    }

    private static Func<OutputConstraint> ReadSchema(JsonField field)
    {
        if (field.Value.ValueKind != JsonValueKind.Object) throw field.Wrong("an object with a name and a schema");
        JsonElement? schema = null;
        foreach (JsonField part in field.Properties())
        {
            switch (part.Name)
            {
                case "schema": schema = part.Value; break;
                case "name" or "description": part.Text(); break;
                case "strict": break;   // the answer fits in either case
                default: throw new InvalidRequestException($"response_format.json_schema has the unknown field '{JsonField.Shortened(part.Name)}'; it has name, description, schema and strict.");
            }
        }
        string text = schema?.GetRawText() ?? throw new InvalidRequestException("response_format.json_schema.schema is missing; it is the JSON Schema of the answer.");
        return () => OutputConstraint.JsonSchema(text);
    }
}
