export function label(event: string): string {
  return `Admit one: ${event[0]?.toUpperCase() ?? ""}${event.slice(1)}`;
}
