using System.Text;
using System.Text.Json;
using SandboxHost.Deployments;
using SandboxHost.Events;
using SandboxHost.Invocations;
using SandboxHost.Output;
using SandboxHost.Runs;
using SandboxHost.Storage;

namespace SandboxHost.Gateway.Tests.Events;

/// <summary>Who is told of an event, in which order, and what comes of the answers.</summary>
public sealed class PlatformEventsTests : IAsyncDisposable, ILogSink
{
    private const string User = """{"user":{"id":"1","email":"a"}}""";

    private readonly TempFolder _folder = new();
    private readonly FakeInvoker _invoker = new();
    private readonly SqliteDatabase _database;
    private readonly SqliteRunStore _runs;
    private readonly PlatformEvents _events;

    public PlatformEventsTests()
    {
        _database = SqliteDatabase.Open(_folder.File("state.db"));
        _runs = new SqliteRunStore(_database);
        _events = new PlatformEvents(new RunQueue(_runs), _invoker, this, TimeProvider.System);
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Write(in OutputLine line)
    {
    }

    public async ValueTask DisposeAsync()
    {
        await _database.DisposeAsync();
        _folder.Dispose();
    }

    [TimedFact]
    public async Task Only_subscribers_are_told_in_the_order_of_their_names()
    {
        var result = await RaiseAsync("identity_login", Function("a", "identity_login"), Function("b", "identity_signup"), Function("c", "identity_login"));

        Assert.Equal("a Accepted, c Accepted", Outcomes(result));
        Assert.Equal(["a", "c"], _invoker.Requests.Select(request => request.Function.Name));
        var request = _invoker.Requests.First();
        Assert.Equal(("POST", "http://localhost/.netlify/functions/a", InvocationTrigger.Http), (request.Method, request.Url, request.Trigger));
        Assert.Equal(["content-type", "application/json", "x-netlify-event", "identity_login"], request.Headers);
        Assert.Null(result.User);
        Assert.All(await _runs.ListAsync(new RunQuery(), Stop), run => Assert.Equal((RunKind.Event, RunState.Succeeded, 1), (run.Kind, run.State, run.Attempt)));
        Assert.Equal(result.Deliveries.Select(delivery => delivery.RunId).Order(), (await _runs.ListAsync(new RunQuery(), Stop)).Select(run => run.Id).Order());
    }

    [TimedTheory]
    [InlineData(200, "", EventOutcome.Accepted)]
    [InlineData(204, "", EventOutcome.Accepted)]
    [InlineData(200, "fine", EventOutcome.Accepted)]
    [InlineData(200, "[1]", EventOutcome.Accepted)]
    [InlineData(200, "{}", EventOutcome.Changed)]
    [InlineData(401, "", EventOutcome.Denied)]
    [InlineData(400, "", EventOutcome.Denied)]
    [InlineData(500, "", EventOutcome.Denied)]
    [InlineData(302, "", EventOutcome.Denied)]
    [InlineData(201, "", EventOutcome.Denied)]
    public async Task The_status_says_yes_or_no(int status, string body, EventOutcome outcome)
    {
        _invoker.Answers(FakeExchange.Of(status, body));

        var result = await RaiseAsync("identity_validate", Function("a", "identity_validate"), Function("b", "identity_validate"));

        Assert.Equal(outcome, result.Deliveries[0].Outcome);
        Assert.Equal(outcome == EventOutcome.Denied ? (1, true) : (2, false), (result.Deliveries.Count, result.IsDenied));
    }

    [TimedFact]
    public async Task Each_gets_the_user_as_the_one_before_left_it_also_from_a_stream()
    {
        _invoker.Answer = (request, _) => Task.FromResult(request.Function.Name == "a"
            ? FakeExchange.Text("""{"email":"b"}""")
            : FakeExchange.Stream(async body =>
            {
                await body.WriteAsync(Encoding.UTF8.GetBytes("""{"role":"x"}"""), Stop);
                return null;
            }));

        var result = await RaiseAsync("identity_signup", Function("a", "identity_signup"), Function("b", "identity_signup"), Function("c", "identity_signup"));

        Assert.Equal("""{"user":{"id":"1","email":"b"}}""", BodyOf(_invoker.Requests.ElementAt(1)));
        Assert.Equal("""{"user":{"id":"1","email":"b","role":"x"}}""", BodyOf(_invoker.Requests.ElementAt(2)));
        Assert.Equal("""{"id":"1","email":"b","role":"x"}""", result.User);
        Assert.All(_invoker.Exchanges, exchange => Assert.Equal(1, exchange.Disposals));
    }

    [TimedTheory]
    [InlineData("identity_usermodified", "a Failed", true)]
    [InlineData("identity_userdeleted", "a Failed, b Failed", false)]
    public async Task A_failure_denies_what_can_be_denied(string slug, string outcomes, bool denied)
    {
        _invoker.Answers(FakeExchange.Failed(ErrorCode.Timeout, "late"));

        var result = await RaiseAsync(slug, Function("a", slug), Function("b", slug));

        Assert.Equal((outcomes, denied), (Outcomes(result), result.IsDenied));
        Assert.Equal(ErrorCode.Timeout, result.Deliveries[0].Error!.Code);
    }

    [TimedFact]
    public async Task An_answer_that_is_cut_or_too_large_for_a_user_is_a_failure()
    {
        _invoker.Answers(FakeExchange.Stream(_ => Task.FromResult<FunctionError?>(new FunctionError(ErrorCode.WorkerExited, "gone"))));
        Assert.Equal("a Failed", Outcomes(await RaiseAsync("identity_login", Function("a", "identity_login"))));

        _invoker.Answers(FakeExchange.Stream(_ => throw new InvalidOperationException("not to be read"), length: 300_000));
        Assert.Equal(ErrorCode.ResponseTooLarge, (await RaiseAsync("identity_login", Function("a", "identity_login"))).Deliveries[0].Error!.Code);

        _invoker.Answers(FakeExchange.Stream(async body =>
        {
            await body.WriteAsync(new byte[300_000], Stop);
            return null;
        }));
        Assert.Equal(ErrorCode.ResponseTooLarge, (await RaiseAsync("identity_login", Function("a", "identity_login"))).Deliveries[0].Error!.Code);
    }

    [TimedTheory]
    [InlineData("deploy_succeeded", FunctionKind.Http)]
    [InlineData("submission_created", FunctionKind.Http)]
    [InlineData("split_test_activated", FunctionKind.Http)]
    [InlineData("identity_login", FunctionKind.Background)]
    public async Task What_nobody_waits_for_is_stored_for_each(string slug, FunctionKind kind)
    {
        var result = await RaiseAsync(slug, Function("a", slug, kind), Function("b", slug, kind));

        Assert.Equal("a Queued, b Queued", Outcomes(result));
        Assert.Empty(_invoker.Requests);
        var runs = await _runs.ListAsync(new RunQuery(Kind: RunKind.Event), Stop);
        Assert.Equal(result.Deliveries.Select(delivery => delivery.RunId).Order(), runs.Select(run => run.Id).Order());
    }

    [TimedFact]
    public async Task What_cannot_be_stored_is_told()
    {
        await _database.DisposeAsync();

        var result = await RaiseAsync("deploy_failed", Function("a", "deploy_failed"));

        Assert.Equal((EventOutcome.NotQueued, ErrorCode.StoreFailed), (result.Deliveries[0].Outcome, result.Deliveries[0].Error!.Code));
    }

    private Task<EventResult> RaiseAsync(string slug, params FunctionVersion[] functions) =>
        _events.RaiseAsync(GatewayHost.SiteOf(functions), new EventMessage(PlatformEvent.Find(slug)!, Encoding.UTF8.GetBytes(User)), Stop);

    private static string BodyOf(InvocationRequest request) => JsonDocument.Parse(request.Body.Complete).RootElement.GetRawText();

    private static string Outcomes(EventResult result) => string.Join(", ", result.Deliveries.Select(delivery => $"{delivery.FunctionName} {delivery.Outcome}"));

    private static FunctionVersion Function(string name, string slug, FunctionKind kind = FunctionKind.Http) => new()
    {
        Site = new SiteIdentity("1", "site", "http://localhost", "2"),
        Deploy = new DeployIdentity("0", "dev", Published: false),
        Name = name,
        Kind = kind,
        Runtime = "node",
        ArtifactDirectory = "/nowhere",
        Entry = name + ".mjs",
        Environment = new Dictionary<string, string>(),
        Limits = FunctionLimits.Default,
        Events = [slug],
    };
}
