using Coppice.Loading;

namespace Coppice.Tokens;

/// <summary>Reads the post_processor of a tokenizer.json: which tokens go before and after a single text.</summary>
internal static class JsonPostProcessor
{
    private const int MostItems = 64, MostTokens = 1024;

    public static (List<int> Before, List<int> After) Read(JsonField field, Vocabulary vocabulary)
    {
        List<int> before = [], after = [];
        Read(field, vocabulary, before, after);
        return (before, after);
    }

    private static void Read(JsonField field, Vocabulary vocabulary, List<int> before, List<int> after)
    {
        if (field.IsNull) return;
        string kind = field.Required("type").String();
        switch (kind)
        {
            case "ByteLevel":   // moves offsets only
                break;
            case "Sequence":
                foreach (JsonField step in field.Required("processors").Items()) Read(step, vocabulary, before, after);
                break;
            case "TemplateProcessing":
                ReadTemplate(field, vocabulary, before, after);
                break;
            default:
                throw field.Required("type").Unsupported(kind, "TemplateProcessing, ByteLevel, Sequence");
        }
    }

    private static void ReadTemplate(JsonField field, Vocabulary vocabulary, List<int> before, List<int> after)
    {
        bool textSeen = false;
        JsonField single = field.Required("single"), specialTokens = field.Optional("special_tokens");
        if (single.Count > MostItems) throw single.Wrong($"a template of at most {MostItems} items");
        foreach (JsonField item in single.Items())
        {
            JsonField special = item.Optional("SpecialToken");
            if (special.IsNull)
            {
                if (item.Required("Sequence").Required("id").String() != "A" || textSeen) throw item.Wrong("a SpecialToken, or once the Sequence A");
                textSeen = true;
                continue;
            }
            string name = special.Required("id").String();
            foreach (JsonField id in specialTokens.Required(name).Required("ids").Items())
            {
                if (before.Count + after.Count == MostTokens) throw id.Wrong($"one of at most {MostTokens} tokens around a text");
                if (!vocabulary.Ids.Has(id.Int())) throw id.Wrong($"a token below {vocabulary.Count}");
                (textSeen ? after : before).Add(id.Int());
            }
        }
        if (!textSeen) throw single.Wrong("a template with the Sequence A in it");
    }
}
