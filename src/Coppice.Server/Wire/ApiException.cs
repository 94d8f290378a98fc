namespace Coppice.Server.Wire;

/// <summary>A request is answered with an error in OpenAI's shape.</summary>
/// <param name="status">The HTTP status.</param>
/// <param name="message">What is wrong, the value, the limit, the remedy.</param>
internal sealed class ApiException(int status, string message) : Exception(message)
{
    public int Status { get; } = status;

    public string Type { get; init; } = status switch
    {
        401 or 403 => "authentication_error",
        404 or 405 => "not_found_error",
        429 => "rate_limit_error",
        >= 500 => "server_error",
        _ => "invalid_request_error",
    };

    /// <summary>The field at fault.</summary>
    public string? Param { get; init; }

    public string? Code { get; init; }

    /// <summary>When to try again.</summary>
    public TimeSpan? RetryAfter { get; init; }

    public static ApiException Invalid(string param, string message, string code = "invalid_value") => new(400, message) { Param = param, Code = code };

    /// <summary>What any failure of a request says to its caller. Faults of the server do not show their insides.</summary>
    public static ApiException Of(Exception error) => error switch
    {
        ApiException api => api,
        ContextTooLongException => new ApiException(400, error.Message) { Code = "context_length_exceeded" },
        InvalidRequestException => new ApiException(400, error.Message) { Code = "invalid_value" },
        ChatTemplateException template => new ApiException(400, $"The model's chat template refuses the conversation. {template.Message}") { Param = "messages", Code = "chat_template_error" },
        LogitsException => new ApiException(500, error.Message) { Code = "model_failed" },
        ObjectDisposedException or OperationCanceledException => new ApiException(503, "The server is stopping; try another or try later.") { Code = "shutting_down", RetryAfter = TimeSpan.FromSeconds(5) },
        _ => new ApiException(500, "The server failed while it answered this request. Its log says why.") { Code = "internal_error" },
    };
}
