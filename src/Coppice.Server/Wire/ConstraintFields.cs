namespace Coppice.Server.Wire;

/// <summary>The fields that say what an answer must look like.</summary>
internal static class ConstraintFields
{
    public const string Schema = """{"anyOf":[{"type":"object","properties":{"type":{"enum":["text","json_object"]}},"required":["type"]},{"type":"object","properties":{"type":{"enum":["json_schema"]},"json_schema":{"enum":[{"name":"answer","schema":{"type":"boolean"}},{"name":"answer","strict":true,"schema":{"type":"boolean"}}]}},"required":["type","json_schema"]}]}""";

    /// <summary>Null: any text.</summary>
    public static ConstraintSource? ReadResponseFormat(Field field)
    {
        foreach (Field part in field.Properties())
            if (part.Name is not ("type" or "json_schema")) throw Unknown($"{field.Name}.{part.Name}");
        string type = Required(field, "type").Text();
        return type switch
        {
            "text" => null,
            "json_object" => ConstraintSource.JsonObject(field.Name),
            "json_schema" => ReadSchema(Required(field, "json_schema")),
            _ => throw ApiException.Invalid($"{field.Name}.type", $"{field.Name}.type is '{Field.Shortened(type)}'; it must be text, json_object or json_schema."),
        };
    }

    public static ConstraintSource ReadGrammar(Field field) => new(ConstraintKind.Grammar, field.Text(), field.Name);

    private static ConstraintSource ReadSchema(Field field)
    {
        foreach (Field part in field.Properties())
            if (part.Name is not ("name" or "description" or "schema" or "strict")) throw Unknown($"{field.Name}.{part.Name}");
        Field schema = Required(field, "schema");
        return new(ConstraintKind.JsonSchema, schema.Value.GetRawText(), schema.Name, ReadStrictness(field));
    }

    /// <summary>As at OpenAI, a schema is kept to strictly only where that is asked for.</summary>
    /// <param name="field">The object that has a field strict.</param>
    public static SchemaStrictness ReadStrictness(Field field) => field.Property("strict")?.Flag() == true ? SchemaStrictness.Strict : SchemaStrictness.BestEffort;

    private static Field Required(Field field, string name) => field.Property(name) ?? throw ApiException.Invalid($"{field.Name}.{name}", $"{field.Name}.{name} is missing.", "missing_required_parameter");

    private static ApiException Unknown(string name) => new(400, $"Unrecognized request argument supplied: {Field.Shortened(name)}") { Param = Field.Shortened(name), Code = "unknown_parameter" };
}
