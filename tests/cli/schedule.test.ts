import type { AutoscalingSection, IdleSettings } from "../../cli/runners";
import { idleHoursPerWeek, idleWeek, runsOf } from "../../cli/schedule";

const none: IdleSettings = { idleCount: 0, idleScaleFactor: 0, idleCountMin: 0 };

const section = (periods: string[], settings: Partial<AutoscalingSection> = {}): AutoscalingSection => ({
  ...none,
  periods,
  timezone: "UTC",
  ...settings,
});

const week = (autoscaling: AutoscalingSection[], idle: Partial<IdleSettings> = {}, limit = 0) =>
  idleWeek({ idle: { ...none, ...idle }, autoscaling, limit });

describe("a week of idle machines", () => {
  it("is the runner's own count where no period matches", () => {
    expect(idleHoursPerWeek(week([], { idleCount: 2 }))).toBe(2 * 168);
  });

  it("follows a period from the first minute of its first hour to the last minute of its last", () => {
    const working = week([section(["* * 8-17 * * mon-fri *"], { idleCount: 3 })]);
    expect(runsOf(working, 0)).toEqual([
      { from: 0, to: 480, idle: 0 },
      { from: 480, to: 1080, idle: 3 },
      { from: 1080, to: 1440, idle: 0 },
    ]);
    expect(runsOf(working, 5)).toEqual([{ from: 0, to: 1440, idle: 0 }]);
    expect(idleHoursPerWeek(working)).toBe(3 * 10 * 5);
  });

  it("takes the last section that matches", () => {
    const noon = week([
      section(["* * 8-17 * * * *"], { idleCount: 5 }),
      section(["* 0-29 12 * * * *"], { idleCount: 1 }),
    ]);
    expect(runsOf(noon, 2)).toEqual([
      { from: 0, to: 480, idle: 0 },
      { from: 480, to: 720, idle: 5 },
      { from: 720, to: 750, idle: 1 },
      { from: 750, to: 1080, idle: 5 },
      { from: 1080, to: 1440, idle: 0 },
    ]);
  });

  it("inherits nothing: a section without a count has none", () => {
    const nights = week([section(["* * 0-5 * * * *"])], { idleCount: 4 });
    expect(idleHoursPerWeek(nights)).toBe(4 * 18 * 7);
  });

  it("counts any of a section's periods", () => {
    const either = week([section(["* * 8 * * sat *", "* * 20-21 * * sun,mon *"], { idleCount: 1 })]);
    expect(idleHoursPerWeek(either)).toBe(1 + 2 * 2);
  });

  it("never exceeds the runner's limit", () => {
    expect(idleHoursPerWeek(week([], { idleCount: 9 }, 3))).toBe(3 * 168);
  });

  it("keeps only the minimum of a scale factor while there is no job, and at least one", () => {
    expect(idleHoursPerWeek(week([], { idleCount: 9, idleScaleFactor: 0.5, idleCountMin: 2 }))).toBe(2 * 168);
    expect(idleHoursPerWeek(week([], { idleCount: 9, idleScaleFactor: 0.5 }))).toBe(168);
  });

  it("is shown in its own time zone", () => {
    const berlin = week([section(["* * 8 * * mon *"], { idleCount: 1, timezone: "Europe/Berlin" })]);
    expect(berlin.timezone).toBe("Europe/Berlin");
    expect(runsOf(berlin, 0)[1]).toEqual({ from: 480, to: 540, idle: 1 });
    expect(berlin.notes).toEqual([]);
  });

  it("shifts the sections of a second time zone, across the end of a day too", () => {
    const both = week([
      section(["* * 8 * * mon *"], { idleCount: 1, timezone: "Europe/Berlin" }),
      section(["* * 20 * * mon *"], { idleCount: 2, timezone: "America/New_York" }),
    ]);
    expect(runsOf(both, 1)[1]).toEqual({ from: 120, to: 180, idle: 2 });
    expect(both.notes).toEqual(["Periods in America/New_York are shown as they fall in winter."]);
  });

  it("is the bastion's time, UTC, without a time zone", () => {
    expect(week([section(["* * 8 * * mon *"], { timezone: "" })]).timezone).toBe("UTC");
  });

  it("leaves out a period of certain dates and says so", () => {
    const december = week([section(["* * * 24-26 12 * *"], { idleCount: 7 })], { idleCount: 1 });
    expect(idleHoursPerWeek(december)).toBe(168);
    expect(december.notes).toEqual([
      "The period * * * 24-26 12 * * holds on certain dates only, which a week cannot show.",
    ]);
  });
});
