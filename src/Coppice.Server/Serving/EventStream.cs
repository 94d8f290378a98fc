using System.IO.Pipelines;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Coppice.Server.Wire;
using Microsoft.AspNetCore.Http;

namespace Coppice.Server.Serving;

/// <summary>Server-sent events: "data: ", one line, an empty line.</summary>
internal sealed class EventStream : IDisposable
{
    /// <summary>The header of what could not be kept to: a JSON list of texts, in ASCII.</summary>
    public const string WarningsHeader = "x-coppice-warnings";

    private const int MostWarningBytes = 4096;

    private readonly PipeWriter _pipe;
    private readonly CancellationToken _cancellation;
    private bool _inEvent;

    public EventStream(HttpResponse response, IReadOnlyList<string> warnings, CancellationToken cancellation)
    {
        (_pipe, _cancellation) = (response.BodyWriter, cancellation);
        Output = new AnswerWriter(_pipe);
        response.ContentType = "text/event-stream; charset=utf-8";
        response.Headers.CacheControl = "no-cache";
        response.Headers["X-Accel-Buffering"] = "no";       // nginx would hold events back
        if (warnings.Count > 0) response.Headers[WarningsHeader] = Header(warnings);
    }

    /// <summary>Where an event's line is written, between <see cref="Begin"/> and <see cref="End"/>.</summary>
    public AnswerWriter Output { get; }

    public void Begin()
    {
        _inEvent = true;
        Write("data: "u8);
    }

    public void End()
    {
        Write("\n\n"u8);
        _inEvent = false;
    }

    public void Done() => Write("data: [DONE]\n\n"u8);

    public ValueTask DrainAsync() => Output.DrainAsync();

    public async ValueTask FlushAsync() => await _pipe.FlushAsync(_cancellation);

    /// <summary>Sends an error as the last event.</summary>
    public async Task FailAsync(ApiException error)
    {
        Output.Discard();
        if (_inEvent) End();        // torn, but the error stands alone
        Begin();
        AnswerJson.WriteError(_pipe, error);
        End();
        await _pipe.FlushAsync(CancellationToken.None);
    }

    public void Dispose() => Output.Dispose();

    // Some servers and proxies take no more than a few kilobytes of headers: what does not fit is left out.
    private static string Header(IReadOnlyList<string> warnings)
    {
        StringBuilder list = new("[");
        foreach (string warning in warnings)
        {
            string text = $"{(list.Length > 1 ? "," : "")}\"{JsonEncodedText.Encode(warning, JavaScriptEncoder.Default)}\"";
            if (list.Length + text.Length >= MostWarningBytes) break;
            list.Append(text);
        }

        return list.Append(']').ToString();
    }

    private void Write(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(_pipe.GetSpan(bytes.Length));
        _pipe.Advance(bytes.Length);
    }
}
