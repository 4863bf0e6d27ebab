import { parseOptions } from "./options";
import { UsageProblem } from "./problem";

/** What the command line asks for. */
export interface PlanArguments {
  /** Name of the stack: `dev` for `Pulumi.dev.yaml`. */
  stack: string;
  /** Folder to write to. Default: `plan/<stack>`. */
  out: string | undefined;
  /** One JSON document on standard output, and nothing else. */
  json: boolean;
}

/** How the command is called. */
export const usage = `Usage: npm run plan -- --stack NAME [--out DIR] [--json]

  --stack NAME  plan the stack that Pulumi.NAME.yaml describes
  --out DIR     write to DIR instead of plan/NAME; DIR has to be absent, empty or an older plan
  --json        print the summary as JSON`;

/** @throws UsageProblem when the command line is wrong. */
export function parseArguments(argv: string[]): PlanArguments {
  const {
    stack,
    out,
    json = false,
  } = parseOptions(
    {
      args: argv,
      options: { stack: { type: "string" }, out: { type: "string" }, json: { type: "boolean" } },
    },
    usage,
  ).values;
  if (stack === undefined) throw new UsageProblem("--stack is missing.", usage);
  if (!/^[\w.-]+$/.test(stack)) throw new UsageProblem(`"${stack}" is not the name of a stack.`, usage);
  return { stack, out, json };
}
