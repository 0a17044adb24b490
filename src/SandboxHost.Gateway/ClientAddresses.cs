using System.Net;

namespace SandboxHost.Gateway;

/// <summary>Addresses as text. Keep-alive connections ask for the same one again and again.</summary>
internal static class ClientAddresses
{
    [ThreadStatic]
    private static (IPAddress? Address, string Text) _last;

    public static string TextOf(IPAddress address)
    {
        if (!address.Equals(_last.Address))
        {
            _last = (address, address.ToString());
        }

        return _last.Text;
    }
}
