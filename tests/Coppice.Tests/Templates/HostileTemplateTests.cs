using System.Diagnostics;
using System.Text;
using FsCheck;
using FsCheck.Fluent;

namespace Coppice.Tests.Templates;

public sealed class HostileTemplateTests
{
    private static readonly ChatTemplateLimits s_small = new() { Steps = 200_000, OutputCharacters = 100_000, Depth = 300, Time = TimeSpan.FromSeconds(2) };

    [Theory]
    [InlineData("{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}", "steps")]
    [InlineData("{% for a in range(100000) %}xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx{% endfor %}", "steps")]
    [InlineData("{% set ns = namespace(s='x') %}{% for a in range(40) %}{% set ns.s = ns.s + ns.s %}{% endfor %}", "longer than")]
    [InlineData("{% set ns = namespace(s=[1]) %}{% for a in range(100000) %}{% set ns.s = ns.s + ns.s %}{% endfor %}", "steps")]
    [InlineData("{% set ns = namespace(s=[]) %}{% for a in range(1000) %}{% set ns.s = [ns.s] %}{% endfor %}{{ ns.s }}", "nests")]
    [InlineData("{% set ns = namespace(s=[], t=[]) %}{% for a in range(1000) %}{% set ns.s = [ns.s] %}{% set ns.t = [ns.t] %}{% endfor %}{{ ns.s == ns.t }}", "nests")]
    [InlineData("{% set ns = namespace(s=[]) %}{% for a in range(1000) %}{% set ns.s = [ns.s] %}{% endfor %}{{ ns.s | tojson }}", "nests")]
    [InlineData("{% set ns = namespace() %}{% set ns.ns = ns %}{{ ns }}", "nests")]
    [InlineData("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "nests")]
    [InlineData("{% macro a() %}{% call a() %}{% endcall %}{{ caller }}{% endmacro %}{{ a() }}", "nests")]
    [InlineData("{{ 'x' * 1000000000 }}", "longer than")]
    [InlineData("{{ [1] * 1000000000 }}", "steps")]
    [InlineData("{{ 'x'.ljust(1000000000) }}", "longer than")]
    [InlineData("{{ '%999999999d' % 1 }}", "longer than")]
    [InlineData("{{ 'ab'.replace('', 'y' * 60000) }}", "longer than")]
    [InlineData("{{ (['x' * 50000] * 10) | join('y') }}", "longer than")]
    [InlineData("{{ 2 ** 99999 }}", "bits")]
    [InlineData("{{ 2 ** (2 ** 40) }}", "bits")]
    [InlineData("{{ (10 ** 4000) ** 4000 }}", "bits")]
    [InlineData("{% set ns = namespace(s=3) %}{% for a in range(40) %}{% set ns.s = ns.s * ns.s %}{% endfor %}", "steps")]
    [InlineData("{{ 2 ** 60000 }}", "digits")]
    [InlineData("{{ '%d' % (2 ** 60000) }}", "digits")]
    [InlineData("{{ [2 ** 60000] | tojson }}", "digits")]
    [InlineData("{{ '{:>1000000000}'.format(1) }}", "longer than")]
    [InlineData("{{ '{:>{}}'.format(1, 1000000000) }}", "longer than")]
    [InlineData("{{ '{:>99999999999}'.format(1) }}", "wide")]
    [InlineData("{{ '{:.1000000000f}'.format(1.5) }}", "decimals")]
    [InlineData("{{ '{:01000000000,}'.format(1) }}", "longer than")]
    [InlineData("{{ '%.1000000000f' % 1.5 }}", "decimals")]
    [InlineData("{{ '%*d' % (1000000000, 1) }}", "longer than")]
    [InlineData("{{ 'x' | center(1000000000) }}", "longer than")]
    [InlineData("{{ 'x'.zfill(1000000000) }}", "longer than")]
    [InlineData("{{ '\t'.expandtabs(1000000000) }}", "longer than")]
    [InlineData("{{ 'a\nb' | indent(1000000000) }}", "longer than")]
    [InlineData("{{ [[1]] | tojson(indent=1000000000) }}", "longer than")]
    [InlineData("{{ ('a ' * 9000) | wordwrap(1, wrapstring='y' * 9000) }}", "longer than")]
    [InlineData("{{ ('x' * 5000) | replace('x', 'y' * 5000) }}", "longer than")]
    [InlineData("{{ ('&' * 90000) | e }}", "longer than")]
    [InlineData("{{ ('a' * 90000) in ('a' * 45000 + 'b' + 'a' * 50000) }}", "steps")]
    [InlineData("{{ ('a' * 90000).split('a' * 45000 + 'b') }}", "steps")]
    [InlineData("{{ ('a' * 90000).strip('b' * 90000) }}", "steps")]
    [InlineData("{% set t = 'a' * 99999 %}{% for i in range(99999) %}{% if t == t ~ '' %}{% endif %}{% endfor %}", "steps")]
    [InlineData("{% for x in [1] recursive %}{{ loop([x]) }}{% endfor %}", "nests")]
    [InlineData("{% set ns = namespace(s=[]) %}{% for a in range(100000) %}{% set ns.s = [{}, ns.s] %}{% endfor %}", "steps")]
    [InlineData("{% macro m(x) %}{% call(y) m(x) %}{{ caller }}{% endcall %}{% endmacro %}{{ m(1) }}", "nests")]
    [InlineData("{{ range(1000000000) }}", "range")]
    [InlineData("{{ [1] | slice(1000000000) | list }}", "steps")]
    [InlineData("{{ [1] | batch(1000000000, 'x') | list }}", "steps")]
    [InlineData("{{ 'a'.__class__.__mro__ }}", "__class__")]
    [InlineData("{{ messages.__init__.__globals__ }}", "__init__")]
    [InlineData("{{ namespace.__globals__.os }}", "__globals__")]
    [InlineData("{{ ''['__class__']['__base__'] }}", "__class__")]
    [InlineData("{{ '{0.__class__.__base__}'.format(1) }}", "__class__")]
    [InlineData("{{ '{0[__class__].x}'.format('') }}", "__class__")]
    [InlineData("{{ messages | attr('__class__') | attr('x') }}", "__class__")]
    [InlineData("{{ messages | map(attribute='__class__.__base__') | list }}", "__class__")]
    [InlineData("{% include '/etc/passwd' %}", "include")]
    [InlineData("{{ messages.append(1) }}", "changes a list")]
    public void A_template_that_asks_for_too_much_is_stopped(string template, string named)
    {
        ChatTemplateException error = Assert.Throws<ChatTemplateException>(() => ChatTemplate.Parse(template, s_small).Render(new ChatTemplateInput { Messages = [new("user", "q")] }));
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{{ ", "(", "1", ")", " }}")]
    [InlineData("{{ ", "[", "1", "]", " }}")]
    [InlineData("{{ ", "not ", "1", "", " }}")]
    [InlineData("{{ ", "-", "1", "", "}}")]
    [InlineData("{{ ", "{1:", "1", "}", " }}")]
    [InlineData("{{ ", "a[", "1", "]", " }}")]
    [InlineData("{{ ", "f(", "1", ")", " }}")]
    [InlineData("{{ ", "1 if 1 else ", "1", "", " }}")]
    [InlineData("", "{% if 1 %}", "", "{% endif %}", "")]
    [InlineData("", "{% for a in b %}", "", "{% endfor %}", "")]
    [InlineData("{% set ", "(", "a", ")", " = 1 %}")]
    public void Nesting_without_end_is_refused_when_it_is_read(string begin, string open, string middle, string close, string end)
    {
        string Nested(int levels) => begin + string.Concat(Enumerable.Repeat(open, levels)) + middle + string.Concat(Enumerable.Repeat(close, levels)) + end;
        Assert.NotNull(ChatTemplate.Parse(Nested(20)));
        Assert.Contains("nests", Assert.Throws<ChatTemplateException>(() => ChatTemplate.Parse(Nested(20_000))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{{ 1", " + 1", " }}", "50001")]
    [InlineData("{{ 1", " and 1", " }}", "1")]
    [InlineData("{{ ''", "''", " }}", "")]
    [InlineData("{% if 0 %}", "{% elif 0 %}", "{% endif %}", "")]
    public void Long_is_not_deep(string begin, string repeated, string end, string printed) =>
        Assert.Equal(printed, ChatTemplate.Parse(begin + string.Concat(Enumerable.Repeat(repeated, 50_000)) + end).Render(new ChatTemplateInput { Messages = [] }));

    [Fact]
    public void A_chain_of_subscripts_without_end_is_stopped() =>
        Assert.Throws<ChatTemplateException>(() => ChatTemplate.Parse("{{ messages" + string.Concat(Enumerable.Repeat("[0]", 50_000)) + " }}").Render(new ChatTemplateInput { Messages = [] }));

    // A million of each, with a limit that lets the template in: it renders or is refused, and no stack overflows.
    [Theory]
    [InlineData("{{ ", "(", "1", ")", " }}")]
    [InlineData("{{ ", "[", "1", "]", " }}")]
    [InlineData("{{ ", "{1:", "1", "}", " }}")]
    [InlineData("{{ ", "(", "", "", "")]
    [InlineData("{{ ", "not ", "1", "", " }}")]
    [InlineData("{{ ", "- ", "1", "", " }}")]
    [InlineData("{{ ", "a[", "1", "]", " }}")]
    [InlineData("{{ ", "f(", "1", ")", " }}")]
    [InlineData("{{ ", "1 if 1 else ", "1", "", " }}")]
    [InlineData("{{ 1", " if 1 else 1", "", "", " }}")]
    [InlineData("{{ messages", ".a", "", "", " }}")]
    [InlineData("{{ messages", "[0]", "", "", " }}")]
    [InlineData("{{ messages", "[:]", "", "", " }}")]
    [InlineData("{{ messages", "()", "", "", " }}")]
    [InlineData("{{ 1", "|abs", "", "", " }}")]
    [InlineData("{{ 1", " is odd", "", "", " }}")]
    [InlineData("{{ 1", " + 1", "", "", " }}")]
    [InlineData("{{ 1", " ** 1", "", "", " }}")]
    [InlineData("{{ 1", " ~ 1", "", "", " }}")]
    [InlineData("{{ 1", " == 1", "", "", " }}")]
    [InlineData("{{ 1", " and 1", "", "", " }}")]
    [InlineData("{{ 1", ", 1", "", "", " }}")]
    [InlineData("{{ [1", ", 1", "", "", "] }}")]
    [InlineData("{{ dict(a=1", ", a=1", "", "", ") }}")]
    [InlineData("{{ '", "\\n", "", "", "' }}")]
    [InlineData("{{ ''", " ''", "", "", " }}")]
    [InlineData("{{ 1", "0", "", "", " }}")]
    [InlineData("{{ a", "a", "", "", " }}")]
    [InlineData("", "{{ 1 }}", "", "", "")]
    [InlineData("", "{# x #}", "", "", "")]
    [InlineData("", "{% raw %}", "", "{% endraw %}", "")]
    [InlineData("", "{% if 1 %}", "", "{% endif %}", "")]
    [InlineData("", "{% if 1 %}", "", "", "")]
    [InlineData("{% if 0 %}", "{% elif 0 %}", "", "", "{% endif %}")]
    [InlineData("", "{% for a in b %}", "", "{% endfor %}", "")]
    [InlineData("", "{% for a in b recursive %}", "", "{% endfor %}", "")]
    [InlineData("", "{% set a %}", "", "{% endset %}", "")]
    [InlineData("", "{% filter upper %}", "", "{% endfilter %}", "")]
    [InlineData("", "{% macro a() %}", "", "{% endmacro %}", "")]
    [InlineData("", "{% call a() %}", "", "{% endcall %}", "")]
    [InlineData("", "{% with %}", "", "{% endwith %}", "")]
    [InlineData("{% set ", "(", "a", ")", " = 1 %}")]
    [InlineData("{% set a", ", a", "", "", " = 1 %}")]
    [InlineData("{% macro m(a", ", a", "", "", ") %}{% endmacro %}")]
    [InlineData("{% set a = 1 %}", "{%- set a = [a] -%}", "", "", "{{ a }}")]
    [InlineData("{% filter upper", "|upper", "", "", " %}{% endfilter %}")]
    [InlineData("{{ '", "{", "", "}", "'.format(1) }}")]
    [InlineData("{{ '", "%(", "", ")", "' % {} }}")]
    public void A_million_of_anything_overflows_no_stack(string begin, string open, string middle, string close, string end)
    {
        ChatTemplateLimits limits = new() { TemplateCharacters = 1 << 26, Steps = 20_000_000, Time = TimeSpan.FromSeconds(60) };
        string template = new StringBuilder(begin).Insert(begin.Length, open, 1_000_000).Append(middle).Insert(begin.Length + open.Length * 1_000_000 + middle.Length, close, 1_000_000).Append(end).ToString();
        try
        {
            ChatTemplate.Parse(template, limits).Render(new Dictionary<string, object?>(StringComparer.Ordinal) { ["messages"] = Coppice.Templates.Sequence.List([]) }, JinjaCases.Now);
        }
        catch (ChatTemplateException)
        {
            // Refused, as it may be.
        }
    }

    [Fact]
    public void A_message_that_nests_without_end_is_refused()
    {
        string nested = new string('[', 100_000) + new string(']', 100_000);
        using System.Text.Json.JsonDocument json = System.Text.Json.JsonDocument.Parse($$"""{"role": "user", "content": {{nested}}}""", new System.Text.Json.JsonDocumentOptions { MaxDepth = int.MaxValue });
        Assert.Contains("nests", Assert.Throws<InvalidRequestException>(() => ChatMessage.FromJson(json.RootElement)).Message, StringComparison.Ordinal);
        ChatTemplateInput input = new() { Messages = [new("user", "q")], Tools = json.RootElement.GetProperty("content") };
        Assert.Contains("nests", Assert.Throws<InvalidRequestException>(() => ChatTemplate.Parse("{{ tools | tojson }}").Render(input)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_rendering_ends_when_it_is_cancelled()
    {
        ChatTemplate template = ChatTemplate.Parse("{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}", new ChatTemplateLimits { Steps = long.MaxValue / 4, Time = TimeSpan.FromMinutes(5) });
        using CancellationTokenSource cancellation = new(TimeSpan.FromMilliseconds(50));
        Assert.Throws<OperationCanceledException>(() => template.Render(new ChatTemplateInput { Messages = [] }, cancellation.Token));
    }

    [Fact]
    public void A_template_that_is_too_long_is_refused() => Assert.Throws<ChatTemplateException>(() => ChatTemplate.Parse(new string('x', (1 << 20) + 1)));

    [Fact]
    public void Time_runs_out()
    {
        ChatTemplateLimits limits = new() { Steps = long.MaxValue / 4, Time = TimeSpan.FromMilliseconds(100) };
        ChatTemplate template = ChatTemplate.Parse("{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}", limits);
        long started = Stopwatch.GetTimestamp();
        Assert.Contains("longer than 0.1 s", Assert.Throws<ChatTemplateException>(() => template.Render(new ChatTemplateInput { Messages = [] })).Message, StringComparison.Ordinal);
        Assert.True(Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(5));
    }

    [Fact]
    public void However_a_template_is_mutated_it_renders_or_is_refused_within_bounds()
    {
        string[] templates = [.. JinjaCases.All.Select(c => c.Template)];
        string[] parts =
        [
            "{{", "}}", "{%", "%}", "{#", "#}", "-", "+", "|", ".", "[", "]", "(", ")", "{", "}", ":", ",", "'", "\"", "\\", "~", "*", "**", "//", "%", "=", "==", "\n", " ", "0", "-1", "99999", "1e308",
            "not ", " is ", " in ", " if ", " else ", "none", "messages", "mapping", "numbers", "loop", "namespace(a=1)", "range(9)", "caller()", "varargs", "x", "|tojson", "|list", "|join", "|sort", "|map('", "|batch(",
            "{% for x in words %}", "{% endfor %}", "{% if yes %}", "{% endif %}", "{% set x = ", "{% macro m(x) %}", "{% endmacro %}", "{{ m(", "{% raw %}", "{% endraw %}", "😀", "\ud800", "\0",
        ];
        Prop.ForAll(ArbMap.Default.ArbFor<int>().Generator.Resize(int.MaxValue / 2).ToArbitrary(), seed =>
        {
            Random random = new(seed);
            string template = templates[random.Next(templates.Length)];
            for (int i = random.Next(1, 6); i > 0; i--)
            {
                int at = random.Next(template.Length + 1), cut = random.Next(3) > 0 ? 0 : random.Next(Math.Min(8, template.Length - at + 1));
                string added = random.Next(8) switch
                {
                    0 => "",
                    1 => templates[random.Next(templates.Length)],
                    _ => parts[random.Next(parts.Length)],
                };
                template = template[..at] + added + template[(at + cut)..];
            }
            long started = Stopwatch.GetTimestamp();
            try
            {
                ChatTemplate.Parse(template, s_small).Render(JinjaCases.Variables(), JinjaCases.Now);
            }
            catch (ChatTemplateException)
            {
                // Refused, as it should be.
            }
            Assert.True(Stopwatch.GetElapsedTime(started) < TimeSpan.FromSeconds(10), template);
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(6000).WithReplay(20251121, 7));
    }
}
