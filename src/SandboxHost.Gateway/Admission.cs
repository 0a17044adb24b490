using Microsoft.AspNetCore.Http;
using SandboxHost.Deployments;
using SandboxHost.Invocations;

namespace SandboxHost.Gateway;

/// <summary>What is refused from the head alone, before a worker is asked for.</summary>
internal static class Admission
{
    public static FunctionError? Refuses(HttpRequest request, FunctionVersion function)
    {
        if (function.BuildError is not null)
        {
            return function.BuildError;
        }

        var limit = function.Kind == FunctionKind.Background ? function.Limits.BackgroundBytes : function.Limits.RequestBytes;
        return request.ContentLength > limit
            ? new FunctionError(ErrorCode.RequestTooLarge, $"The request body is larger than {limit} bytes, which is the limit of this function.")
            : null;
    }
}
