import type { ScheduledRunner } from "../fleet-plan";
import { days, runsOf } from "../schedule";
import { markup, type Markup } from "./markup";

const left = 44;
const top = 22;
const hourWidth = 30;
const rowHeight = 28;
const rowGap = 4;
const width = left + 24 * hourWidth + 2;
const height = top + days.length * (rowHeight + rowGap);

/** A week of idle machines: a row for each day, as many shades as counts. */
export function weekPicture({ name, week }: ScheduledRunner): Markup {
  const most = Math.max(...week.minutes, 1);
  const hours = [0, 3, 6, 9, 12, 15, 18, 21, 24];
  return markup`<svg class="week" viewBox="0 0 ${width} ${height}" role="img" aria-label="Idle machines of ${name} over a week">
${hours.map((hour) => markup`<text x="${left + hour * hourWidth}" y="13" text-anchor="${anchor(hour)}">${hour}</text>`)}
${days.map((day, i) => {
  const y = top + i * (rowHeight + rowGap);
  const runs = runsOf(week, i);
  return markup`<text x="0" y="${y + 19}">${day}</text>${runs.map(({ from, to, idle }) => {
    const x = left + (from / 60) * hourWidth;
    const length = ((to - from) / 60) * hourWidth;
    const shade = idle === 0 ? 0 : 0.25 + (0.75 * idle) / most;
    const isDark = shade > 0.6;
    return markup`<g><title>${day} ${clock(from)}–${clock(to)}: ${machines(idle)}</title><rect class="cell" x="${x + 0.5}" y="${y}" width="${length - 1}" height="${rowHeight}" rx="3"/><rect class="idle" x="${x + 0.5}" y="${y}" width="${length - 1}" height="${rowHeight}" rx="3" opacity="${shade.toFixed(2)}"/>${length >= 20 && markup`<text class="${isDark ? "count on" : "count"}" x="${x + length / 2}" y="${y + 19}" text-anchor="middle">${idle}</text>`}</g>`;
  })}`;
})}
</svg>`;
}

/** `08:30`; the end of a day is `24:00`. */
export const clock = (minute: number): string =>
  `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;

const machines = (count: number): string => `${count} idle ${count === 1 ? "machine" : "machines"}`;

const anchor = (hour: number): string => (hour === 24 ? "end" : hour === 0 ? "start" : "middle");
