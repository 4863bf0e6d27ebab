import { median, type Aim, type Comparison } from "./figures";

/** One way to build, to be measured. */
export interface Contestant {
  name: string;
  costs: string;
  /** What goes before the clock starts, and for the first run only: another worker's build that fills the cache. */
  prepare?: () => Promise<unknown>;
  /** @returns seconds */
  measure: (run: number) => Promise<number>;
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
    for (let run = 1; run <= runs; run++) {
      for (const contestant of contestants) {
        const seconds = await contestant.measure(run);
        measured.set(contestant, [...(measured.get(contestant) ?? []), seconds]);
        console.log(`  ${seconds.toFixed(2).padStart(6)} s  ${contestant.name}`);
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
