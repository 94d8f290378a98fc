using System.Net;
using System.Text;
using Coppice.Server;
using Coppice.Tests.Loading;

namespace Coppice.Tests.Server;

/// <summary>What pages of other sites may make a browser send.</summary>
public sealed class OriginTests
{
    private const string Body = """{"prompt":"a","max_tokens":1}""";

    /// <param name="origin">What the browser says of the page; SELF for the server's own.</param>
    /// <param name="site">How the browser says that the page and the server stand to one another.</param>
    /// <param name="allowed">Whether the request may change something.</param>
    [Theory]
    [InlineData(null, null, true)]                                  // curl, and every other program
    [InlineData("SELF", null, true)]
    [InlineData("SELF", "same-origin", true)]
    [InlineData(null, "same-origin", true)]
    [InlineData(null, "none", true)]
    [InlineData("https://app.example", null, true)]                 // named by the operator
    [InlineData("https://APP.example", "cross-site", true)]
    [InlineData("https://evil.example", null, false)]
    [InlineData("https://evil.example", "cross-site", false)]
    [InlineData("http://127.0.0.1:1", null, false)]                 // another program's page on this machine
    [InlineData("http://127.0.0.1:1", "same-site", false)]
    [InlineData("null", null, false)]                               // a file, or a frame in a sandbox
    [InlineData(null, "cross-site", false)]
    [InlineData(null, "same-site", false)]
    public async Task A_page_of_another_site_changes_nothing(string? origin, string? site, bool allowed)
    {
        using TempFolder data = new();
        await using RunningServer server = await RunningServer.StartAsync(new ServerOptions { CorsOrigins = ["https://app.example"], DataFolder = data.Path }, new EngineOptions { KvBytes = 16 << 20, Threads = 1 });
        async Task<HttpStatusCode> Sent(HttpMethod method, string path, HttpContent? content)
        {
            using HttpRequestMessage request = new(method, path) { Content = content };
            if (origin is not null) request.Headers.Add("Origin", origin == "SELF" ? server.Server.Address.GetLeftPart(UriPartial.Authority) : origin);
            if (site is not null) request.Headers.Add("Sec-Fetch-Site", site);
            using HttpResponseMessage response = await server.Client.SendAsync(request);
            if (response.StatusCode == HttpStatusCode.Forbidden) Assert.Contains("origin_not_allowed", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
            return response.StatusCode;
        }

        HttpStatusCode ok = allowed ? HttpStatusCode.OK : HttpStatusCode.Forbidden;
        Assert.Equal(ok, await Sent(HttpMethod.Post, "/v1/completions", new StringContent(Body, Encoding.UTF8, "application/json")));
        // What a form can send: a browser does not ask before it.
        Assert.Equal(ok, await Sent(HttpMethod.Post, "/v1/files", new MultipartFormDataContent { { new StringContent("batch"), "purpose" }, { new StringContent("{}"), "file", "lines.jsonl" } }));
        Assert.Equal(allowed ? HttpStatusCode.NotFound : HttpStatusCode.Forbidden, await Sent(HttpMethod.Delete, "/v1/files/file-none", null));
        Assert.Equal(allowed ? HttpStatusCode.NotFound : HttpStatusCode.Forbidden, await Sent(HttpMethod.Post, "/v1/batches/batch_none/cancel", null));
        // Reading is left to the browser, which does not show such a page the answer.
        Assert.Equal(HttpStatusCode.OK, await Sent(HttpMethod.Get, "/v1/models", null));
    }

    [Theory]
    [InlineData("localhost", true)]
    [InlineData("LOCALHOST", true)]
    [InlineData("Coppice.LocalHost", true)]
    [InlineData("localhost.", true)]
    [InlineData("127.0.0.1", true)]
    [InlineData("[::1]", true)]
    [InlineData("evil.example", false)]
    [InlineData("localhost.evil.example", false)]
    [InlineData("notlocalhost", false)]
    [InlineData("10.0.0.1", false)]
    public async Task A_server_without_keys_answers_to_this_machines_own_names_however_they_are_written(string host, bool answered)
    {
        await using RunningServer server = await RunningServer.StartAsync(engineOptions: new EngineOptions { KvBytes = 16 << 20, Threads = 1 });
        using HttpRequestMessage request = new(HttpMethod.Get, "/v1/models") { Headers = { Host = $"{host}:{server.Server.Address.Port}" } };
        using HttpResponseMessage response = await server.Client.SendAsync(request);
        Assert.Equal(answered ? HttpStatusCode.OK : HttpStatusCode.Forbidden, response.StatusCode);
        if (!answered) Assert.Contains(host, await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }
}
