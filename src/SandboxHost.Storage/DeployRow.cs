using SandboxHost.Deployments;

namespace SandboxHost.Storage;

/// <summary>A row of <c>deploys</c>, as Dapper fills it.</summary>
internal sealed class DeployRow
{
    public const string Columns =
        "id, site_id AS SiteId, state, context, branch, alias, title, is_for_production AS IsForProduction, created_at AS CreatedAt, "
        + "ended_at AS EndedAt, published_at AS PublishedAt, error_message AS ErrorMessage";

    public string Id { get; init; } = "";

    public string SiteId { get; init; } = "";

    public long State { get; init; }

    public string Context { get; init; } = "";

    public string Branch { get; init; } = "";

    public string? Alias { get; init; }

    public string Title { get; init; } = "";

    public bool IsForProduction { get; init; }

    public long CreatedAt { get; init; }

    public long? EndedAt { get; init; }

    public long? PublishedAt { get; init; }

    public string? ErrorMessage { get; init; }

    public static DeployRow Of(Deploy deploy) => new()
    {
        Id = deploy.Id,
        SiteId = deploy.SiteId,
        State = (long)deploy.State,
        Context = deploy.Context,
        Branch = deploy.Branch,
        Alias = deploy.Alias,
        Title = deploy.Title,
        IsForProduction = deploy.IsForProduction,
        CreatedAt = deploy.CreatedAt.ToStored(),
        EndedAt = deploy.EndedAt?.ToStored(),
        PublishedAt = deploy.PublishedAt?.ToStored(),
        ErrorMessage = deploy.ErrorMessage,
    };

    public Deploy ToDeploy() => new()
    {
        Id = Id,
        SiteId = SiteId,
        State = (DeployState)State,
        Context = Context,
        Branch = Branch,
        Alias = Alias,
        Title = Title,
        IsForProduction = IsForProduction,
        CreatedAt = CreatedAt.ToTime(),
        EndedAt = EndedAt?.ToTime(),
        PublishedAt = PublishedAt?.ToTime(),
        ErrorMessage = ErrorMessage,
    };
}
