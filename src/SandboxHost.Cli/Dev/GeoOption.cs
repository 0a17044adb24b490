using System.Text.Json;
using System.Text.RegularExpressions;
using SandboxHost.Deployments;

namespace SandboxHost.Cli.Dev;

/// <summary>`--geo` and `--country`: where clients appear to be. Nobody is asked; the host works offline.</summary>
internal static partial class GeoOption
{
    public const string Rule = "expected mock, a JSON file, or JSON such as {\"city\":\"Paris\",\"country\":{\"code\":\"FR\",\"name\":\"France\"}}";

    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        UnmappedMemberHandling = System.Text.Json.Serialization.JsonUnmappedMemberHandling.Disallow,
        AllowTrailingCommas = true,
        ReadCommentHandling = JsonCommentHandling.Skip,
    };

    /// <returns>Null after a mistake.</returns>
    public static GeoLocation? Read(string? geo, string? country, List<string> mistakes)
    {
        if (country is not null)
        {
            if (!CountryCode().IsMatch(country))
            {
                mistakes.Add($"--country {country}: expected two letters such as DE (ISO 3166)");
                return null;
            }

            // What Netlify's dev server says with --country (reference §3.1).
            return GeoLocation.Mock with
            {
                City = "Mock City",
                Country = new GeoArea(country.ToUpperInvariant(), "Mock Country"),
                Subdivision = new GeoArea("SD", "Mock Subdivision"),
            };
        }

        switch (geo)
        {
            case null or "mock":
                return GeoLocation.Mock;
            case "cache" or "update":
                mistakes.Add($"--geo {geo}: the host asks no service where you are; {Rule}");
                return null;
            default:
                return ReadJson(geo, mistakes);
        }
    }

    private static GeoLocation? ReadJson(string geo, List<string> mistakes)
    {
        try
        {
            var text = geo.TrimStart().StartsWith('{') ? geo : File.ReadAllText(geo);
            return JsonSerializer.Deserialize<GeoLocation>(text, Json) ?? throw new JsonException("it is null");
        }
        catch (JsonException ex)
        {
            mistakes.Add(ex.Path is null or "$" ? $"--geo {geo}: it is no legal JSON; {Rule}" : $"--geo {geo}: {ex.Path} is unknown or of another kind; {Rule}");
        }
        catch (Exception ex) when (ex is IOException or UnauthorizedAccessException)
        {
            mistakes.Add($"--geo {geo}: there is no such file; {Rule}");
        }

        return null;
    }

    [GeneratedRegex("^[A-Za-z]{2}$", RegexOptions.CultureInvariant, 1000)]
    private static partial Regex CountryCode();
}
