using System.Collections.Concurrent;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace SandboxHost.Conformance;

/// <summary>A debugger as an editor has one: the Chrome DevTools Protocol over a WebSocket, and positions through the source map.</summary>
public sealed class Debugger : IAsyncDisposable
{
    private readonly ClientWebSocket _socket = new();
    private readonly CancellationTokenSource _closing = new();
    private readonly ConcurrentDictionary<int, TaskCompletionSource<JsonNode>> _replies = new();
    private readonly ConcurrentDictionary<string, TaskCompletionSource<JsonNode>> _events = new();
    private readonly TaskCompletionSource<SourceMap> _script = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task _reading = Task.CompletedTask;
    private int _lastId;

    /// <summary>Completes when the other side hung up.</summary>
    public Task Closed => _reading;

    public static async Task<Debugger> AttachAsync(Uri target, CancellationToken cancellationToken)
    {
        var debugger = new Debugger();
        await debugger._socket.ConnectAsync(target, cancellationToken);
        debugger._reading = debugger.ReadAsync();
        await debugger.SendAsync("Runtime.enable");
        await debugger.SendAsync("Debugger.enable");
        return debugger;
    }

    public async Task<JsonNode> SendAsync(string method, JsonObject? parameters = null)
    {
        var id = Interlocked.Increment(ref _lastId);
        var reply = _replies[id] = new TaskCompletionSource<JsonNode>(TaskCreationOptions.RunContinuationsAsynchronously);
        var message = new JsonObject { ["id"] = id, ["method"] = method, ["params"] = parameters ?? [] };
        await _socket.SendAsync(Encoding.UTF8.GetBytes(message.ToJsonString()), WebSocketMessageType.Text, true, _closing.Token);
        var answer = await reply.Task;
        return answer["result"] ?? throw new InvalidOperationException($"{method}: {answer["error"]}");
    }

    /// <summary>Sets a breakpoint in a source file, as editors do: through the map to a place in the script.</summary>
    /// <param name="line">From 1.</param>
    public async Task BreakAtAsync(string file, int line)
    {
        var script = await _script.Task;
        var (generatedLine, generatedColumn) = script.PlaceOf(new Uri(file).AbsoluteUri, line);
        await SendAsync("Debugger.setBreakpointByUrl", new JsonObject
        {
            ["url"] = script.ScriptUrl,
            ["lineNumber"] = generatedLine,
            ["columnNumber"] = generatedColumn,
        });
    }

    /// <summary>Waits until the script stands still.</summary>
    /// <returns>The file, the line from 1, and the call frame's id.</returns>
    public async Task<(string File, int Line, string Frame)> PausedAsync()
    {
        var frame = (await EventAsync("Debugger.paused"))["callFrames"]![0]!;
        var script = await _script.Task;
        var (source, line) = script.OriginOf(frame["location"]!["lineNumber"]!.GetValue<int>(), frame["location"]!["columnNumber"]!.GetValue<int>());
        return (new Uri(source).LocalPath, line, frame["callFrameId"]!.GetValue<string>());
    }

    public async Task<string> EvaluateAsync(string frame, string expression)
    {
        var result = await SendAsync("Debugger.evaluateOnCallFrame", new JsonObject { ["callFrameId"] = frame, ["expression"] = expression, ["returnByValue"] = true });
        return result["result"]!["value"]!.ToJsonString();
    }

    public Task ResumeAsync() => SendAsync("Debugger.resume");

    public async ValueTask DisposeAsync()
    {
        await _closing.CancelAsync();
        await _reading;
        _socket.Dispose();
        _closing.Dispose();
    }

