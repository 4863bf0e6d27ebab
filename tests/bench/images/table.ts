import { timesFaster, type Comparison, type Figures } from "./figures";

/** Seconds, e.g. "0.25 s". */
export const seconds = (value: number) => `${value.toFixed(value < 10 ? 2 : 1)} s`;

/** How many times faster, e.g. "3.1x". */
export const times = (value: number) => `${value.toFixed(value < 10 ? 1 : 0)}x`;

/** The figures as a Markdown table for each comparison. */
export function markdown({ runs, comparisons }: Figures): string {
  return [`Median of ${runs}.`, ...comparisons.map(table)].join("\n\n");
}

function table(comparison: Comparison): string {
  const [reference] = comparison.ways;
  const rows = comparison.ways.map(({ name, seconds: time, costs }) => [
    name,
    seconds(time),
    times(timesFaster(comparison, name, reference.name)),
    costs,
  ]);
  const header = [comparison.title, "time", "faster", "costs"];
  const line = (cells: string[]) => `| ${cells.join(" | ")} |`;
  return [line(header), line(["---", "---:", "---:", "---"]), ...rows.map(line)].join("\n");
}
