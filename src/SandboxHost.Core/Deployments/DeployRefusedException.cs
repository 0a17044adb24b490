namespace SandboxHost.Deployments;

/// <summary>Why something that was asked of sites and deploys is not done.</summary>
public enum DeployRefusal
{
    /// <summary>There is no such site or deploy.</summary>
    NotFound,

    /// <summary>What was said breaks a rule.</summary>
    Invalid,

    /// <summary>It does not fit the state that the site or deploy is in.</summary>
    WrongState,

    /// <summary>The name is taken.</summary>
    Taken,

    /// <summary>A limit is reached.</summary>
    TooMany,

    /// <summary>The disk did not take it.</summary>
    Disk,
}

/// <summary>Something that was asked of sites and deploys is not done; nothing was changed. The message is for people.</summary>
public sealed class DeployRefusedException(DeployRefusal refusal, string message, Exception? inner = null) : Exception(message, inner)
{
    public DeployRefusal Refusal => refusal;
}
