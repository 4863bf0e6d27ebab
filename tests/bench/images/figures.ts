/** One way to do what others do, too, and how long it took. */
export interface Way {
  name: string;
  /** Median, in seconds. */
  seconds: number;
  /** What it costs beside time, for whom chooses. */
  costs: string;
}

/** What must hold between two ways. */
export interface Aim {
  way: string;
  than: string;
  /** How many times faster than the other; below 1 it may be slower. */
  timesFaster: number;
}

/** Ways to do one thing; the first is what the others are compared with. */
export interface Comparison {
  title: string;
  ways: [Way, ...Way[]];
  aims: Aim[];
}

/** What a run of the bench found. */
export interface Figures {
  /** How often each way was measured at least. */
  runs: number;
  comparisons: Comparison[];
}

/** The middle value; of an even number of values the lower one of the middle two. */
export function median(values: number[]): number {
  const middle = [...values].sort((one, other) => one - other)[Math.ceil(values.length / 2) - 1];
  if (middle === undefined) throw new Error("There is no median of nothing");
  return middle;
}

/** How many times faster a way was than the other. */
export function timesFaster({ ways }: Comparison, way: string, than: string): number {
  const secondsOf = (name: string) => {
    const found = ways.find((candidate) => candidate.name === name);
    if (!found) throw new Error(`Nothing was measured that is called ${name}`);
    return found.seconds;
  };
  return secondsOf(than) / secondsOf(way);
}

/**
 * Each aim that was missed, in a sentence.
 * @param margin what part of an aim will do, where it was measured but once
 */
export function missedAims(comparison: Comparison, margin = 1): string[] {
  return comparison.aims.flatMap((aim) => {
    const reached = timesFaster(comparison, aim.way, aim.than);
    if (reached >= aim.timesFaster * margin) return [];
    return [
      `${comparison.title}: "${aim.way}" is ${reached.toFixed(2)} times as fast as "${aim.than}"; ${aim.timesFaster.toFixed(2)} is the aim`,
    ];
  });
}
