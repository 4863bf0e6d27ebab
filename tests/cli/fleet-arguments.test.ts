import { parseFleetArguments, usage } from "../../cli/fleet/arguments";
import { durationText, parseDuration } from "../../cli/fleet/durations";
import { UsageProblem } from "../../cli/problem";

const stack = undefined;

describe("the command line of npm run fleet", () => {
  it.each([
    { argv: ["status"], asked: { command: "status", stack, json: false } },
    { argv: ["status", "--json", "--stack", "dev"], asked: { command: "status", stack: "dev", json: true } },
    { argv: ["drain"], asked: { command: "drain", stack, wait: false, undo: false } },
    { argv: ["drain", "--wait"], asked: { command: "drain", stack, wait: true, undo: false } },
    { argv: ["drain", "--undo"], asked: { command: "drain", stack, wait: false, undo: true } },
    { argv: ["sweep"], asked: { command: "sweep", stack, dryRun: false } },
    { argv: ["sweep", "--dry-run"], asked: { command: "sweep", stack, dryRun: true } },
    { argv: ["config", "--stack=acme/fleet/dev"], asked: { command: "config", stack: "acme/fleet/dev" } },
    {
      argv: ["logs"],
      asked: { command: "logs", stack, source: "bastion", since: 15 * 60_000, follow: false },
    },
    {
      argv: ["logs", "sweep", "--since", "2h", "--follow"],
      asked: { command: "logs", stack, source: "sweep", since: 7_200_000, follow: true },
    },
  ])("takes $argv", ({ argv, asked }) => {
    expect(parseFleetArguments(argv)).toEqual(asked);
  });

  it.each([
    { argv: [], message: "The command is missing." },
    { argv: ["satus"], message: '"satus" is not a command.' },
    { argv: ["status", "--wait"], message: "Unknown option '--wait'" },
    { argv: ["sweep", "now"], message: "Unexpected argument 'now'" },
    { argv: ["config", "--stack", "dev; true"], message: '"dev; true" is not the name of a stack.' },
    { argv: ["drain", "--wait", "--undo"], message: "--undo has nothing to --wait for." },
    {
      argv: ["logs", "workers"],
      message: '"workers" has no log; there are bastion, registry-mirror, sweep.',
    },
    { argv: ["logs", "sweep", "bastion"], message: '"sweep bastion" has no log' },
    {
      argv: ["logs", "--since", "15"],
      message: '"15" is not a duration; durations are 90s, 15m, 2h, 1d.',
    },
  ])("refuses $argv and says how it is called", ({ argv, message }) => {
    const parse = () => parseFleetArguments(argv);
    expect(parse).toThrow(UsageProblem);
    expect(parse).toThrow(message);
    expect(parse).toThrow(usage);
  });
});

describe("durations", () => {
  it.each([
    ["90s", 90_000],
    ["15m", 900_000],
    ["2h", 7_200_000],
    ["1d", 86_400_000],
    ["m", undefined],
    ["-5m", undefined],
    ["1.5h", undefined],
    ["5w", undefined],
  ])("%s is %s ms", (text, milliseconds) => {
    expect(parseDuration(text)).toBe(milliseconds);
  });

  it.each([
    [-3000, "0 s"],
    [119_999, "119 s"],
    [120_000, "2 min"],
    [7_199_000, "119 min"],
    [7_200_000, "2 h"],
    [172_800_000, "2 d"],
  ])("%s ms is %s", (milliseconds, text) => {
    expect(durationText(milliseconds)).toBe(text);
  });
});
