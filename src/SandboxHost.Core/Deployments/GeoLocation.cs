namespace SandboxHost.Deployments;

/// <summary>Where a client is, as far as the host knows: <c>context.geo</c> (reference §3.1). Absent parts are null.</summary>
public sealed record GeoLocation
{
    /// <summary>What Netlify's dev server says of every client: San Francisco at 0, 0.</summary>
    public static readonly GeoLocation Mock = new()
    {
        City = "San Francisco",
        Country = new GeoArea("US", "United States"),
        Subdivision = new GeoArea("CA", "California"),
        Timezone = "UTC",
        Latitude = 0,
        Longitude = 0,
    };

    /// <summary>Nothing is known of where clients are.</summary>
    public static readonly GeoLocation Unknown = new();

    public string? City { get; init; }

    public GeoArea? Country { get; init; }

    public GeoArea? Subdivision { get; init; }

    /// <summary>IANA name.</summary>
    public string? Timezone { get; init; }

    /// <summary>Degrees.</summary>
    public double? Latitude { get; init; }

    /// <summary>Degrees.</summary>
    public double? Longitude { get; init; }

    public string? PostalCode { get; init; }
}

/// <param name="Code">ISO 3166, upper case.</param>
public sealed record GeoArea(string Code, string Name);
