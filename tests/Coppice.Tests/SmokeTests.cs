namespace Coppice.Tests;

public sealed class SmokeTests
{
    [Fact] public void An_error_names_its_file() => Assert.StartsWith("a.gguf: ", new ModelFormatException("a.gguf", "x").Message, StringComparison.Ordinal);
}
