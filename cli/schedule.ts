import { parsePeriod, type Moment } from "../components/periods";
import type { AutoscalingSection, IdleSettings, PlannedRunner } from "./runners";

/** Names of the days, Monday first. */
export const days = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

const minutesInDay = 24 * 60;
const minutesInWeek = days.length * minutesInDay;

/** How many machines of a runner stand idle while there is no job. */
export interface IdleWeek {
  /** Time zone of `minutes`. */
  timezone: string;
  /** A count for each minute from Monday 00:00. */
  minutes: number[];
  /** What a week cannot show. */
  notes: string[];
}

/** A stretch of a day with the same number of idle machines; minutes of the day. */
export interface Run {
  from: number;
  to: number;
  idle: number;
}

// An empty time zone means the bastion's, and Ubuntu images come with UTC.
const zoneName = (timezone: string): string => (timezone === "" || timezone === "Local" ? "UTC" : timezone);

/**
 * Idle machines over a week as GitLab Runner counts them: the last `[[runners.machine.autoscaling]]` entry with a matching period
 * holds, and what it leaves out is 0, not the runner's own setting; without a match the runner's own settings hold.
 * @see https://docs.gitlab.com/runner/configuration/autoscale/#autoscaling-periods-configuration
 */
export function idleWeek({
  idle,
  autoscaling,
  limit,
}: Pick<PlannedRunner, "idle" | "autoscaling" | "limit">): IdleWeek {
  const zones = [...new Set(autoscaling.map(({ timezone }) => zoneName(timezone)))];
  const [timezone = "UTC"] = zones;
  const lastFirst = autoscaling.map((section) => ({ section, holds: weekOf(section, timezone) })).reverse();
  const minutes = Array.from({ length: minutesInWeek }, (_, minute) => {
    const count = idleCount(lastFirst.find(({ holds }) => holds(minute))?.section ?? idle);
    return limit > 0 ? Math.min(count, limit) : count;
  });

  const dated = autoscaling.flatMap(({ periods }) => periods.filter(isDated));
  const notes = dated.map(
    (period) => `The period ${period} holds on certain dates only, which a week cannot show.`,
  );
  const others = zones.slice(1).join(", ");
  if (others !== "") notes.push(`Periods in ${others} are shown as they fall in winter.`);
  return { timezone, minutes, notes };
}

/** Says at which minutes of a week in a time zone a section's periods hold. */
function weekOf(section: AutoscalingSection, timezone: string): (minute: number) => boolean {
  const ahead = winterOffset(zoneName(section.timezone)) - winterOffset(timezone);
  const periods = section.periods.filter((period) => !isDated(period)).map(parsePeriod);
  return (minute) => {
    const moment = momentOf((minute + ahead + minutesInWeek) % minutesInWeek);
    return periods.some((period) => period(moment));
  };
}

/** The same minute of some week: periods that ask for its date are not shown. */
function momentOf(minute: number): Moment {
  const day = Math.floor(minute / minutesInDay);
  return {
    minute: minute % 60,
    hour: Math.floor(minute / 60) % 24,
    weekday: (day + 1) % days.length,
    dayOfMonth: 1 + day,
    month: 1,
    year: 2026,
  };
}

/** A period whose day, month or year is restricted, or that asks for a certain one of a month's weekdays. */
function isDated(period: string): boolean {
  const [, , , day = "", month = "", weekday = "", year = ""] = period.trim().split(/\s+/);
  return [day, month, year].some((field) => field !== "*" && field !== "?") || /#|l$/i.test(weekday);
}

/** Hours of all idle machines in a week together. */
export const idleHoursPerWeek = ({ minutes }: IdleWeek): number =>
  minutes.reduce((sum, count) => sum + count, 0) / 60;

/** The stretches of a day, 0 = Monday. */
export function runsOf({ minutes }: IdleWeek, day: number): Run[] {
  const runs: Run[] = [];
  minutes.slice(day * minutesInDay, (day + 1) * minutesInDay).forEach((idle, minute) => {
    const last = runs.at(-1);
    if (last?.idle === idle) last.to = minute + 1;
    else runs.push({ from: minute, to: minute + 1, idle });
  });
  return runs;
}

/** With no machine in use a scale factor asks for none, so its minimum stays, which GitLab Runner raises to 1. */
const idleCount = ({ idleCount: count, idleScaleFactor, idleCountMin }: IdleSettings): number =>
  idleScaleFactor > 0 ? Math.min(count, Math.max(1, idleCountMin)) : count;

/** Minutes that a time zone is ahead of UTC in January. */
function winterOffset(zone: string): number {
  const format = new Intl.DateTimeFormat("en-GB", { timeZone: zone, timeZoneName: "longOffset" });
  const name =
    format.formatToParts(Date.UTC(2026, 0, 5)).find(({ type }) => type === "timeZoneName")?.value ?? "";
  const [, sign, hours, minutes] = /GMT([+-])(\d\d):(\d\d)/.exec(name) ?? [];
  const offset = Number(hours ?? 0) * 60 + Number(minutes ?? 0);
  return sign === "-" ? -offset : offset;
}
