using System.Text.Json;
using Coppice.Constraints;

namespace Coppice.Tests.Constraints;

/// <summary>What constraints let through, validated by JsonSchema.Net, which others wrote.</summary>
public sealed class SchemaOracleTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(1001)]
    [InlineData(2001)]
    public void What_is_drawn_from_random_schemas_validates(int seed)
    {
        const int Schemas = 250;
        int taken = 0, contradictory = 0, drawn = 0, ended = 0;
        for (int i = 0; i < Schemas; i++)
        {
            Random random = new(seed + i);
            string schema = RandomSchema.Make(random);
            OutputConstraint constraint;
            try
            {
                constraint = OutputConstraint.JsonSchema(schema);
            }
            catch (InvalidRequestException refused)
            {
                if (refused.Message.Contains("no value fits", StringComparison.Ordinal) || refused.Message.Contains("fits no text", StringComparison.Ordinal)) contradictory++;
                continue;
            }
            taken++;
            TokenAutomaton automaton = Walk.Over(constraint, Walk.Bytes);
            for (int j = 0; j < 4; j++, drawn++)
            {
                if (Walk.Draw(automaton, Walk.Bytes, random, 200) is not string answer) continue;
                ended++;
                using JsonDocument value = JsonDocument.Parse(answer);
                Assert.True(SchemaOracle.Accepts(schema, value.RootElement), $"seed {seed + i}: {schema}\n{answer}");
            }
        }
        Assert.True(taken + contradictory > Schemas * 95 / 100, $"{taken} of {Schemas} taken, {contradictory} contradict themselves");
        Assert.True(taken > Schemas / 2, $"{taken} of {Schemas} taken");
        Assert.True(ended > drawn * 9 / 10, $"{ended} of {drawn} ended");
    }
}
