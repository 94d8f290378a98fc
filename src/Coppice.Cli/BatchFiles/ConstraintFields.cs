using System.Text.Json;

namespace Coppice.Cli.BatchFiles;

/// <summary>The fields that say what an answer must look like: OpenAI's response_format, and the grammar that other engines have.</summary>
internal static class ConstraintFields
{
    /// <summary>Null: any text.</summary>
    public static OutputConstraint? ReadResponseFormat(JsonField field)
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
            "json_object" => OutputConstraint.JsonObject(),
            "json_schema" when schema is JsonField given => ReadSchema(given with { Name = "response_format.json_schema" }),
            "json_schema" => throw new InvalidRequestException("response_format.json_schema is missing; type json_schema needs it."),
            null => throw new InvalidRequestException("response_format.type is missing; it is text, json_object or json_schema."),
            _ => throw new InvalidRequestException($"response_format.type is '{JsonField.Shortened(type)}'; it must be text, json_object or json_schema."),
        };
    }

    public static OutputConstraint ReadGrammar(JsonField field) => OutputConstraint.Grammar(field.Text());

    private static OutputConstraint ReadSchema(JsonField field)
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
        return schema is JsonElement given
            ? OutputConstraint.JsonSchema(given.GetRawText())
            : throw new InvalidRequestException("response_format.json_schema.schema is missing; it is the JSON Schema of the answer.");
    }
}
