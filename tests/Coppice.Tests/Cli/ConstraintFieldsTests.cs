using System.Text;
using Coppice.Cli.BatchFiles;

namespace Coppice.Tests.Cli;

public sealed class ConstraintFieldsTests
{
    private static BatchLine Parse(string extra) => new LineParser().Parse(1, Encoding.UTF8.GetBytes($$"""{"prompt":"x",{{extra}}}"""));

    [Theory]
    [InlineData(""" "response_format":{"type":"json_object"} """, "json")]
    [InlineData(""" "response_format":{"type":"json_schema","json_schema":{"name":"a","strict":true,"schema":{"type":"boolean"}}} """, "schema {\"type\":\"boolean\"}")]
    [InlineData(""" "response_format":{"type":"text"} """, null)]
    [InlineData(""" "response_format":null """, null)]
    [InlineData(""" "grammar":"root ::= \"a\"" """, "grammar root ::= \"a\"")]
    public void Lines_may_say_what_an_answer_must_look_like(string extra, string? constraint) =>
        Assert.Equal(constraint, Assert.IsType<PromptLine>(Parse(extra)).Constraint?.Invoke().ToString());

    [Theory]
    [InlineData(""" "response_format":"json" """, "must be an object")]
    [InlineData(""" "response_format":{"type":"xml"} """, "must be text, json_object or json_schema")]
    [InlineData(""" "response_format":{} """, "type is missing")]
    [InlineData(""" "response_format":{"type":"json_schema"} """, "json_schema is missing")]
    [InlineData(""" "response_format":{"type":"json_schema","json_schema":{"name":"a"}} """, "schema is missing")]
    [InlineData(""" "response_format":{"type":"json_object"},"grammar":"root ::= \"a\"" """, "give one of them")]
    public void What_cannot_be_meant_is_refused(string extra, string says) =>
        Assert.Contains(says, Assert.IsType<BadLine>(Parse(extra)).Error.Message);

    [Theory]
    [InlineData(""" "response_format":{"type":"json_schema","json_schema":{"schema":{"type":"tuple"}}} """, "$.type")]
    [InlineData(""" "grammar":"root = 1" """, "line 1, column 6")]
    public void What_cannot_be_built_is_refused_when_it_is_the_lines_turn(string extra, string says)
    {
        PromptLine line = Assert.IsType<PromptLine>(Parse(extra));
        Assert.Contains(says, Assert.Throws<InvalidRequestException>(() => line.Constraint!()).Message, StringComparison.Ordinal);
    }
}