    private async Task<JsonNode> EventAsync(string method)
    {
        var parameters = await _events.GetOrAdd(method, _ => new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        _events.TryRemove(method, out _);
        return parameters;
    }

    private async Task ReadAsync()
    {
        try
        {
            while (await ReceiveAsync() is { } message)
            {
                Take(message);
            }
        }
        catch (Exception ex) when (ex is WebSocketException or OperationCanceledException)
        {
            // Closed by one of the two.
        }

        var gone = new WebSocketException("The debugger was disconnected.");
        _script.TrySetException(gone);
        foreach (var waiting in _replies.Values.Concat(_events.Values))
        {
            waiting.TrySetException(gone);
        }
    }

    private async Task<JsonNode?> ReceiveAsync()
    {
        using var message = new MemoryStream();
        var buffer = new byte[64 * 1024];
        while (true)
        {
            var part = await _socket.ReceiveAsync(buffer, _closing.Token);
            if (part.MessageType == WebSocketMessageType.Close)
            {
                return null;
            }

            message.Write(buffer, 0, part.Count);
            if (part.EndOfMessage)
            {
                return JsonNode.Parse(message.ToArray());
            }
        }
    }

    private void Take(JsonNode message)
    {
        if (message["id"] is { } id)
        {
            _replies[id.GetValue<int>()].TrySetResult(message);
            return;
        }

        var (method, parameters) = (message["method"]!.GetValue<string>(), message["params"]!);
        if (method == "Debugger.scriptParsed")
        {
            // The runner's own script has a map, too, but no place on the developer's disk.
            var map = parameters["sourceMapURL"]!.GetValue<string>();
            if (map.StartsWith("data:", StringComparison.Ordinal) && parameters["url"]!.GetValue<string>().StartsWith("file://", StringComparison.Ordinal))
            {
                _script.TrySetResult(new SourceMap(parameters["url"]!.GetValue<string>(), map));
            }
        }
        else
        {
            _events.GetOrAdd(method, _ => new(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult(parameters);
        }
    }

    /// <summary>A source map (ECMA-426), read as far as breakpoints need it.</summary>
    private sealed class SourceMap
    {
        private const string Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

        private readonly List<(int Line, int Column, string Source, int SourceLine)> _mappings = [];

        public SourceMap(string scriptUrl, string dataUrl)
        {
            ScriptUrl = scriptUrl;
            using var map = JsonDocument.Parse(Convert.FromBase64String(dataUrl[(dataUrl.IndexOf(',') + 1)..]));
            var sources = map.RootElement.GetProperty("sources").EnumerateArray().Select(source => source.GetString()!).ToList();
            var (source, sourceLine, line) = (0, 0, 0);
            foreach (var group in map.RootElement.GetProperty("mappings").GetString()!.Split(';'))
            {
                var column = 0;
                foreach (var fields in group.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(Decode))
                {
                    column += fields[0];
                    if (fields.Count >= 4)
                    {
                        source += fields[1];
                        sourceLine += fields[2];
                        _mappings.Add((line, column, sources[source], sourceLine));
                    }
                }

                line++;
            }
        }

        public string ScriptUrl { get; }

        public (int Line, int Column) PlaceOf(string source, int line)
        {
            var first = _mappings.Where(mapping => mapping.Source == source && mapping.SourceLine == line - 1).Select(mapping => (mapping.Line, mapping.Column)).ToList();
            Assert.True(first.Count > 0, $"The source map has nothing for {source}:{line}; it knows {string.Join(", ", _mappings.Select(mapping => mapping.Source).Distinct())}");
            return first[0];
        }

        public (string Source, int Line) OriginOf(int line, int column)
        {
            var (_, _, source, sourceLine) = _mappings.Last(mapping => mapping.Line == line && mapping.Column <= column);
            return (source, sourceLine + 1);
        }

        private static List<int> Decode(string text)
        {
            var (values, value, shift) = (new List<int>(), 0, 0);
            foreach (var digit in text.Select(c => Digits.IndexOf(c)))
            {
                value |= (digit & 31) << shift;
                shift += 5;
                if ((digit & 32) == 0)
                {
                    values.Add((value & 1) == 0 ? value >> 1 : -(value >> 1));
                    (value, shift) = (0, 0);
                }
            }

            return values;
        }
    }
}
