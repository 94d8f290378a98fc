using System.Net.Sockets;
using System.Text;
using Coppice.Server;
using Coppice.Tests.Loading;

namespace Coppice.Tests.Server;

/// <summary>Uploads that are no multipart/form-data, or not such as a client would send.</summary>
public sealed class UploadTests
{
    [Theory]
    [InlineData("--B\r\nX: y\r\n\r\nfoo\r\n--B--\r\n", "A part has no name")]
    [InlineData("--B\r\nno header\r\n\r\nfoo\r\n--B--\r\n", "a line that is no header")]
    [InlineData("--B\r\nContent-Disposition: form-data; name=\"file\"; filename*=UTF-8''a%0Ab%00\r\n\r\nfoo\r\n--B--\r\n", "control character")]
    public async Task What_is_wrong_with_a_part_is_said(string body, string says) => Assert.Contains(says, await AnswerAsync("B", Encoding.ASCII.GetBytes(body), 1), StringComparison.Ordinal);

    [Fact]
    public async Task A_long_boundary_is_refused_and_not_repeated()
    {
        string answer = await AnswerAsync(new string('B', 5000), "--B--"u8.ToArray(), 1);
        Assert.Contains("Its boundary has 5000 characters; it may have 70.", answer, StringComparison.Ordinal);
        Assert.DoesNotContain("BBBBBBBB", answer, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--B\r\nContent-Disposition: form-data; name=\"")]
    [InlineData("--B\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--B\r\nContent-Disposition: form-data; name=\"")]
    public async Task A_head_without_an_end_takes_no_memory(string begin)
    {
        byte[] filler = new byte[1 << 20];
        Array.Fill(filler, (byte)'x');
        long before = GC.GetTotalAllocatedBytes();
        Assert.Contains("The head of a part has more than 16384 bytes", await AnswerAsync("B", filler, 64, begin), StringComparison.Ordinal);
        Assert.InRange(GC.GetTotalAllocatedBytes() - before, 0, 200L << 20);      // the engine's own is below that; the head would take 256 MiB
    }

    private static async Task<string> AnswerAsync(string boundary, byte[] block, int blocks, string begin = "")
    {
        using TempFolder data = new();
        await using RunningServer server = await RunningServer.StartAsync(new ServerOptions { DataFolder = data.Path }, new EngineOptions { KvBytes = 16 << 20, Threads = 1 });
        using TcpClient client = new();
        await client.ConnectAsync(server.Client.BaseAddress!.Host, server.Client.BaseAddress.Port);
        NetworkStream stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"POST /v1/files HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: multipart/form-data; boundary={boundary}\r\nContent-Length: {begin.Length + (long)block.Length * blocks}\r\n\r\n{begin}"));
        for (int i = 0; i < blocks; i++) await stream.WriteAsync(block);
        using StreamReader reader = new(stream);
        string answer = await reader.ReadToEndAsync();
        Assert.StartsWith("HTTP/1.1 400", answer, StringComparison.Ordinal);
        Assert.DoesNotContain(Directory.EnumerateFiles(data.Path, "*", SearchOption.AllDirectories), file => file.EndsWith(".bin", StringComparison.Ordinal));
        return answer;
    }
}
