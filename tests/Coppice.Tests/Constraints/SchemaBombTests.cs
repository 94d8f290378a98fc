using Coppice.Constraints;
using Coppice.Constraints.Schemas;

namespace Coppice.Tests.Constraints;

/// <summary>Schemas that grow while they are built: all end within the budget, by counts and not by the clock.</summary>
public sealed class SchemaBombTests
{
    private static string Many(int count, Func<int, string> part) => string.Join(',', Enumerable.Range(0, count).Select(part));

    private static string Nested(int count, string keyword, string inner) => string.Concat(Enumerable.Repeat($"{{\"{keyword}\":", count)) + inner + new string('}', count);

    /// <summary>The schema, and what the refusal says; nothing where it is taken.</summary>
    public static TheoryData<string, string, string> Bombs => new()
    {
        { "a list beside 9,900 schemas that say nothing", $"{{\"enum\":[{Many(8000, i => $"{i}")}],\"anyOf\":[{Many(9900, _ => "{}")}]}}", "" },
        { "a list beside 9,000 lengths", $"{{\"enum\":[{Many(8000, i => $"{i}")}],\"anyOf\":[{Many(9000, i => $"{{\"minLength\":{i}}}")}]}}", "" },
        { "12,000 properties beside 4,000 parts", $"{{\"properties\":{{{Many(12_000, i => $"\"p{i}\":{{}}")}}},\"allOf\":[{Many(4000, _ => "{\"required\":[]}")}]}}", "" },
        { "9,900 equal lists", $"{{\"allOf\":[{Many(9900, _ => "{\"enum\":[1]}")}]}}", "" },
        { "9,000 lists", $"{{\"allOf\":[{Many(9000, i => $"{{\"enum\":[1,{i}]}}")}]}}", "" },
        { "alternatives of properties, multiplied", $"{{\"allOf\":[{Many(40, i => $"{{\"anyOf\":[{{\"required\":[\"a{i}\"]}},{{\"required\":[\"b{i}\"]}}]}}")}]}}", "alternatives" },
        { "alternatives of lengths, multiplied", $"{{\"allOf\":[{Many(20, _ => "{\"anyOf\":[{\"minLength\":1},{\"maxLength\":9}]}")}]}}", "" },
        { "exactly one of 400 that a const tells apart", $"{{\"oneOf\":[{Many(400, i => $"{{\"type\":\"object\",\"properties\":{{\"kind\":{{\"const\":\"k{i}\"}},\"v\":{{\"type\":\"string\"}}}},\"required\":[\"kind\",\"v\"]}}")}]}}", "" },
        { "exactly one of 400 that nothing tells apart", $"{{\"oneOf\":[{Many(400, i => $"{{\"type\":\"object\",\"required\":[\"p{i}\"]}}")}]}}", "constraint takes more" },
        { "exactly one of 4,000 consts", $"{{\"oneOf\":[{Many(4000, i => $"{{\"const\":\"k{i}\"}}")}]}}", "constraint takes more" },
        { "a chain of 6,000 references", $"{{\"$ref\":\"#/$defs/a0\",\"$defs\":{{{Many(6000, i => $"\"a{i}\":{{\"$ref\":\"#/$defs/a{i + 1}\"}}")},\"a6000\":{{}}}}}}", "nest deeper" },
        { "references that double", $"{{\"$ref\":\"#/$defs/a0\",\"$defs\":{{{Many(90, i => $"\"a{i}\":{{\"allOf\":[{{\"$ref\":\"#/$defs/a{i + 1}\"}},{{\"allOf\":[{{\"$ref\":\"#/$defs/a{i + 1}\"}}]}}]}}")},\"a90\":{{}}}}}}", "nest deeper" },
        { "25,000 required names", $"{{\"required\":[{Many(25_000, i => $"\"r{i}\"")}]}}", "constraint takes more" },
        { "not all of 25,000 names", $"{{\"type\":\"object\",\"not\":{{\"required\":[{Many(25_000, i => $"\"r{i}\"")}]}}}}", "constraint takes more" },
        { "200 combinations ruled out", $"{{\"type\":\"object\",\"allOf\":[{Many(200, i => $"{{\"not\":{{\"properties\":{{\"a\":{{\"const\":{i}}},\"b\":{{\"const\":{i}}}}},\"required\":[\"a\",\"b\"]}}}}")}]}}", "constraint takes more" },
        { "60 conditions", $"{{\"type\":\"object\",\"allOf\":[{Many(60, i => $"{{\"if\":{{\"properties\":{{\"a{i}\":{{\"const\":1}}}}}},\"then\":{{\"required\":[\"b{i}\"]}}}}")}]}}", "constraint takes more" },
        { "3,000 patterns of names", $"{{\"type\":\"object\",\"patternProperties\":{{{Many(3000, i => $"\"^x{i}\":{{\"minimum\":{i}}}")}}}}}", "constraint takes more" },
        { "9,000 names that others must not take", $"{{\"type\":\"object\",\"additionalProperties\":true,\"properties\":{{{Many(9000, i => $"\"prop{i * 7919}\":{{}}")}}}}}", "constraint takes more" },
        { "40 items that must be among the rest", $"{{\"type\":\"array\",\"allOf\":[{Many(40, i => $"{{\"contains\":{{\"const\":{i}}}}}")}]}}", "constraint takes more" },
        { "counts multiplied", $"{{\"type\":\"array\",\"allOf\":[{Many(4, i => $"{{\"contains\":{{\"const\":{i}}},\"minContains\":90,\"maxContains\":99}}")}]}}", "constraint takes more" },
        { "5,000 unique items", $"{{\"type\":\"array\",\"items\":{{\"enum\":[{Many(5000, i => $"{i}")}]}},\"uniqueItems\":true}}", "" },
        { "300 of 500 unique items", $"{{\"type\":\"array\",\"items\":{{\"enum\":[{Many(500, i => $"{i}")}]}},\"uniqueItems\":true,\"minItems\":300}}", "constraint takes more" },
        { "many properties counted", $"{{\"type\":\"object\",\"properties\":{{{Many(900, i => $"\"p{i}\":{{}}")}}},\"minProperties\":300,\"maxProperties\":500}}", "constraint takes more" },
        { "60 dependencies", $"{{\"type\":\"object\",\"dependentRequired\":{{{Many(60, i => $"\"a{i}\":[\"b{i}\"]")}}}}}", "alternatives" },
        { "multiples of many primes", $"{{\"type\":\"integer\",\"allOf\":[{string.Join(',', new[] { 2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37 }.Select(p => $"{{\"multipleOf\":{p}}}"))}]}}", "constraint takes more" },
        { "8,000 numbers ruled out", $"{{\"type\":\"number\",\"not\":{{\"enum\":[{Many(8000, i => $"{i * 7919}.37")}]}}}}", "" },
        { "2,000 intervals", $"{{\"anyOf\":[{Many(2000, i => $"{{\"type\":\"number\",\"minimum\":{i * 10}.5,\"maximum\":{(i * 10) + 3}}}")}]}}", "constraint takes more" },
        { "a number of 100,000 digits", $"{{\"type\":\"integer\",\"maximum\":{new string('9', 100_000)}}}", "" },
        { "an exponent beyond all", "{\"enum\":[1e400,1E999999999999999999999],\"minimum\":-1e400}", "" },
        { "5,000 objects listed", $"{{\"enum\":[{Many(5000, i => $"{{\"a\":{i},\"b\":[{i}]}}")}]}}", "alternatives" },
        { "objects ruled out", $"{{\"type\":\"object\",\"not\":{{\"enum\":[{Many(30, i => $"{{\"a\":{i},\"b\":{i}}}")}]}}}}", "alternatives" },
        { "not in not, 95 deep", Nested(95, "not", "{\"type\":\"string\"}"), "" },
        { "not in not, 250 deep", Nested(250, "not", "{}"), "depth" },
        { "combinations of alternatives for unevaluatedProperties", $"{{\"type\":\"object\",\"anyOf\":[{Many(8, i => $"{{\"properties\":{{\"p{i}\":{{}}}}}}")}],\"allOf\":[{{\"anyOf\":[{Many(8, i => $"{{\"properties\":{{\"q{i}\":{{}}}}}}")}]}}],\"unevaluatedProperties\":false}}", "alternatives" },
        { "not exactly one of 60,000 that say nothing", $"{{\"not\":{{\"oneOf\":[{Many(60_000, _ => "{}")}]}}}}", "constraint takes more" },
        { "not exactly one of 8,000 bounds", $"{{\"not\":{{\"oneOf\":[{Many(8000, i => $"{{\"minimum\":{i}}}")}]}}}}", "constraint takes more" },
        { "not exactly one of 6,000 required names", $"{{\"not\":{{\"oneOf\":[{Many(6000, i => $"{{\"required\":[\"p{i}\"]}}")}]}}}}", "alternatives" },
        { "not one of 11,000 first items", $"{{\"not\":{{\"prefixItems\":[{Many(11_000, _ => "{\"type\":\"integer\"}")}]}}}}", "constraint takes more" },
        { "a list beside exactly one of 4,000 bounds", $"{{\"enum\":[{Many(8000, i => $"{i}")}],\"oneOf\":[{Many(4000, i => $"{{\"minimum\":{i}}}")}]}}", "constraint takes more" },
        { "a goal that grows with each level", "{\"$ref\":\"#/$defs/t\",\"$defs\":{\"t\":{\"properties\":{\"x\":{\"allOf\":[{\"$ref\":\"#/$defs/t\"},{\"properties\":{\"x\":{\"properties\":{\"x\":{\"minLength\":1}}}}}]}}}}}", "" },
    };

    [Theory, MemberData(nameof(Bombs))]
    public void Schemas_that_grow_end_within_the_budget(string what, string schema, string says)
    {
        BuildBudget budget = new() { MaxTime = Timeout.InfiniteTimeSpan };
        string refusal = "";
        try
        {
            AutomatonBuilder.Build(SchemaReader.Read(schema, SchemaStrictness.Strict, budget).Rules, budget);
        }
        catch (InvalidRequestException refused)
        {
            refusal = refused.Message;
        }
        Assert.True(says.Length == 0 ? refusal.Length == 0 : refusal.Contains(says, StringComparison.Ordinal), $"{what}: {refusal}");
        Assert.InRange(budget.NodesUsed, 0, ConstraintLimits.Nodes + 100_000);
    }

    [Fact]
    public void Building_ends_when_it_is_cancelled()
    {
        using CancellationTokenSource gone = new();
        gone.Cancel();
        string schema = $"{{\"oneOf\":[{Many(300, i => $"{{\"type\":\"object\",\"required\":[\"p{i}\"]}}")}]}}";
        Assert.Throws<OperationCanceledException>(() => OutputConstraint.JsonSchema(schema, cancellation: gone.Token));
    }
}
