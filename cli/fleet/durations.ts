const milliseconds = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `15m`, `2h` as milliseconds; undefined when it is no such text. */
export function parseDuration(text: string): number | undefined {
  const { amount, unit } = /^(?<amount>\d+)(?<unit>[smhd])$/.exec(text)?.groups ?? {};
  const found = Object.entries(milliseconds).find(([letter]) => letter === unit);
  return found && Number(amount) * found[1];
}

/** Milliseconds as people say them, in the largest unit of which there are two: `59 s`, `119 s`, `2 min`, `47 h`, `2 d`. */
export function durationText(duration: number): string {
  const units: [string, number][] = [
    ["d", milliseconds.d],
    ["h", milliseconds.h],
    ["min", milliseconds.m],
  ];
  const [unit, length] = units.find(([, length]) => duration >= 2 * length) ?? ["s", milliseconds.s];
  return `${Math.max(0, Math.floor(duration / length))} ${unit}`;
}
