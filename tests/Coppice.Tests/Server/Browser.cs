using System.Collections.Concurrent;
using Microsoft.Playwright;

namespace Coppice.Tests.Server;

/// <summary>Debian's chromium, if it is installed.</summary>
public sealed class Browser : IAsyncLifetime
{
    /// <summary>.ci/run installs it.</summary>
    internal const string Chromium = "/usr/bin/chromium";

    /// <summary>Generous: nothing here is about time, and machines may be busy.</summary>
    private const int PatienceMilliseconds = 60_000;

    private IPlaywright? _playwright;
    private IBrowser? _browser;

    public async Task InitializeAsync()
    {
        if (!File.Exists(Chromium)) return;
        Assertions.SetDefaultExpectTimeout(PatienceMilliseconds);
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions { ExecutablePath = Chromium, Args = ["--no-sandbox"], Timeout = PatienceMilliseconds });
    }

    public async Task DisposeAsync()
    {
        if (_browser is not null) await _browser.CloseAsync();
        _playwright?.Dispose();
    }

    internal async Task<WatchedPage> OpenAsync(RunningServer server, int width = 1280, int height = 900, ColorScheme scheme = ColorScheme.Light)
    {
        IBrowserContext context = await _browser!.NewContextAsync(new BrowserNewContextOptions { ViewportSize = new ViewportSize { Width = width, Height = height }, ColorScheme = scheme, ReducedMotion = ReducedMotion.Reduce });
        context.SetDefaultTimeout(PatienceMilliseconds);
        IPage page = await context.NewPageAsync();
        WatchedPage watched = new(page, server.Server.Address);
        await page.GotoAsync(server.Server.Address.ToString());
        return watched;
    }
}

/// <summary>A page of which every request and every complaint is noted.</summary>
internal sealed class WatchedPage : IAsyncDisposable
{
    private readonly ConcurrentQueue<string> _complaints = new(), _foreign = new();

    public WatchedPage(IPage page, Uri server)
    {
        Page = page;
        page.Console += (_, message) =>
        {
            if (message.Type is "error" or "warning") _complaints.Enqueue(message.Text);
        };
        page.PageError += (_, error) => _complaints.Enqueue(error);
        page.Request += (_, request) =>
        {
            if (new Uri(request.Url).GetLeftPart(UriPartial.Authority) != server.GetLeftPart(UriPartial.Authority)) _foreign.Enqueue(request.Url);
        };
    }

    public IPage Page { get; }

    /// <summary>Nothing was asked of another host, and the console has nothing but what refused requests leave there.</summary>
    /// <param name="refusals">Statuses that the test asked for.</param>
    public void ExpectQuiet(params ReadOnlySpan<int> refusals)
    {
        string[] expected = [.. refusals.ToArray().Select(status => $"status of {status} ")];
        Assert.Empty(_foreign);
        Assert.All(_complaints, text => Assert.Contains(expected, status => text.Contains(status, StringComparison.Ordinal)));
    }

    public async ValueTask DisposeAsync() => await Page.Context.CloseAsync();
}

/// <summary>A test in a browser, skipped, visibly, where there is none.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class BrowserFactAttribute : FactAttribute
{
    public BrowserFactAttribute() => Skip = File.Exists(Browser.Chromium) ? null : $"{Browser.Chromium} is not there.";
}

/// <inheritdoc cref="BrowserFactAttribute"/>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class BrowserTheoryAttribute : TheoryAttribute
{
    public BrowserTheoryAttribute() => Skip = File.Exists(Browser.Chromium) ? null : $"{Browser.Chromium} is not there.";
}
