using System.Text;
using Coppice.Server.Access;
using Coppice.Server.Wire;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Net.Http.Headers;

namespace Coppice.Server.Batches;

/// <summary>Reads the multipart body of POST /v1/files: the part file goes to the disk as it arrives, and the other parts are short.</summary>
internal sealed class FileUpload(FileStore files, ServerLimits limits)
{
    public const string EndsEarly = "It ends before its last boundary.";

    private const int MostFieldBytes = 1 << 12, MostBoundaryCharacters = 70;      // as RFC 2046 has it

    /// <exception cref="ApiException">It is not multipart/form-data, has parts that it must not have, or the file is too long.</exception>
    public async Task<StoredFile> ReadAsync(HttpRequest request, Caller caller)
    {
        if (!MediaTypeHeaderValue.TryParse(request.ContentType, out MediaTypeHeaderValue? type) || !type.MediaType.Equals("multipart/form-data", StringComparison.OrdinalIgnoreCase) || HeaderUtilities.RemoveQuotes(type.Boundary) is not { Length: > 0 } boundary)
            throw new ApiException(415, "A file is sent as multipart/form-data, with the parts purpose and file.") { Code = "unsupported_media_type" };
        if (boundary.Length > MostBoundaryCharacters) throw NotMultipart($"Its boundary has {boundary.Length} characters; it may have {MostBoundaryCharacters}.");
        StoredFile? stored = null;
        try
        {
            UploadBody body = new(request.Body);
            MultipartReader parts = new(boundary.ToString(), body) { HeadersLengthLimit = UploadBody.MostHeadBytes };
            string? purpose = null;
            while (await NextAsync(parts, body) is { } part)
            {
                ContentDispositionHeaderValue? disposition = part.GetContentDispositionHeader();
                string name = HeaderUtilities.RemoveQuotes(disposition?.Name ?? "").ToString();
                switch (name)
                {
                    case "purpose" when purpose is null:
                        purpose = await FieldAsync(name, part.Body);
                        if (purpose != "batch") throw ApiException.Invalid("purpose", $"purpose is '{Field.Shortened(purpose)}'; it must be batch.");
                        break;
                    case "file" when stored is null:
                        string fileName = HeaderUtilities.RemoveQuotes(disposition!.FileNameStar.HasValue ? disposition.FileNameStar : disposition.FileName).ToString();
                        if (fileName.Any(char.IsControl)) throw ApiException.Invalid(name, "The file's name holds a control character.");
                        stored = await files.AddAsync(caller, Field.Shortened(fileName), "batch", part.Body, limits);
                        break;
                    case "purpose" or "file":
                        throw ApiException.Invalid(name, $"The part {name} stands twice.");
                    case "":
                        throw NotMultipart("A part has no name; its Content-Disposition is form-data with the name purpose or file.");
                    default:
                        throw new ApiException(400, $"Unrecognized request argument supplied: {Field.Shortened(name)}") { Param = Field.Shortened(name), Code = "unknown_parameter" };
                }
            }

            if (stored is null) throw ApiException.Invalid("file", "The part file is missing.", "missing_required_parameter");
            if (purpose is null) throw ApiException.Invalid("purpose", "The part purpose is missing; it must be batch.", "missing_required_parameter");
            return stored;
        }
        catch (InvalidDataException e)
        {
            Forget();
            throw NotMultipart(e.Message);
        }
        catch (IOException e) when (!IsOfConnection(e))
        {
            Forget();
            throw NotMultipart(EndsEarly);
        }
        catch
        {
            Forget();
            throw;
        }

        void Forget()
        {
            if (stored is not null) files.Delete(caller, stored.Id);
        }
    }

    /// <summary>Whether an error of reading says that the connection broke, or how the request is written, and nothing of the body.</summary>
    public static bool IsOfConnection(Exception error) => error is BadHttpRequestException or ConnectionResetException or ConnectionAbortedException;

    private static ApiException NotMultipart(string why) => new(400, $"The body is not multipart/form-data. {why}") { Code = "invalid_multipart" };

    /// <summary>The next part. What came before it is read to its end already, so that all that is read here is its head.</summary>
    private static async Task<MultipartSection?> NextAsync(MultipartReader parts, UploadBody body)
    {
        body.BeginHead();
        try
        {
            return await parts.ReadNextSectionAsync(CancellationToken.None);
        }
        catch (InvalidDataException)
        {
            throw NotMultipart($"The head of a part has more than {UploadBody.MostHeadBytes} bytes, more than {parts.HeadersCountLimit} lines, or a line that is no header.");
        }
        finally
        {
            body.EndHead();
        }
    }

    private static async Task<string> FieldAsync(string name, Stream content)
    {
        byte[] buffer = new byte[MostFieldBytes + 1];
        int length = await content.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false);
        return length <= MostFieldBytes ? Encoding.UTF8.GetString(buffer, 0, length) : throw new ApiException(413, $"The part {name} has more than {MostFieldBytes} bytes, which is what this server takes.") { Param = name, Code = "request_too_large" };
    }
}
