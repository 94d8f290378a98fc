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
}
