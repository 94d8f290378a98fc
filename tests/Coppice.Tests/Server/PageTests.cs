using System.Text.Json;
using System.Text.RegularExpressions;
using Coppice.Server;
using Microsoft.Playwright;
using static Microsoft.Playwright.Assertions;

namespace Coppice.Tests.Server;

public sealed class PageTests(ServerFixture server, Browser browser) : IClassFixture<ServerFixture>, IClassFixture<Browser>
{
    private const string Prompt = "The prince looked at the old man for a long time and did not say a word.";
    private const string Endless = """{"prompt":"The king rode away with his people, and none of them knew where he was going that night","n":2,"max_tokens":3500,"ignore_eos":true,"stream":true}""";

    private readonly RunningServer _server = server.Running;

    [BrowserFact]
    public async Task Samples_stream_into_columns_and_are_what_the_API_answers()
    {
        await using WatchedPage watched = await browser.OpenAsync(_server);
        IPage page = watched.Page;
        await RunAsync(page, n: 3, tokens: 24, seed: 7);
        await Expect(page.Locator(".sample")).ToHaveCountAsync(3);
        await Expect(page.Locator("#progress")).ToContainTextAsync("72 tokens in");
        (_, JsonElement answer) = await _server.AskAsync("/v1/completions", $$"""{"prompt":"{{Prompt}}","n":3,"max_tokens":24,"temperature":0.8,"seed":7,"ignore_eos":true}""");
        string[] expected = [.. answer.GetProperty("choices").EnumerateArray().Select(choice => choice.GetProperty("text").GetString()!)];
        Assert.Equal(expected, await page.Locator(".sample .text").EvaluateAllAsync<string[]>("all => all.map(text => text.textContent)"));

        // Without shading the same text, in one piece.
        await page.Locator("#shade").UncheckAsync();
        await RunAsync(page, n: 3, tokens: 24, seed: 7);
        await Expect(page.Locator("#progress")).ToContainTextAsync("72 tokens in");
        await Expect(page.Locator(".sample .t")).ToHaveCountAsync(0);
        Assert.Equal(expected, await page.Locator(".sample .text").EvaluateAllAsync<string[]>("all => all.map(text => text.textContent)"));
        watched.ExpectQuiet();
    }

    [BrowserFact]
    public async Task Arrow_keys_show_what_else_might_have_come()
    {
        await using WatchedPage watched = await browser.OpenAsync(_server);
        IPage page = watched.Page;
        await RunAsync(page, n: 2, tokens: 12, seed: 3);
        await Expect(page.Locator("#progress")).ToContainTextAsync("24 tokens in");
        ILocator text = page.GetByRole(AriaRole.Listbox, new PageGetByRoleOptions { Name = "Sample 2" });
        await text.FocusAsync();
        await page.Keyboard.PressAsync("ArrowRight");
        await page.Keyboard.PressAsync("ArrowRight");
        await Expect(page.Locator("#tip")).ToBeVisibleAsync();
        Assert.InRange(await page.Locator("#tip tr").CountAsync(), 5, 6);       // five alternatives, and the chosen one if it is none of them
        await Expect(page.Locator("#tip .chosen")).ToHaveCountAsync(1);
        ILocator active = page.Locator($"#{await text.GetAttributeAsync("aria-activedescendant")}");
        await Expect(active).ToHaveAttributeAsync("aria-label", new Regex("%; else .*%"));
        await Expect(active).ToHaveAttributeAsync("aria-selected", "true");
        await page.Keyboard.PressAsync("Escape");
        await Expect(page.Locator("#tip")).ToBeHiddenAsync();
        await page.Locator(".sample .t").First.HoverAsync();
        await Expect(page.Locator("#tip")).ToBeVisibleAsync();
        watched.ExpectQuiet();
    }

