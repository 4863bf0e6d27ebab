import { parseArguments, usage } from "../../cli/arguments";
import { UserProblem } from "../../cli/problem";

describe("the command line", () => {
  it("needs no more than a stack", () => {
    expect(parseArguments(["--stack", "dev"])).toEqual({ stack: "dev", out: undefined, json: false });
  });

  it("takes a folder and the choice of JSON", () => {
    expect(parseArguments(["--json", "--out", "somewhere", "--stack=prod"])).toEqual({
      stack: "prod",
      out: "somewhere",
      json: true,
    });
  });

  it.each([
    { argv: [], message: "--stack is missing." },
    { argv: ["--stack", "../dev"], message: '"../dev" is not the name of a stack.' },
    { argv: ["--stack", "dev", "--jsno"], message: "Unknown option '--jsno'" },
    { argv: ["--stack"], message: "Option '--stack <value>' argument missing" },
    { argv: ["dev"], message: "Unexpected argument 'dev'" },
  ])("refuses $argv and says how it is called", ({ argv, message }) => {
    const parse = () => parseArguments(argv);
    expect(parse).toThrow(UserProblem);
    expect(parse).toThrow(message);
    expect(parse).toThrow(usage);
  });
});
