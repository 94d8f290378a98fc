using System.IO.Pipelines;
using Microsoft.AspNetCore.Http;

namespace Coppice.Server.Serving;

/// <summary>Server-sent events: "data: ", one line, an empty line.</summary>
internal sealed class EventStream
{
    public EventStream(HttpResponse response)
    {
        Output = response.BodyWriter;
        response.ContentType = "text/event-stream; charset=utf-8";
        response.Headers.CacheControl = "no-cache";
        response.Headers["X-Accel-Buffering"] = "no";       // nginx would hold events back
    }

    /// <summary>Where an event's line is written, between <see cref="Begin"/> and <see cref="End"/>.</summary>
    public PipeWriter Output { get; }

    public void Begin() => Write("data: "u8);

    public void End() => Write("\n\n"u8);

    public void Done() => Write("data: [DONE]\n\n"u8);

    public async ValueTask FlushAsync(CancellationToken cancellation) => await Output.FlushAsync(cancellation);

    private void Write(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(Output.GetSpan(bytes.Length));
        Output.Advance(bytes.Length);
    }
}
