import { parseEvent } from "../sweep/events";
import { parseReport } from "../sweep/report";

describe("an event of the sweep", () => {
  const handover = { step: 2, steps: 6, group: "new" };
  const lifecycle = (action: string, previous: object | null = handover) => ({
    ...handover,
    tf: { action, prev_input: previous },
  });

  it.each([
    ["sweeps", {}, { kind: "sweep", dryRun: false }],
    ["sweeps on paper", { dryRun: true }, { kind: "sweep", dryRun: true }],
    ["does nothing when a step is made", lifecycle("create", null), { kind: "made" }],
    [
      "hands over to a group, whichever was to be at work before",
      lifecycle("update", null),
      { kind: "changed", handover },
    ],
    ["ends the fleet", lifecycle("delete"), { kind: "destroyed", handover }],
  ])("%s", (_, event, expected) => {
    expect(parseEvent(event)).toEqual(expected);
  });

  it.each([
    ["no object", "dryRun", 'the event must be an object, e.g. {"dryRun": true}'],
    ["a misspelt key", { dryrun: true }, "dryrun is unknown; an event may have dryRun only"],
    ["a word for true", { dryRun: "yes" }, "dryRun must be true or false"],
    ["an unknown action", lifecycle("read"), "the action must be create, update or delete, not read"],
    [
      "no group",
      { step: 1, steps: 2, tf: { action: "delete" } },
      "an invocation's input must have step, steps and group",
    ],
  ])("is refused with %s", (_, event, message) => {
    expect(() => parseEvent(event)).toThrow(message);
  });
});

describe("a bastion's report", () => {
  const at = new Date("2026-11-28T12:00:00Z");

  it("has the bastion's state and its machines' names", () => {
    const message = JSON.stringify({
      state: "draining",
      configuration: "ok",
      machines: [
        { name: "runner-1", job: 7 },
        { name: "runner-2", job: null },
      ],
      runner: {},
    });
    expect(parseReport(message, at)).toEqual({ at, state: "draining", machines: ["runner-1", "runner-2"] });
  });

  it.each([
    ["no JSON", '{"state":"running","machines":['],
    ["no machines", '{"state":"running"}'],
    ["machines that are no list", '{"state":"running","machines":{}}'],
    ["a machine without a name", '{"state":"running","machines":[{"job":1}]}'],
    ["no state", '{"machines":[]}'],
  ])("counts for nothing with %s, instead of for no machines", (_, message) => {
    expect(parseReport(message, at)).toBeUndefined();
  });
});
