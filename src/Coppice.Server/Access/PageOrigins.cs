using Coppice.Server.Wire;
using Microsoft.AspNetCore.Http;

namespace Coppice.Server.Access;

/// <summary>
/// Tells what a page of another site asks from what programs and the server's own page ask. A browser sends some requests for any page
/// without asking first, such as forms, and the server would do what they say.
/// </summary>
internal sealed class PageOrigins(IReadOnlyList<string> allowed)
{
    /// <summary>Refuses a request that changes something if a page of another site makes it. Requests that only read are left to the browser, which does not show such a page the answer.</summary>
    /// <exception cref="ApiException">403.</exception>
    public void Check(HttpRequest request)
    {
        if (HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method) || HttpMethods.IsOptions(request.Method)) return;
        string origin = request.Headers.Origin.ToString(), site = request.Headers["Sec-Fetch-Site"].ToString();
        if (origin.Length > 0 && Allows(origin)) return;
        if (origin.Length > 0 && !IsOwn(origin, request.Host))
            throw Refused($"The request comes from a page of '{Field.Shortened(origin)}', which is not the server's own.");
        // Programs send none; none is also what a browser says of what its user typed.
        if (site.Length > 0 && site is not ("same-origin" or "none"))
            throw Refused($"The request comes from a page of another site (Sec-Fetch-Site is '{Field.Shortened(site)}').");
    }

    private bool Allows(string origin) => allowed.Any(one => one is "*" || string.Equals(one.TrimEnd('/'), origin, StringComparison.OrdinalIgnoreCase));

    /// <summary>Whether an origin is where the request was sent. A proxy in front may speak TLS, so the scheme says only which port is meant.</summary>
    private static bool IsOwn(string origin, HostString host) =>
        Uri.TryCreate(origin, UriKind.Absolute, out Uri? page) && page.Scheme is "http" or "https"
        && string.Equals(page.Host, host.Host, StringComparison.OrdinalIgnoreCase) && page.Port == (host.Port ?? (page.Scheme == "https" ? 443 : 80));

    private static ApiException Refused(string what) =>
        new(403, $"{what} Pages of other sites may not change anything here unless --cors-origin names them.") { Code = "origin_not_allowed" };
}
