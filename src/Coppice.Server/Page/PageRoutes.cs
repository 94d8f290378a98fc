using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Coppice.Server.Page;

/// <summary>
/// The page at / and its files, from the assembly. It holds nothing secret and needs no key: what it shows it asks the API for, with the
/// key of whoever looks at it.
/// </summary>
internal static class PageRoutes
{
    private const string Resources = "page/";

    // Nothing from elsewhere, nothing inline, nobody's frame: a text that a model wrote can do no harm even if it got into the page as markup.
    private const string ContentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

    private static readonly Dictionary<string, string> s_types = new(StringComparer.Ordinal)
    {
        [".html"] = "text/html; charset=utf-8",
        [".css"] = "text/css; charset=utf-8",
        [".js"] = "text/javascript; charset=utf-8",
        [".svg"] = "image/svg+xml",
    };

    public static void Map(IEndpointRouteBuilder app)
    {
        foreach (string resource in typeof(PageRoutes).Assembly.GetManifestResourceNames().Where(name => name.StartsWith(Resources, StringComparison.Ordinal)))
        {
            string name = resource[Resources.Length..];
            byte[] bytes = Read(resource);
            string type = s_types[Path.GetExtension(name)], tag = $"\"{Convert.ToHexString(SHA256.HashData(bytes))[..16]}\"";
            app.MapMethods(name == "index.html" ? "/" : $"/page/{name}", ["GET", "HEAD"], context => SendAsync(context, bytes, type, tag));
        }
    }

    private static async Task SendAsync(HttpContext context, byte[] bytes, string type, string tag)
    {
        IHeaderDictionary headers = context.Response.Headers;
        headers.ContentSecurityPolicy = ContentPolicy;
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Opener-Policy"] = "same-origin";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        headers.ETag = tag;
        headers.CacheControl = "no-cache";      // asked for again each time, sent again only if the server is another
        context.Response.ContentType = type;
        if (context.Request.Headers.IfNoneMatch.Contains(tag))
        {
            context.Response.StatusCode = StatusCodes.Status304NotModified;
            return;
        }

        context.Response.ContentLength = bytes.Length;
        if (HttpMethods.IsGet(context.Request.Method)) await context.Response.Body.WriteAsync(bytes, context.RequestAborted);
    }

    private static byte[] Read(string resource)
    {
        using Stream stream = typeof(PageRoutes).Assembly.GetManifestResourceStream(resource)!;
        byte[] bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }
}
