using System.CommandLine;
using System.CommandLine.Parsing;
using Coppice.Cli;
using Coppice.Cli.Options;
using Coppice.Cli.Serving;
using Coppice.Server;
using Coppice.Tests.Loading;

namespace Coppice.Tests.Cli;

public sealed class ServeSettingsTests : IDisposable
{
    private readonly TempFolder _folder = new();
    private readonly ListenOptions _listen = new();
    private readonly ModelOptions _model = new();
    private readonly Command _command = new("serve");

    public ServeSettingsTests()
    {
        _listen.AddTo(_command);
        _model.AddTo(_command);
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void File_environment_and_command_line_say_the_same_in_the_same_words()
    {
        const string Line = "--port 9 --max-queue 7 --share-between-keys --api-key secret-one --api-key secret-two --kv-memory 3MiB --attention tree --drain 4 --max-body 1KiB";
        (ServerOptions Server, EngineOptions Engine) fromLine = Read(Line);
        Assert.Equal((9, 7, true, 2, TimeSpan.FromSeconds(4), 1024), (fromLine.Server.Port, fromLine.Server.Limits.Queue, fromLine.Server.ShareBetweenKeys, fromLine.Server.Keys.Count, fromLine.Server.DrainTime, fromLine.Server.Limits.BodyBytes));
        _folder.Write("appsettings.json", """{ "Logging": {}, "Coppice": { "Port": 9, "MaxQueue": 7, "ShareBetweenKeys": true, "ApiKey": ["secret-one", "secret-two"], "KvMemory": "3MiB", "attention": "tree", "drain": 4, "max-body": "1KiB" } }""");
        Same(fromLine, Read(""));
        File.Delete(_folder.File("appsettings.json"));
        Same(fromLine, Read("--api-key secret-one --api-key secret-two", new() { ["COPPICE_PORT"] = "9", ["COPPICE_MAX_QUEUE"] = "7", ["COPPICE_SHARE_BETWEEN_KEYS"] = "true", ["COPPICE_KV_MEMORY"] = "3MiB", ["COPPICE_ATTENTION"] = "tree", ["COPPICE_DRAIN"] = "4", ["COPPICE_MAX_BODY"] = "1KiB", ["COPPICE_ISA"] = "256" }));
    }

    [Theory]
    [InlineData("Dockerfile")]
    [InlineData("coppice.service")]
    public void What_deploy_sets_are_settings(string file)
    {
        string[] settings = [.. System.Text.RegularExpressions.Regex.Matches(File.ReadAllText(Path.Combine(TestData.Root, "deploy", file)), "COPPICE_[A-Z_]+").Select(match => match.Value).Distinct()];
        Assert.Contains("COPPICE_DATA", settings);
        string[] known = [.. _command.Options.Select(option => "COPPICE_" + option.Name.TrimStart('-').Replace('-', '_').ToUpperInvariant())];
        Assert.All(settings, setting => Assert.Contains(setting, known));
    }

    [Fact]
    public void The_command_line_comes_before_the_environment_and_that_before_the_file()
    {
        _folder.Write("appsettings.json", """{ "Coppice": { "Port": 1, "MaxQueue": 1, "Drain": 1 } }""");
        ServerOptions options = Read("--port 3", new() { ["COPPICE_PORT"] = "2", ["COPPICE_MAX_QUEUE"] = "2" }).Server;
        Assert.Equal((3, 2, TimeSpan.FromSeconds(1)), (options.Port, options.Limits.Queue, options.DrainTime));
    }

    [Theory]
    [InlineData("""{ "Coppice": { "Prot": 1 } }""", "there is no setting 'Prot'")]
    [InlineData("""{ "Coppice": { "Port": 70000 } }""", "appsettings.json, Coppice: --port is '70000'")]
    [InlineData("""{ "Coppice": { "AllowAnybody": "maybe" } }""", "must be true or false")]
    [InlineData("""{ "Coppice": { "Port": {} } }""", "is not settings in JSON")]
    [InlineData("""{ "Coppice": """, "is not settings in JSON")]
    public void A_wrong_setting_is_named(string json, string message)
    {
        _folder.Write("appsettings.json", json);
        Assert.Contains(message, Assert.Throws<UsageException>(() => Read("")).Message, StringComparison.Ordinal);
        File.Delete(_folder.File("appsettings.json"));
        Assert.Contains("COPPICE_PORT: --port is 'x'", Assert.Throws<UsageException>(() => Read("", new() { ["COPPICE_PORT"] = "x" })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_of_keys_names_them_and_says_what_they_may()
    {
        string file = _folder.Write("keys.txt", "# who\nann secret-of-ann weight=2.5 samples=16\n\n  ben\tsecret-of-ben requests-per-minute=60\n");
        IReadOnlyList<ApiKey> keys = Read($"--api-keys-file {file}").Server.Keys;
        Assert.Equal([new ApiKey("ann", "secret-of-ann") { Weight = 2.5f, Samples = 16 }, new ApiKey("ben", "secret-of-ben") { RequestsPerMinute = 60 }], keys);
        Assert.DoesNotContain("secret", keys[0].ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ann", "line 1 has one word")]
    [InlineData("ann secret-of-ann weight=0", "says 'weight=0'")]
    [InlineData("ann secret-of-ann colour=red", "says 'colour=red'")]
    [InlineData("# none", "has no keys")]
    public void A_wrong_line_of_keys_is_named_without_its_secret(string line, string message)
    {
        string file = _folder.Write("keys.txt", line);
        string said = Assert.Throws<UsageException>(() => Read($"--api-keys-file {file}")).Message;
        Assert.Contains(message, said, StringComparison.Ordinal);
        Assert.DoesNotContain("secret-of-ann", said, StringComparison.Ordinal);
    }

    private (ServerOptions Server, EngineOptions Engine) Read(string line, Dictionary<string, string>? environment = null)
    {
        ParseResult parsed = Settings.AddTo(_command, _command.Parse(line), _folder.Path, name => environment?.GetValueOrDefault(name));
        Assert.Empty(parsed.Errors);
        return (_listen.Read(parsed), _model.Engine(parsed));
    }

    private static void Same((ServerOptions Server, EngineOptions Engine) a, (ServerOptions Server, EngineOptions Engine) b)
    {
        Assert.Equal(a.Server.Keys, b.Server.Keys);
        Assert.Equal(a.Server with { Keys = [], CorsOrigins = [] }, b.Server with { Keys = [], CorsOrigins = [] });
        Assert.Equal(a.Engine, b.Engine);
    }
}
