using System.Text.Json.Serialization;

namespace Coppice.Server.Batches;

/// <summary>A file, as the API shows it.</summary>
internal sealed record StoredFile(string Id, long Bytes, long CreatedAt, string Filename, string Purpose)
{
    public string Object => "file";

    public string Status => "processed";
}

/// <summary>A batch, as the API shows it. Times are Unix seconds.</summary>
internal sealed record StoredBatch(string Id, string Endpoint, string InputFileId, string CompletionWindow, long CreatedAt)
{
    public string Object => "batch";

    public required BatchStatus Status { get; init; }

    public BatchErrors? Errors { get; init; }

    public string? OutputFileId { get; init; }

    public string? ErrorFileId { get; init; }

    public long? InProgressAt { get; init; }

    public long? FinalizingAt { get; init; }

    public long? CompletedAt { get; init; }

    public long? FailedAt { get; init; }

    public long? CancellingAt { get; init; }

    public long? CancelledAt { get; init; }

    public BatchCounts RequestCounts { get; init; } = new(0, 0, 0);

    public Dictionary<string, string>? Metadata { get; init; }

    /// <summary>Whether nothing more will happen to it.</summary>
    [JsonIgnore]
    public bool IsOver => Status is BatchStatus.Completed or BatchStatus.Failed or BatchStatus.Cancelled;
}

internal enum BatchStatus
{
    Validating,
    InProgress,
    Finalizing,
    Completed,
    Failed,
    Cancelling,
    Cancelled,
}

internal sealed record BatchCounts(int Total, int Completed, int Failed);

/// <summary>Why a batch was not begun.</summary>
internal sealed record BatchErrors(IReadOnlyList<BatchError> Data)
{
    public string Object => "list";
}

internal sealed record BatchError(string Code, string Message, string? Param, int? Line);

/// <summary>Something stored and the caller it belongs to.</summary>
internal sealed record Owned<T>(string Owner, T Value);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true, Converters = [typeof(StatusNames)])]
[JsonSerializable(typeof(Owned<StoredFile>))]
[JsonSerializable(typeof(Owned<StoredBatch>))]
internal sealed partial class StoredJson : JsonSerializerContext;

/// <summary>in_progress and the like.</summary>
internal sealed class StatusNames() : JsonStringEnumConverter<BatchStatus>(System.Text.Json.JsonNamingPolicy.SnakeCaseLower);