    [BrowserFact]
    public async Task The_tree_grows_while_requests_run_and_rests_afterwards()
    {
        await using WatchedPage watched = await browser.OpenAsync(_server);
        IPage page = watched.Page;
        ILocator king = page.GetByRole(AriaRole.Treeitem, new PageGetByRoleOptions { NameRegex = new Regex("2 running rows.*Begins: .*The king rode") });
        using (CancellationTokenSource enough = new())
        {
            Task running = KeepRunningAsync(enough.Token);
            await Expect(king).ToHaveCountAsync(1);
            await Expect(page.Locator("#queue")).ToContainTextAsync("2 running");
            ILocator shoots = page.GetByRole(AriaRole.Treeitem, new PageGetByRoleOptions { NameRegex = new Regex("1 running row, .*growing behind it") });
            await Expect(shoots).ToHaveCountAsync(2);
            string before = (await shoots.First.GetAttributeAsync("aria-label"))!;
            await Expect(shoots.First).Not.ToHaveAttributeAsync("aria-label", before);

            // Left and right follow the branches.
            await king.FocusAsync();
            await page.Keyboard.PressAsync("ArrowRight");
            await Expect(page.Locator("#node")).ToContainTextAsync("1 running row");
            await page.Keyboard.PressAsync("ArrowLeft");
            await Expect(page.Locator("#node")).ToContainTextAsync("The king rode");
            await enough.CancelAsync();
            await running;
        }

        await Expect(page.GetByRole(AriaRole.Treeitem, new PageGetByRoleOptions { NameRegex = new Regex("0 running rows.*nobody needs it now.*The king rode") })).ToHaveCountAsync(1);
        await Expect(page.Locator("#levels tr").First).ToBeVisibleAsync();
        await Expect(page.Locator("#state-text")).ToHaveTextAsync("Ready");
        watched.ExpectQuiet();
    }

    [BrowserFact]
    public async Task A_refusal_is_shown_at_the_field_and_leaves_the_last_answers()
    {
        await using WatchedPage watched = await browser.OpenAsync(_server);
        IPage page = watched.Page;
        await RunAsync(page, n: 1, tokens: 4, seed: 1);
        await Expect(page.Locator("#progress")).ToContainTextAsync("4 tokens in");
        await page.FillAsync("#temperature", "9");
        await page.ClickAsync("#run");
        await Expect(page.GetByRole(AriaRole.Alert)).ToContainTextAsync("temperature is 9; it must be a number from 0 to 2");
        await Expect(page.Locator("#temperature")).ToBeFocusedAsync();
        await Expect(page.Locator("#temperature")).ToHaveAttributeAsync("aria-invalid", "true");
        await Expect(page.Locator(".sample")).ToHaveCountAsync(1);
        await page.FillAsync("#temperature", "1");
        await page.ClickAsync("#run");
        await Expect(page.GetByRole(AriaRole.Alert)).ToBeHiddenAsync();
        watched.ExpectQuiet(400);
    }

    [BrowserFact]
    public async Task Escape_stops_a_run_and_its_pages_come_back()
    {
        await using WatchedPage watched = await browser.OpenAsync(_server);
        IPage page = watched.Page;
        await RunAsync(page, n: 2, tokens: 3900, seed: 1);
        await Expect(page.Locator(".sample .t").First).ToBeVisibleAsync();
        await page.Keyboard.PressAsync("Escape");
        await Expect(page.Locator("#progress")).ToHaveTextAsync("Stopped");
        await Expect(page.Locator(".sample .end").First).ToContainTextAsync("stopped");
        await Expect(page.Locator("#run")).ToBeEnabledAsync();
        await _server.ExpectRestAsync();
        watched.ExpectQuiet();
    }

    [BrowserFact]
    public async Task A_chat_goes_on_from_the_sample_that_is_chosen()
    {
        await using WatchedPage watched = await browser.OpenAsync(_server);
        IPage page = watched.Page;
        await page.GetByRole(AriaRole.Radio, new PageGetByRoleOptions { Name = "Chat" }).CheckAsync();
        await RunAsync(page, n: 2, tokens: 6, seed: 2);
        await Expect(page.Locator("#progress")).ToContainTextAsync("12 tokens in");
        string chosen = (await page.Locator(".sample .text").Nth(1).TextContentAsync())!;
        await page.GetByRole(AriaRole.Button, new PageGetByRoleOptions { Name = "Continue this one" }).Nth(1).ClickAsync();
        await Expect(page.Locator("#turns li")).ToHaveCountAsync(2);
        Assert.Equal($"assistant{chosen}", await page.Locator("#turns li").Nth(1).TextContentAsync());
        Task<IRequest> sent = page.WaitForRequestAsync("**/v1/chat/completions");
        await page.FillAsync("#prompt", "And then?");
        await page.EvaluateAsync("document.querySelector('#progress').textContent = ''");
        await page.ClickAsync("#run");
        using JsonDocument body = JsonDocument.Parse((await sent).PostData!);
        Assert.Equal([Prompt, chosen, "And then?"], body.RootElement.GetProperty("messages").EnumerateArray().Select(message => message.GetProperty("content").GetString()));
        await Expect(page.Locator("#progress")).ToContainTextAsync("12 tokens in");
        watched.ExpectQuiet();
    }

