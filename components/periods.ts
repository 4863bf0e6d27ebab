/** A moment, as a period's fields see it. */
export interface Moment {
  minute: number;
  hour: number;
  dayOfMonth: number;
  /** 1 to 12. */
  month: number;
  /** 0 is Sunday. */
  weekday: number;
  year: number;
}

/** A period whose fields are understood: says whether a moment is in it. */
export type Period = (moment: Moment) => boolean;

interface Field {
  name: string;
  least: number;
  most: number;
  names?: readonly string[];
}

const months = "january february march april may june july august september october november december".split(
  " ",
);
const weekdays = "sunday monday tuesday wednesday thursday friday saturday".split(" ");

const minuteField: Field = { name: "minute", least: 0, most: 59 };
const hourField: Field = { name: "hour", least: 0, most: 23 };
const dayField: Field = { name: "day", least: 1, most: 31 };
const monthField: Field = { name: "month", least: 1, most: 12, names: months };
const weekdayField: Field = { name: "weekday", least: 0, most: 7, names: weekdays };
const yearField: Field = { name: "year", least: 1970, most: 2099 };

/** Why a period cannot be. */
export class PeriodError extends Error {}

const isAny = (text: string) => text === "*" || text === "?";

function valueOf(text: string, field: Field): number {
  const word = text.toLowerCase();
  const named = field.names?.findIndex((name) => word === name || word === name.slice(0, 3)) ?? -1;
  if (named >= 0) return named + field.least;
  // Where names are allowed, GitLab Runner reads 01 as something else than 1.
  const isNumber = field.names ? /^(0|[1-9]\d*)$/.test(text) : /^\d+$/.test(text);
  const value = isNumber ? Number(text) : NaN;
  if (!(value >= field.least && value <= field.most)) {
    const names = field.names ? ` or ${field.names.map((name) => name.slice(0, 3)).join(", ")}` : "";
    throw new PeriodError(
      `its ${field.name} "${text}" is not a number from ${field.least} to ${field.most}${names}`,
    );
  }
  // Sunday is 0, also in a range: 5-7 ends before it begins.
  return field === weekdayField ? value % 7 : value;
}

function stepOf(text: string, part: string, field: Field): number {
  const most = Math.min(field === weekdayField ? 6 : field.most, 59);
  const step = /^\d{1,2}$/.test(text) ? Number(text) : NaN;
  if (!(step >= 1 && step <= most)) {
    throw new PeriodError(`the step of its ${field.name} "${part}" is not a number from 1 to ${most}`);
  }
  return step;
}

function partValues(part: string, field: Field): number[] {
  const [range = "", step, ...rest] = part.split("/");
  if (rest.length > 0 || (range === "?" && step !== undefined)) {
    throw new PeriodError(`its ${field.name} "${part}" is not a value, a range or a step`);
  }
  const by = step === undefined ? 1 : stepOf(step, part, field);
  const [from = "", to, ...more] = range.split("-");
  if (more.length > 0) throw new PeriodError(`its ${field.name} "${part}" is not a range`);
  const [least, most] = [field.least, field === weekdayField ? 6 : field.most];
  const first = isAny(range) ? least : valueOf(from, field);
  const last = isAny(range)
    ? most
    : to !== undefined
      ? valueOf(to, field)
      : step === undefined
        ? first
        : most;
  if (first > last) {
    // GitLab Runner takes such a range and never finds a moment in it.
    throw new PeriodError(
      `its ${field.name} range "${range}" ends before it begins: write it as two, separated by a comma`,
    );
  }
  return Array.from({ length: Math.floor((last - first) / by) + 1 }, (_, i) => first + i * by);
}

function valuesOf(text: string, field: Field): ReadonlySet<number> {
  return new Set(text.split(",").flatMap((part) => partValues(part, field)));
}

const lastDayOf = ({ year, month }: Moment) => new Date(Date.UTC(year, month, 0)).getUTCDate();

/** The day of the month that counts as a working day nearest to another, within the month. */
function workday(moment: Moment, day: number): number {
  const last = lastDayOf(moment);
  const wanted = Math.min(day, last);
  const weekday = new Date(Date.UTC(moment.year, moment.month - 1, wanted)).getUTCDay();
  if (weekday === 6) return wanted === 1 ? 3 : wanted - 1;
  if (weekday === 0) return wanted === last ? wanted - 2 : wanted + 1;
  return wanted;
}

function dayPart(part: string): Period {
  const text = part.toLowerCase();
  if (text === "l") return (moment) => moment.dayOfMonth === lastDayOf(moment);
  if (text === "lw") return (moment) => moment.dayOfMonth === workday(moment, 31);
  if (/^\d+w$/.test(text)) {
    const day = valueOf(text.slice(0, -1), dayField);
    return (moment) => moment.dayOfMonth === workday(moment, day);
  }
  const values = valuesOf(part, dayField);
  return ({ dayOfMonth }) => values.has(dayOfMonth);
}

function weekdayPart(part: string): Period {
  const [, last] = /^(\w+)l$/i.exec(part) ?? [];
  if (last !== undefined) {
    const value = valueOf(last, weekdayField);
    return (moment) => moment.weekday === value && moment.dayOfMonth > lastDayOf(moment) - 7;
  }
  const [, name, week] = /^(\w+)#([1-5])$/.exec(part) ?? [];
  if (name !== undefined) {
    const value = valueOf(name, weekdayField);
    return ({ weekday, dayOfMonth }) => weekday === value && Math.ceil(dayOfMonth / 7) === Number(week);
  }
  const values = valuesOf(part, weekdayField);
  return ({ weekday }) => values.has(weekday);
}

const anyOf = (text: string, parse: (part: string) => Period): Period => {
  const parts = text.split(",").map(parse);
  return (moment) => parts.some((part) => part(moment));
};

/**
 * Understands a period as GitLab Runner does: seven fields, second minute hour day month weekday year. A day matches if either of a
 * restricted day and a restricted weekday does; a * in a list lifts the restriction.
 * @throws PeriodError that says which field is wrong.
 * @see https://github.com/gorhill/cronexpr
 */
export function parsePeriod(text: string): Period {
  const fields = text.trim().split(/\s+/);
  const [second = "", minute = "", hour = "", day = "", month = "", weekday = "", year = ""] = fields;
  if (fields.length !== 7) {
    throw new PeriodError(
      `it has ${fields.length} fields, and a period has 7: second minute hour day month weekday year`,
    );
  }
  if (second !== "*") {
    throw new PeriodError(
      `its second is "${second}", so it would hold for a moment of each minute only: write *`,
    );
  }
  const minutes = valuesOf(minute, minuteField);
  const hours = valuesOf(hour, hourField);
  const monthValues = valuesOf(month, monthField);
  const years = valuesOf(year, yearField);
  const onDay = anyOf(day, dayPart);
  const onWeekday = anyOf(weekday, weekdayPart);
  const either = ![...day.split(","), ...weekday.split(",")].some(isAny);
  return (moment) =>
    minutes.has(moment.minute) &&
    hours.has(moment.hour) &&
    monthValues.has(moment.month) &&
    years.has(moment.year) &&
    (either ? onDay(moment) || onWeekday(moment) : onDay(moment) && onWeekday(moment));
}
