import { drainOrderText, readDrainOrder } from "../sweep/drain-order";

describe("the parameter that lets bastions drain", () => {
  it.each([
    ["none", [], []],
    ["i-0b01 i-0b02", ["i-0b01", "i-0b02"], []],
    ["leaving:i-0b01", [], ["i-0b01"]],
    ["i-0b01 i-0b02 leaving:i-0b01", ["i-0b01", "i-0b02"], ["i-0b01"]],
  ])("says in %j who drains by the operator's wish, and who by the sweep's", (text, asked, leaving) => {
    const since = new Date("2026-11-28T12:00:00Z");
    expect(readDrainOrder({ Value: text, LastModifiedDate: since })).toEqual({ asked, leaving, since });
    expect(drainOrderText({ asked, leaving })).toBe(text);
  });

  it("may be written by hand", () => {
    expect(readDrainOrder({ Value: "  i-0b01\n\ti-0b02 everybody" }).asked).toEqual(["i-0b01", "i-0b02"]);
  });
});
