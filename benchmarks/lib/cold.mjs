// Cold starts come from the BenchmarkDotNet project next door; its JSON report is read here.

import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { benchmarkProgram, run } from './processes.mjs';
import { percentile } from './statistics.mjs';

const TimeoutMs = 8 * 60_000;

export async function measureCold(options, artifacts, log, say) {
  const directory = join(artifacts, 'cold');
  rmSync(directory, { recursive: true, force: true });
  say(`cold starts, ${options.iterations} of each kind`);
  await run('dotnet', [benchmarkProgram, '--filter', '*Start*', '--artifacts', directory], {
    timeoutMs: TimeoutMs,
    env: { SANDBOXHOST_BENCHMARK_STARTS: String(options.iterations) },
  });
  const results = join(directory, 'results');
  const cases = readdirSync(results)
    .filter((name) => name.endsWith('-report-full.json'))
    .flatMap((name) => JSON.parse(readFileSync(join(results, name), 'utf8')).Benchmarks.map(readCase));
  return { cases };
}

function readCase(benchmark) {
  const milliseconds = benchmark.Measurements
    .filter((measurement) => measurement.IterationMode === 'Workload' && measurement.IterationStage === 'Result')
    .map((measurement) => measurement.Nanoseconds / measurement.Operations / 1e6);
  return {
    name: benchmark.Method,
    parameters: benchmark.Parameters,
    count: milliseconds.length,
    p50: percentile(milliseconds, 50),
    p90: percentile(milliseconds, 90),
    p99: percentile(milliseconds, 99),
    min: Math.min(...milliseconds),
    max: Math.max(...milliseconds),
    milliseconds,
  };
}
