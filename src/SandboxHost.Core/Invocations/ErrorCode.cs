namespace SandboxHost.Invocations;

/// <summary>
/// The closed list of ways an invocation ends other than with a complete response. The names in <see cref="ErrorTable"/>
/// are the same in error pages, logs, metrics, API and docs.
/// </summary>
public enum ErrorCode
{
    /// <summary>No site, function or file answers at this address.</summary>
    NotFound,

    /// <summary>The request body is larger than the function's limit.</summary>
    RequestTooLarge,

    /// <summary>The client sent a request that HTTP does not allow.</summary>
    BadRequest,

    /// <summary>An event from outside is not signed as it must be.</summary>
    BadSignature,

    /// <summary>The rate limit of the function is used up.</summary>
    RateLimited,

    /// <summary>The request has been through this host too often.</summary>
    LoopDetected,

    /// <summary>No worker became free in time, or too many requests wait already.</summary>
    Overloaded,

    /// <summary>The function's workers died again and again; for a while none is started.</summary>
    CrashLoop,

    /// <summary>No worker process could be started.</summary>
    StartFailed,

    /// <summary>The function's module did not load.</summary>
    LoadError,

    /// <summary>The function threw, rejected, returned something unsupported, or broke its own body.</summary>
    FunctionError,

    /// <summary>The function did not finish within its time limit.</summary>
    Timeout,

    /// <summary>The worker was killed for its memory limit.</summary>
    OutOfMemory,

    /// <summary>The worker process ended while the invocation ran.</summary>
    WorkerExited,

    /// <summary>The response is larger than the function's limit.</summary>
    ResponseTooLarge,

    /// <summary>The worker broke the worker protocol.</summary>
    ProtocolViolation,

    /// <summary>The client went away.</summary>
    ClientGone,

    /// <summary>The host could not store the call of a background function, so nothing was accepted.</summary>
    StoreFailed,

    /// <summary>The host is shutting down.</summary>
    HostShutdown,

    /// <summary>The host failed. Unknown means this.</summary>
    InternalError,

    /// <summary>A rewrite leads to another host, which can't be reached or may not be.</summary>
    ProxyFailed,

    /// <summary>A rewrite leads to another host, which did not answer within the limit.</summary>
    ProxyTimeout,
}

/// <summary>Who has to act on an error.</summary>
public enum Fault
{
    Client,
    Function,
    Host,
}

/// <summary>One row of <see cref="ErrorTable"/>.</summary>
/// <param name="Name">The name on the wire and in the docs, snake_case.</param>
/// <param name="Status">The HTTP status when nothing was sent yet.</param>
/// <param name="IsWorkerDeath">The worker is gone, so another one may be asked if nothing was promised yet.</param>
/// <param name="Type">The <c>errorType</c> that Netlify's clients know (reference §2.4 and §4); otherwise the name.</param>
/// <param name="VisitorText">
/// What a visitor of a deployed site is told. Null: the error's own message, which holds nothing of the function's.
/// </param>
public sealed record ErrorRow(
    ErrorCode Code, string Name, Fault Fault, int Status, bool IsWorkerDeath = false, string? Type = null, string? VisitorText = null);

/// <summary>The one table from error code to what follows from it. docs/errors.md is checked against it.</summary>
public static class ErrorTable
{
    private const string Crashed = "The function ended before it answered.";

    private static readonly ErrorRow[] Rows =
    [
        new(ErrorCode.NotFound, "not_found", Fault.Client, 404),
        new(ErrorCode.RequestTooLarge, "request_too_large", Fault.Client, 413, Type: "PayloadTooLargeError"),
        new(ErrorCode.BadRequest, "bad_request", Fault.Client, 400),
        new(ErrorCode.BadSignature, "bad_signature", Fault.Client, 401),
        new(ErrorCode.RateLimited, "rate_limited", Fault.Client, 429),
        new(ErrorCode.LoopDetected, "loop_detected", Fault.Function, 508),
        new(ErrorCode.Overloaded, "overloaded", Fault.Function, 503),
        new(ErrorCode.CrashLoop, "crash_loop", Fault.Function, 503, VisitorText: "The function crashed again and again; it is tried again in a while."),
        new(ErrorCode.StartFailed, "start_failed", Fault.Host, 503, VisitorText: "The function could not be started."),
        new(ErrorCode.LoadError, "load_error", Fault.Function, 502, Type: "Runtime.ImportModuleError", VisitorText: "The function could not be loaded."),
        new(ErrorCode.FunctionError, "function_error", Fault.Function, 500, VisitorText: "The function failed."),
        new(ErrorCode.Timeout, "timeout", Fault.Function, 504, Type: "TimeoutError"),
        new(ErrorCode.OutOfMemory, "out_of_memory", Fault.Function, 502, IsWorkerDeath: true, Type: "Runtime.ExitError", VisitorText: Crashed),
        new(ErrorCode.WorkerExited, "worker_exited", Fault.Function, 502, IsWorkerDeath: true, Type: "Runtime.ExitError", VisitorText: Crashed),
        new(ErrorCode.ResponseTooLarge, "response_too_large", Fault.Function, 502, Type: "Function.ResponseSizeTooLarge"),
        new(ErrorCode.ProtocolViolation, "protocol_violation", Fault.Function, 502, IsWorkerDeath: true, VisitorText: Crashed),
        new(ErrorCode.ClientGone, "client_gone", Fault.Client, 499),
        new(ErrorCode.StoreFailed, "store_failed", Fault.Host, 503),
        new(ErrorCode.HostShutdown, "host_shutdown", Fault.Host, 503),
        new(ErrorCode.InternalError, "internal_error", Fault.Host, 500, VisitorText: "The host failed."),
        new(ErrorCode.ProxyFailed, "proxy_failed", Fault.Function, 502),
        new(ErrorCode.ProxyTimeout, "proxy_timeout", Fault.Function, 504),
    ];

    public static IReadOnlyList<ErrorRow> All => Rows;

    public static ErrorRow Of(ErrorCode code) => Rows[(int)code];
}
