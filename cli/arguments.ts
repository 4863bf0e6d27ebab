import { parseArgs } from "node:util";
import { errorCode, UserProblem } from "./problem";

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

/** @throws UserProblem with the usage when the command line is wrong. */
export function parseArguments(argv: string[]): PlanArguments {
  const { stack, out, json = false } = readOptions(argv);
  if (stack === undefined) throw new UserProblem(`--stack is missing.\n\n${usage}`);
  if (!/^[\w.-]+$/.test(stack)) throw new UserProblem(`"${stack}" is not the name of a stack.\n\n${usage}`);
  return { stack, out, json };
}

function readOptions(argv: string[]) {
  try {
    return parseArgs({
      args: argv,
      options: { stack: { type: "string" }, out: { type: "string" }, json: { type: "boolean" } },
    }).values;
  } catch (error) {
    if (!errorCode(error)?.startsWith("ERR_PARSE_ARGS_")) throw error;
    const [message] = String(error)
      .replace(/^\w+( \[\w+\])?: /, "")
      .split(". ");
    throw new UserProblem(`${message ?? ""}\n\n${usage}`);
  }
}
