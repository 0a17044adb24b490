/** Of a sorted or unsorted list; between two values it interpolates. */
export function percentile(values, percent) {
  if (values.length === 0) {
    return NaN;
  }
  const sorted = [...values].sort((a, b) => a - b);
  const position = (sorted.length - 1) * percent / 100;
  const below = Math.floor(position);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (position - below);
}

export const median = (values) => percentile(values, 50);

export function spread(values) {
  return { min: Math.min(...values), median: median(values), max: Math.max(...values) };
}
