using System.Text;

namespace Coppice.Tests.Templates;

public sealed class JinjaTests
{
    [Fact]
    public void Every_template_prints_what_jinja_prints_and_fails_where_jinja_fails()
    {
        StringBuilder wrong = new();
        int count = 0;
        foreach ((string template, string? expected) in JinjaCases.All)
        {
            count++;
            string? actual;
            string? error = null;
            try
            {
                actual = ChatTemplate.Parse(template).Render(JinjaCases.Variables(), JinjaCases.Now);
            }
            catch (ChatTemplateException e)
            {
                (actual, error) = (null, e.Message);
            }
            if (actual != expected) wrong.AppendLine($"{template}\n  jinja: {expected ?? "(error)"}\n  here:  {actual ?? $"({error})"}");
        }
        Assert.True(count > 250, $"only {count} cases");
        Assert.True(wrong.Length == 0, wrong.ToString());
    }

    [Theory]
    [InlineData("{{ (10**25) | float }}", "1e+25")]
    [InlineData("{{ (-10**25) / 1 }}", "-1e+25")]
    [InlineData("{{ '%.3f' % (10**25) }}", "10000000000000000905969664.000")]
    [InlineData("{{ (2**64 + 2**11 + 1) | float }}", "1.8446744073709556e+19")]
    [InlineData("{{ [{}] | map(attribute='a.b', default='-') | list }}", "['-']")]
    [InlineData("{{ [{'a': {'b': 1}}, {'a': {}}] | map(attribute='a.b', default='-') | list }}", "[1, '-']")]
    public void Large_whole_numbers_round_to_the_nearest_float_and_defaults_hold_at_each_step(string template, string text) =>
        Assert.Equal(text, ChatTemplate.Parse(template).Render(new ChatTemplateInput { Messages = [] }));
}
