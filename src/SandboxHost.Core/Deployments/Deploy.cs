using System.Globalization;
using System.Security.Cryptography;

namespace SandboxHost.Deployments;

/// <summary>How far a deploy has come. It only moves on: from uploading to one of the others, and stays there.</summary>
public enum DeployState
{
    /// <summary>Its files are on their way.</summary>
    Uploading,

    /// <summary>It can be served, and never changes again.</summary>
    Ready,

    /// <summary>It came to nothing; <see cref="Deploy.ErrorMessage"/> says why.</summary>
    Error,
}

/// <summary>One version of a site: its functions, its files, its rules.</summary>
public sealed record Deploy
{
    /// <summary>24 hexadecimal digits.</summary>
    public required string Id { get; init; }

    public required string SiteId { get; init; }

    public DeployState State { get; init; }

    /// <summary>"production", "deploy-preview", "branch-deploy" or a name of the author's own.</summary>
    public required string Context { get; init; }

    /// <summary>The git branch it was made from; empty when there is none.</summary>
    public string Branch { get; init; } = "";

    /// <summary>A further name that it answers at, until a later deploy takes it; null: none.</summary>
    public string? Alias { get; init; }

    /// <summary>What its author says of it; empty: nothing.</summary>
    public string Title { get; init; } = "";

    /// <summary>It becomes the published one when it is ready, unless the site is locked.</summary>
    public bool IsForProduction { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When it was ready, or had failed.</summary>
    public DateTimeOffset? EndedAt { get; init; }

    /// <summary>When it was published last.</summary>
    public DateTimeOffset? PublishedAt { get; init; }

    /// <summary>With <see cref="DeployState.Error"/>.</summary>
    public string? ErrorMessage { get; init; }

    public static string NewId(DateTimeOffset now) =>
        string.Create(CultureInfo.InvariantCulture, $"{(uint)now.ToUnixTimeSeconds():x8}{RandomNumberGenerator.GetHexString(16, lowercase: true)}");
}
