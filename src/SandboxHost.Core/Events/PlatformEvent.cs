namespace SandboxHost.Events;

/// <summary>What a platform event is about, and so what comes of its handlers.</summary>
public enum EventSubject
{
    /// <summary>A deploy; nobody waits for its handlers.</summary>
    Deploy,

    /// <summary>A form that was sent in; nobody waits for its handlers.</summary>
    Form,

    /// <summary>A user; the handlers' results are waited for.</summary>
    User,

    /// <summary>A split test; nobody waits, and only functions with the name of the event hear of it.</summary>
    SplitTest,
}

/// <summary>One of the events that functions can subscribe to (reference §9.1).</summary>
/// <param name="Slug">Its name on the wire, in <see cref="Header"/>.</param>
/// <param name="HandlerName">The member of a default-exported object that handles it; null: there is none.</param>
/// <param name="FileName">The name of a function that is subscribed by its name, without "-background"; null: there is none.</param>
/// <param name="IsDeniable">A handler may say no, and an error of it says no as well.</param>
public sealed record PlatformEvent(string Slug, EventSubject Subject, string? HandlerName, string? FileName, bool IsDeniable = false)
{
    /// <summary>The request header that says which event a request is about. Outside requests can't set it unsigned.</summary>
    public const string Header = "x-netlify-event";

    private const string BackgroundSuffix = "-background";

    public static readonly PlatformEvent FormSubmitted = new("submission_created", EventSubject.Form, "formSubmitted", "submission-created");

    public static IReadOnlyList<PlatformEvent> All { get; } =
    [
        new("deploy_building", EventSubject.Deploy, "deployBuilding", "deploy-building"),
        new("deploy_succeeded", EventSubject.Deploy, "deploySucceeded", "deploy-succeeded"),
        new("deploy_failed", EventSubject.Deploy, "deployFailed", "deploy-failed"),
        new("deploy_deleted", EventSubject.Deploy, "deployDeleted", "deploy-deleted"),
        new("deploy_locked", EventSubject.Deploy, "deployLocked", "deploy-locked"),
        new("deploy_unlocked", EventSubject.Deploy, "deployUnlocked", "deploy-unlocked"),
        FormSubmitted,
        new("identity_login", EventSubject.User, "userLogin", "identity-login", IsDeniable: true),
        new("identity_signup", EventSubject.User, "userSignup", "identity-signup", IsDeniable: true),
        new("identity_validate", EventSubject.User, "userValidate", "identity-validate", IsDeniable: true),
        new("identity_usermodified", EventSubject.User, "userModified", null, IsDeniable: true),
        new("identity_userdeleted", EventSubject.User, "userDeleted", null),
        new("split_test_activated", EventSubject.SplitTest, null, "split-test-activated"),
        new("split_test_deactivated", EventSubject.SplitTest, null, "split-test-deactivated"),
        new("split_test_modified", EventSubject.SplitTest, null, "split-test-modified"),
    ];

    /// <summary>By slug, handler name or file name; null when there is no such event.</summary>
    public static PlatformEvent? Find(string name) => All.FirstOrDefault(item => name == item.Slug || name == item.HandlerName || name == item.FileName);

    /// <summary>The event that a function is subscribed to by its own name; null when there is none.</summary>
    public static PlatformEvent? OfFunction(string functionName)
    {
        ArgumentNullException.ThrowIfNull(functionName);
        var name = functionName.EndsWith(BackgroundSuffix, StringComparison.Ordinal) ? functionName[..^BackgroundSuffix.Length] : functionName;
        return All.FirstOrDefault(item => item.FileName == name);
    }
}
