import fc from "fast-check";
import { parsePeriod, PeriodError, type Moment } from "../components/periods";

function momentOf(text: string): Moment {
  const date = new Date(`${text}Z`);
  return {
    minute: date.getUTCMinutes(),
    hour: date.getUTCHours(),
    dayOfMonth: date.getUTCDate(),
    month: date.getUTCMonth() + 1,
    weekday: date.getUTCDay(),
    year: date.getUTCFullYear(),
  };
}

describe("a period", () => {
  it.each([
    ["* * 8-17 * * mon-fri *", "2026-11-24T08:00", true], // a Tuesday
    ["* * 8-17 * * mon-fri *", "2026-11-24T17:59", true],
    ["* * 8-17 * * mon-fri *", "2026-11-24T18:00", false],
    ["* * 8-17 * * mon-fri *", "2026-11-28T12:00", false],
    ["* * * * * sat,sun *", "2026-11-29T12:00", true],
    ["* * * * * 7 *", "2026-11-29T12:00", true],
    ["* * 0-6,20-23 * * * *", "2026-11-24T21:30", true],
    ["* */15 * * * * *", "2026-11-24T21:30", true],
    ["* */15 * * * * *", "2026-11-24T21:31", false],
    ["* * * 24 * * *", "2026-11-24T00:00", true],
    ["* * * 1 * tuesday *", "2026-11-24T00:00", true], // either of a restricted day and a restricted weekday
    ["* * * L * * *", "2026-11-30T00:00", true],
    ["* * * LW * * *", "2026-02-27T00:00", true], // the 28th is a Saturday
    ["* * * 15W * * *", "2026-11-16T00:00", true], // the 15th is a Sunday
    ["* * * * * fri#4 *", "2026-11-27T00:00", true],
    ["* * * * * fri#4 *", "2026-11-20T00:00", false],
    ["* * * * * friL *", "2026-11-27T00:00", true],
    ["* * * * dec * *", "2026-11-27T00:00", false],
    ["* * * * * * 2027-2030", "2026-11-27T00:00", false],
    ["* * * ? * MON-FRI *", "2026-11-24T00:00", true],
    ["* * * 1,* * mon *", "2026-11-24T00:00", false], // a * in a list lifts the restriction of the day
    ["* * * * * 0-7 *", "2026-11-29T00:00", true], // 7 is 0: Sunday only
    ["* * * * * 0-7 *", "2026-11-28T00:00", false],
  ])("%s holds at %s: %s", (text, moment, holds) => {
    expect(parsePeriod(text)(momentOf(moment))).toBe(holds);
  });

  const number = (least: number, most: number) => fc.integer({ min: least, max: most }).map(String);
  const range = (least: number, most: number) =>
    fc
      .tuple(fc.integer({ min: least, max: most }), fc.integer({ min: least, max: most }))
      .map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`);
  const field = (least: number, most: number) =>
    fc
      .array(fc.oneof(number(least, most), range(least, most), fc.constant("*"), fc.constant("*/2")), {
        minLength: 1,
        maxLength: 3,
      })
      .map((parts) => parts.join(","));
  const fields = fc.tuple(
    fc.constant("*"),
    field(0, 59),
    field(0, 23),
    field(1, 31),
    field(1, 12),
    field(0, 6),
    field(1970, 2099),
  );

  it("of seven well-formed fields is understood, whatever is in them", () => {
    fc.assert(
      fc.property(fields, (texts) => {
        expect(parsePeriod(texts.join(" "))).toBeInstanceOf(Function);
      }),
    );
  });

  it("of fewer or more fields is refused", () => {
    fc.assert(
      fc.property(fields, fc.integer({ min: 1, max: 6 }), (texts, count) => {
        expect(() => parsePeriod(texts.slice(0, count).join(" "))).toThrow(PeriodError);
        expect(() => parsePeriod([...texts, "*"].join(" "))).toThrow(PeriodError);
      }),
    );
  });

  it.each([
    "* 60 * * * * *",
    "* * * 0 * * *",
    "* * * 32W * * *",
    "* * * * * fri#6 *",
    "* * * * mond * *",
    "* */0 * * * * *",
    "* 1-2-3 * * * * *",
    "* , * * * * *",
    "* */70 * * * * *",
    "* ?/2 * * * * *",
    "* * * 1/40 * * *",
    "* * * * * 5-7 *",
    "* * * * * 01 *",
    "* * * * 01 * *",
  ])("%s is refused", (text) => {
    expect(() => parsePeriod(text)).toThrow(PeriodError);
  });
});