    [BrowserFact]
    public async Task A_server_with_keys_is_asked_with_the_key_of_this_tab_only()
    {
        await using RunningServer locked = await RunningServer.StartAsync(new ServerOptions { Keys = [new ApiKey("ann", "secret-of-ann")] });
        await using WatchedPage watched = await browser.OpenAsync(locked);
        IPage page = watched.Page;
        ILocator dialog = page.GetByRole(AriaRole.Dialog, new PageGetByRoleOptions { Name = "API key" });
        await Expect(dialog).ToBeVisibleAsync();
        await Expect(page.GetByLabel("Key", new PageGetByLabelOptions { Exact = true })).ToBeFocusedAsync();
        await page.Keyboard.TypeAsync("wrong-key");
        await page.Keyboard.PressAsync("Enter");
        await Expect(dialog).ToContainTextAsync("not one of this server's");
        await page.FillAsync("#key", "secret-of-ann");
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.Locator("#model-name")).ToHaveTextAsync("sample");
        await Expect(dialog).ToBeHiddenAsync();
        Assert.Equal("secret-of-ann,0,", await page.EvaluateAsync<string>("[Object.values(sessionStorage).join(), localStorage.length, document.cookie].join()"));
        await RunAsync(page, n: 1, tokens: 3, seed: 1);
        await Expect(page.Locator("#progress")).ToContainTextAsync("3 tokens in");
        watched.ExpectQuiet(401);
    }

    [BrowserTheory]
    [InlineData(ColorScheme.Light)]
    [InlineData(ColorScheme.Dark)]
    public async Task It_fits_a_phone_and_can_be_read_in_light_and_dark(ColorScheme scheme)
    {
        await using WatchedPage watched = await browser.OpenAsync(_server, width: 360, height: 740, scheme);
        IPage page = watched.Page;
        await RunAsync(page, n: 2, tokens: 40, seed: 4);
        await Expect(page.Locator("#progress")).ToContainTextAsync("80 tokens in");
        await Expect(page.Locator(".branch").First).ToBeVisibleAsync();
        Assert.Equal(360, await page.EvaluateAsync<int>("document.documentElement.scrollWidth"));

        // Text over what is behind it, layer by layer, as WCAG 2 measures contrast.
        string[] poor = await page.EvaluateAsync<string[]>("""
            () => {
              const paint = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
              const luminance = ([r, g, b]) => [r, g, b].map(c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
              const pixel = (...layers) => { for (const layer of layers) { paint.fillStyle = layer; paint.fillRect(0, 0, 1, 1); } return paint.getImageData(0, 0, 1, 1).data; };
              return [...document.querySelectorAll("body *:not(script, noscript *, option)")].filter(e => e.checkVisibility() && [...e.childNodes].some(c => c.nodeType === 3 && c.textContent.trim())).flatMap(e => {
                const layers = [];
                for (let at = e; at; at = at.parentElement) layers.unshift(getComputedStyle(at).backgroundColor);
                const style = getComputedStyle(e), front = luminance(pixel(...layers, e instanceof SVGElement ? style.fill : style.color)), back = luminance(pixel(...layers));
                const ratio = (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
                return ratio < 4.5 ? [`${e.tagName}.${e.getAttribute("class")} "${e.textContent.slice(0, 30)}" ${ratio.toFixed(2)}`] : [];
              });
            }
            """);
        Assert.Empty(poor);
        Assert.Empty(await page.EvaluateAsync<string[]>("[...document.querySelectorAll('input, textarea')].filter(e => !e.labels.length).map(e => e.id)"));
        watched.ExpectQuiet();
    }

    /// <summary>As long as the test needs it, however fast the machine is.</summary>
    private async Task KeepRunningAsync(CancellationToken enough)
    {
        try
        {
            while (true)
            {
                using HttpResponseMessage response = await _server.PostAsync("/v1/completions", Endless, cancellation: enough);
                await response.Content.ReadAsStringAsync(enough);
            }
        }
        catch (OperationCanceledException)
        {
            // It was enough.
        }
    }

    private static async Task RunAsync(IPage page, int n, int tokens, int seed)
    {
        await page.FillAsync("#prompt", Prompt);
        await page.FillAsync("#n", $"{n}");
        await page.FillAsync("#max_tokens", $"{tokens}");
        await page.EvaluateAsync("document.querySelector('.composer details').open = true");
        await page.FillAsync("#seed", $"{seed}");
        await page.CheckAsync("#ignore_eos");
        await page.EvaluateAsync("document.querySelector('#progress').textContent = ''");     // what it says from here on is about this run
        await page.ClickAsync("#run");
    }
}
