using SandboxHost.Invocations;

namespace SandboxHost.Tests.Invocations;

public sealed class ErrorTableTests
{
    public static TheoryData<ErrorCode> Codes => [.. Enum.GetValues<ErrorCode>()];

    [TimedTheory]
    [MemberData(nameof(Codes))]
    public void Every_code_has_its_own_row(ErrorCode code)
    {
        var row = ErrorTable.Of(code);

        Assert.Equal(code, row.Code);
        Assert.Equal(SnakeCase(code.ToString()), row.Name);
        Assert.InRange(row.Status, 400, 599);
    }

    [TimedFact]
    public void There_are_no_more_rows_than_codes_and_no_name_twice()
    {
        Assert.Equal(Enum.GetValues<ErrorCode>().Length, ErrorTable.All.Count);
        Assert.Distinct(ErrorTable.All.Select(row => row.Name));
    }

    [TimedFact]
    public void A_client_is_blamed_with_4xx_only() =>
        Assert.All(ErrorTable.All, row => Assert.Equal(row.Fault == Fault.Client, row.Status < 500));

    private static string SnakeCase(string name) =>
        string.Concat(name.Select((c, i) => char.IsUpper(c) ? (i > 0 ? "_" : "") + char.ToLowerInvariant(c) : c.ToString()));
}
