using System.Diagnostics;
using Coppice.Tests.Loading;

namespace Coppice.Tests.Server;

public sealed class DataFolderTests : IDisposable
{
    private readonly TempFolder _data = new();

    public void Dispose() => _data.Dispose();

    [Fact]
    public async Task Documents_that_no_server_wrote_are_named_in_a_line_each_and_put_aside_and_the_server_starts()
    {
        const string Good = """{"owner":"","value":{"id":"file-good","bytes":1,"created_at":1,"filename":"f","purpose":"batch"}}""";
        Directory.CreateDirectory(_data.File("files"));
        Directory.CreateDirectory(_data.File("batches"));
        File.WriteAllText(_data.File("files/file-good.json"), Good);
        File.WriteAllText(_data.File("files/file-good.bin"), "x");
        Dictionary<string, string> broken = new()
        {
            ["files/file-empty"] = "",
            ["files/file-truncated"] = Good[..40],
            ["files/file-null"] = "null",
            ["files/file-list"] = "[]",
            ["files/file-text"] = "no JSON",
            ["files/file-types"] = Good.Replace("\"bytes\":1", "\"bytes\":\"many\"", StringComparison.Ordinal),
            ["files/file-missing"] = """{"owner":"","value":{"id":"file-missing"}}""",
            ["files/file-nothing"] = """{"owner":"","value":null}""",
            ["files/file-other"] = Good,
            ["files/file-deep"] = new string('[', 100_000),
            ["files/file-zeros"] = new string('\0', 4096),
            ["batches/batch_empty"] = "",
            ["batches/batch_status"] = """{"owner":"","value":{"id":"batch_status","endpoint":"/v1/completions","input_file_id":"file-good","completion_window":"24h","created_at":1,"status":"dancing"}}""",
            ["batches/batch_null"] = """{"owner":"","value":{"id":"batch_null","endpoint":null,"input_file_id":"file-good","completion_window":"24h","created_at":1,"status":"in_progress"}}""",
        };
        foreach ((string name, string content) in broken) File.WriteAllText(_data.File(name + ".json"), content);
        List<string> names = [.. broken.Keys, "files/file-folder", "batches/batch_folder"];
        Directory.CreateDirectory(_data.File("files/file-folder.json"));
        Directory.CreateDirectory(_data.File("batches/batch_folder.json"));
        if (!OperatingSystem.IsWindows())
        {
            names.Add("batches/batch_pipe");        // to open it would be to wait for a writer
            using Process pipe = Process.Start("mkfifo", _data.File("batches/batch_pipe.json"));
            await pipe.WaitForExitAsync();
        }

        File.WriteAllText(_data.File("begun"), "\0\0begin \0\n");
        using (ServerProcess server = await ServerProcess.Start(["--data", _data.Path]).ListeningAsync())
        {
            string files = await server.Client.GetStringAsync("/v1/files");
            Assert.Contains("file-good", files, StringComparison.Ordinal);
            Assert.DoesNotContain("file-null", files, StringComparison.Ordinal);
            Assert.Contains("\"data\":[]", await server.Client.GetStringAsync("/v1/batches"), StringComparison.Ordinal);
            string[] log = server.Log.Split('\n');
            foreach (string name in names) Assert.Single(log, line => line.Contains($"{_data.File(name)}.json was left out: ", StringComparison.Ordinal) && line.Contains($"{_data.File(name)}.json.corrupt", StringComparison.Ordinal));
            Assert.DoesNotContain("   at ", server.Log, StringComparison.Ordinal);
        }

        foreach (string name in names) Assert.True(Path.Exists(_data.File(name + ".json.corrupt")) && !Path.Exists(_data.File(name + ".json")));
        using ServerProcess again = await ServerProcess.Start(["--data", _data.Path]).ListeningAsync();
        Assert.DoesNotContain("left out", again.Log, StringComparison.Ordinal);
    }
}
