import { median, type Aim, type Comparison } from "./figures";

/** One way to build, to be measured. */
export interface Contestant {
  name: string;
  costs: string;
  /** What goes before: another worker's build that fills the cache. */
  prepare?: () => Promise<unknown>;
  /**
   * @param change differs each time
   * @returns seconds
   */
  measure: (change: number) => Promise<number>;
  /** Ends what it keeps. */
  stop?: () => Promise<void>;
}

/** Measures ways to build in turn, so that none of them has a quieter machine than the others. */
export async function contest(
  title: string,
  contestants: [Contestant, ...Contestant[]],
  aims: Aim[],
  runs: number,
): Promise<Comparison> {
  console.log(title);
  const measured = new Map<Contestant, number[]>();
  try {
    for (const contestant of contestants) await contestant.prepare?.();
    let change = 0;
    for (let run = 1; run <= runs; run++) {
      for (const contestant of contestants) {
        const times = measured.get(contestant) ?? [];
        measured.set(contestant, times);
        for (let again = 0; again < 9; again++) {
          const seconds = await contestant.measure(++change);
          times.push(seconds);
          console.log(`  ${seconds.toFixed(2).padStart(6)} s  ${contestant.name}`);
          // The noise of what takes a moment only is as long as itself.
          if (seconds > 2) break;
        }
      }
    }
  } finally {
    for (const contestant of contestants) await contestant.stop?.();
  }
  const way = (contestant: Contestant) => ({
    name: contestant.name,
    seconds: Number(median(measured.get(contestant) ?? []).toFixed(2)),
    costs: contestant.costs,
  });
  const [first, ...others] = contestants;
  return { title, ways: [way(first), ...others.map(way)], aims };
}
