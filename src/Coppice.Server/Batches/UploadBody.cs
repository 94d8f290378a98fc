namespace Coppice.Server.Batches;

/// <summary>The body of an upload. While the head of a part is read, no more of it is given out than a head may have: the reader of heads takes in a line without an end as long as it comes.</summary>
internal sealed class UploadBody(Stream body) : Stream
{
    /// <summary>Of the lines before a part's content.</summary>
    public const int MostHeadBytes = 1 << 14;

    private const int MostReadAhead = 1 << 13;        // the reader's own buffer, which has content too

    private int? _left;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>What is read next is a part's head.</summary>
    public void BeginHead() => _left = MostHeadBytes + MostReadAhead;

    /// <summary>The head has ended; the content is as long as it is.</summary>
    public void EndHead() => _left = null;

    /// <exception cref="InvalidDataException">A head is too long.</exception>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_left is not int left || buffer.Length == 0) return await body.ReadAsync(buffer, cancellationToken);
        if (left == 0) throw new InvalidDataException();
        int read = await body.ReadAsync(buffer[..Math.Min(buffer.Length, left)], cancellationToken);
        _left = left - read;
        return read;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Flush()
    {
    }
}
