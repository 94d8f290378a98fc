using System.Buffers.Binary;
using System.IO.MemoryMappedFiles;
using Coppice.Fuzz.Mutation;

namespace Coppice.Fuzz.Running;

/// <summary>
/// The input that runs, in a file that outlives the process: [0, 8) inputs begun, [8, 12) the input's length, then the input. Mapped, so that writing it is a copy.
/// </summary>
internal sealed class CurrentInput : IDisposable
{
    private const int HeadBytes = sizeof(long) + sizeof(int);

    // No seed is longer than what may be made.
    private const int FileBytes = HeadBytes + Repetition.MostBytes;

    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;

    public CurrentInput(string path)
    {
        _file = MemoryMappedFile.CreateFromFile(path, FileMode.OpenOrCreate, null, FileBytes);
        _view = _file.CreateViewAccessor(0, FileBytes);
    }

    /// <summary>Inputs begun.</summary>
    public long Begun { get; private set; }

    public void Begin(byte[] input)
    {
        _view.Write(0, ++Begun);
        _view.Write(sizeof(long), input.Length);
        _view.WriteArray(HeadBytes, input, 0, input.Length);
    }

    /// <summary>What a process that died was about.</summary>
    public static (long Begun, byte[] Input) Read(string path)
    {
        byte[] bytes = File.ReadAllBytes(path);
        return (BinaryPrimitives.ReadInt64LittleEndian(bytes), bytes.AsSpan(HeadBytes, BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(sizeof(long)))).ToArray());
    }

    public void Dispose()
    {
        _view.Dispose();
        _file.Dispose();
    }
}
