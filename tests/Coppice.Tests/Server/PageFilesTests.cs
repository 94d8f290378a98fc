using System.Net;
using System.Text.RegularExpressions;
using Coppice.Server;

namespace Coppice.Tests.Server;

public sealed class PageFilesTests
{
    [Fact]
    public async Task The_page_is_served_without_a_key_under_a_strict_policy_and_names_nothing_from_elsewhere()
    {
        await using RunningServer server = await RunningServer.StartAsync(new ServerOptions { Keys = [new ApiKey("ann", "secret-of-ann")] });
        HashSet<string> seen = ["/"];
        Queue<string> paths = new(seen);
        while (paths.TryDequeue(out string? path))
        {
            using HttpResponseMessage response = await server.Client.GetAsync(path);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            string policy = Assert.Single(response.Headers.GetValues("Content-Security-Policy"));
            Assert.Contains("default-src 'none'; script-src 'self';", policy, StringComparison.Ordinal);
            Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
            Assert.Equal("nosniff", Assert.Single(response.Headers.GetValues("X-Content-Type-Options")));

            string text = await response.Content.ReadAsStringAsync();
            Assert.All(Regex.Matches(text, "https?://[^\"' ]+").Select(match => match.Value), url => Assert.Equal("http://www.w3.org/2000/svg", url));
            if (path == "/") Assert.DoesNotMatch("<style|<script>|style=|onclick|javascript:", text);
            foreach (Match match in Regex.Matches(text, "(?:(?:src|href)=|from )\"(?<path>/page/|\\./)(?<name>[a-z.]+)\""))
                if (seen.Add($"/page/{match.Groups["name"].Value}")) paths.Enqueue($"/page/{match.Groups["name"].Value}");

            using HttpRequestMessage again = new(HttpMethod.Get, path) { Headers = { IfNoneMatch = { response.Headers.ETag! } } };
            using HttpResponseMessage unchanged = await server.Client.SendAsync(again);
            Assert.Equal(HttpStatusCode.NotModified, unchanged.StatusCode);
        }

        Assert.Equal(typeof(CoppiceServer).Assembly.GetManifestResourceNames().Count(name => name.StartsWith("page/", StringComparison.Ordinal)), seen.Count);
    }
}
