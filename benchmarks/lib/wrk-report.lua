-- `post FUNCTIONS BYTES` sends a body of that many bytes to URL0, URL1 … in turn, `get FUNCTIONS` none. Without either wrk
-- makes its request once.
function init(args)
  if args[1] ~= "post" and args[1] ~= "get" then
    return
  end

  local functions, current = tonumber(args[2]), 0
  if args[1] == "post" then
    wrk.method = "POST"
    wrk.body = string.rep("x", tonumber(args[3]))
  end
  request = function()
    current = (current + 1) % functions
    return wrk.format(nil, wrk.path .. current)
  end
end

-- One line of JSON instead of wrk's own report. Latencies in microseconds.
done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"microseconds":%d,"p50":%d,"p90":%d,"p99":%d,"max":%d,"errors":%d}\n',
    summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(90), latency:percentile(99), latency.max,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
