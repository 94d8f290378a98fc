using System.Diagnostics;
using System.Text;
using System.Text.Json;

namespace Coppice.Tests.Templates;

/// <summary>A test that needs python3 with Jinja 3.1.6 or later of 3, and is skipped, visibly, where it is missing: earlier ones differ in small things.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class PythonJinjaFactAttribute : FactAttribute
{
    private static readonly bool s_has = PythonJinjaTests.TryRun("", out _, "-c", "import jinja2; assert (3, 1, 6) <= tuple(map(int, jinja2.__version__.split('.'))) < (4,)");

    public PythonJinjaFactAttribute() => Skip = s_has ? null : "python3 with jinja2 3.1.6 is not there.";
}

/// <summary>Jinja itself as the judge of templates that nobody wrote.</summary>
public sealed class PythonJinjaTests
{
    [PythonJinjaFact]
    public void Random_templates_come_out_as_jinja_writes_them()
    {
        string[] templates = [.. Enumerable.Range(0, int.TryParse(Environment.GetEnvironmentVariable("COPPICE_JINJA_TEMPLATES"), out int count) ? count : 1000).Select(seed => new RandomTemplates(seed).Next())];
        Assert.True(TryRun(JsonSerializer.Serialize(templates), out string answer, Path.Combine(TestData.Root, "tests", "Coppice.Tests", "Templates", "jinja-cases.py"), "--render"), answer);
        string?[] expected = JsonSerializer.Deserialize<string?[]>(answer)!;
        Dictionary<string, object?> variables = JinjaCases.Variables();
        StringBuilder wrong = new();
        int expectedCount = 0;
        for (int i = 0; i < templates.Length; i++)
        {
            // Where Jinja fails, some forgiveness does no harm. Objects print as their addresses.
            if (expected[i] is not string wanted || wanted.Contains(" at 0x", StringComparison.OrdinalIgnoreCase)) continue;
            expectedCount++;
            string? actual = null, error = null;
            try
            {
                actual = ChatTemplate.Parse(templates[i]).Render(variables, JinjaCases.Now);
            }
            catch (ChatTemplateException e)
            {
                error = e.Message;
            }
            if (actual != wanted) wrong.AppendLine($"{templates[i]}\n  jinja: {wanted}\n  here:  {actual ?? $"({error})"}");
        }
        Assert.True(wrong.Length == 0, wrong.ToString());
        Assert.True(expectedCount > templates.Length / 4, $"Only {expectedCount} of {templates.Length} render.");
    }

    internal static bool TryRun(string input, out string output, params string[] arguments)
    {
        output = "";
        try
        {
            using Process process = Process.Start(new ProcessStartInfo("python3", arguments) { UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, StandardInputEncoding = new UTF8Encoding(false) })!;
            Task<string> read = process.StandardOutput.ReadToEndAsync(), errors = process.StandardError.ReadToEndAsync();
            process.StandardInput.Write(input);
            process.StandardInput.Close();
            process.WaitForExit();
            output = process.ExitCode == 0 ? read.Result : errors.Result;
            return process.ExitCode == 0;
        }
        catch (Exception e) when (e is System.ComponentModel.Win32Exception or IOException)
        {
            return false;
        }
    }
}
