using System.Text.Json;

namespace Coppice.Constraints.Schemas;

/// <summary>Numbers: bounds, multiples, whole ones and lists.</summary>
internal sealed class NumberWalk(SchemaTable table) : SchemaWalk<NumberSet>(table)
{
    protected override NumberSet All => NumberSet.All;

    protected override NumberSet None => NumberSet.None;

    protected override bool Has(string type) => false;

    protected override NumberSet OfPart(HashSet<string> names, bool wanted)
    {
        if (names.Contains("number")) return wanted ? All : None;
        if (!names.Contains("integer")) return wanted ? None : All;
        return wanted ? NumberSet.Integers : NumberSet.Integers.Complement(Budget);
    }

    protected override NumberSet And(NumberSet a, NumberSet b) => a.And(b, Budget);

    protected override NumberSet Or(NumberSet a, NumberSet b) => a.Or(b, Budget);

    protected override bool IsNone(NumberSet set) => set.List is { Count: 0 };

    protected override bool AreApart(NumberSet a, NumberSet b) => !a.Overlaps(b);

    protected override NumberSet Values(IReadOnlyList<SchemaPart> values, bool wanted)
    {
        Dictionary<string, string> list = new(StringComparer.Ordinal);
        foreach (SchemaPart value in values)
        {
            Budget.Steps(4);
            if (value.Value.ValueKind != JsonValueKind.Number) continue;
            string text = value.Value.GetRawText();
            Budget.Steps(text.Length);
            Budget.Bytes(160 + (4L * text.Length));
            list.TryAdd(Decimal10.Parse(text).Plain, text);
        }
        NumberSet set = NumberSet.Listed(list);
        return wanted ? set : set.Complement(Budget);
    }

    protected override NumberSet Assertions(Schema schema, bool wanted)
    {
        NumberSet set = wanted ? All : None;
        if (schema["minimum"] is SchemaPart least && Bound(least, IsTrue(schema["exclusiveMinimum"])) is NumberBound from) Add(NumberSet.Above(from));
        if (schema["exclusiveMinimum"] is SchemaPart above && !IsFlag(above) && Bound(above, isOpen: true) is NumberBound after) Add(NumberSet.Above(after));
        if (schema["maximum"] is SchemaPart most && Bound(most, IsTrue(schema["exclusiveMaximum"])) is NumberBound to) Add(NumberSet.Below(to));
        if (schema["exclusiveMaximum"] is SchemaPart below && !IsFlag(below) && Bound(below, isOpen: true) is NumberBound before) Add(NumberSet.Below(before));
        if (schema["multipleOf"] is SchemaPart step && Step(step) is NumberStep multiple) Add(NumberSet.Multiples(multiple));
        return set;

        void Add(NumberSet one) => set = wanted ? And(set, one) : Or(set, one.Complement(Budget));
    }

    /// <summary>Draft 4, and with it OpenAPI 3.0, writes exclusive bounds as true beside the bound.</summary>
    private static bool IsFlag(SchemaPart part) => part.Value.ValueKind is JsonValueKind.True or JsonValueKind.False;

    private static bool IsTrue(SchemaPart? part) => part?.Value.ValueKind == JsonValueKind.True;

    /// <summary>A bound; null if it is left out.</summary>
    private NumberBound? Bound(SchemaPart part, bool isOpen)
    {
        if (part.Value.ValueKind != JsonValueKind.Number) throw part.Wrong("a number");
        string text = part.Value.GetRawText();
        Budget.Steps(text.Length);
        Decimal10 bound = Decimal10.Parse(text);
        if (bound.Decimals < NumberLanguage.Digits) return new NumberBound(bound, isOpen);
        Table.LeaveOut(part, $"the bound {part.Shortened()} has more than {NumberLanguage.Digits - 1} digits after the point");
        return null;
    }

    private NumberStep? Step(SchemaPart part)
    {
        if (part.Value.ValueKind != JsonValueKind.Number || Decimal10.Parse(part.Value.GetRawText()) is not { IsZero: false, IsNegative: false } step) throw part.Wrong("a number above 0");
        if (step.WholeDigits <= 9 && step.Decimals < NumberLanguage.Digits && long.Parse(step.Whole + step.Fraction, System.Globalization.CultureInfo.InvariantCulture) is var digits && digits * (step.Decimals == 0 ? 1 : step.Decimals + 2) <= NumberLanguage.MaxStep)
            return new NumberStep((int)digits, (int)step.Decimals);
        Table.LeaveOut(part, $"multiples of {part.Shortened()} take more than {NumberLanguage.MaxStep} states to tell");
        return null;
    }
}
