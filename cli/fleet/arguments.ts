import { parseOptions } from "../options";
import { UsageProblem } from "../problem";
import { parseDuration } from "./durations";

/** Whose log there is to read. */
export const logSources = ["bastion", "registry-mirror", "sweep"] as const;
export type LogSource = (typeof logSources)[number];

export interface StatusArguments {
  command: "status";
  /** One JSON document on standard output, and nothing else. */
  json: boolean;
}
export interface DrainArguments {
  command: "drain";
  /** End when the bastions have drained. */
  wait: boolean;
  /** Take jobs again. */
  undo: boolean;
}
export interface SweepArguments {
  command: "sweep";
  /** Say only what would be removed. */
  dryRun: boolean;
}
export interface ConfigArguments {
  command: "config";
}
export interface LogsArguments {
  command: "logs";
  source: LogSource;
  /** How far back, in milliseconds. */
  since: number;
  /** Go on with what is logged from now on. */
  follow: boolean;
}

/** What the command line asks for. */
export type FleetArguments = (
  StatusArguments | DrainArguments | SweepArguments | ConfigArguments | LogsArguments
) & {
  /** Undefined: the stack that is selected. */
  stack: string | undefined;
};

/** How the command is called. */
export const usage = `Usage: npm run fleet -- COMMAND [--stack NAME]

  status [--json]    bastion, workers with their jobs, registry mirror, and what the next sweep would remove
  drain [--wait]     take no more jobs; machines go when their jobs have ended. --wait: until all have
  drain --undo       take jobs again
  sweep [--dry-run]  remove now what is left over; --dry-run: say only what that would be
  config             the published config.toml, and whether it is the one that runs
  logs [bastion|registry-mirror|sweep] [--since 15m] [--follow]
                     what was logged, the bastion's by default; 90s, 15m, 2h, 1d are durations

  --stack NAME       the stack; default: the one that is selected`;

const flag = { type: "boolean" } as const;
const stack = { type: "string" } as const;

/** @throws UsageProblem when the command line is wrong. */
export function parseFleetArguments([command, ...args]: string[]): FleetArguments {
  switch (command) {
    case "status": {
      const { values } = parseOptions({ args, options: { stack, json: flag } }, usage);
      return { command, stack: stackName(values.stack), json: values.json ?? false };
    }
    case "drain": {
      const { values } = parseOptions({ args, options: { stack, wait: flag, undo: flag } }, usage);
      const { wait = false, undo = false } = values;
      if (wait && undo) throw new UsageProblem("--undo has nothing to --wait for.", usage);
      return { command, stack: stackName(values.stack), wait, undo };
    }
    case "sweep": {
      const { values } = parseOptions({ args, options: { stack, "dry-run": flag } }, usage);
      return { command, stack: stackName(values.stack), dryRun: values["dry-run"] ?? false };
    }
    case "config": {
      const { values } = parseOptions({ args, options: { stack } }, usage);
      return { command, stack: stackName(values.stack) };
    }
    case "logs":
      return logsArguments(args);
    case undefined:
      throw new UsageProblem("The command is missing.", usage);
    default:
      throw new UsageProblem(`"${command}" is not a command.`, usage);
  }
}

function logsArguments(args: string[]): FleetArguments {
  const { values, positionals } = parseOptions(
    { args, options: { stack, since: { type: "string" }, follow: flag }, allowPositionals: true },
    usage,
  );
  const [named = "bastion", ...more] = positionals;
  const source = logSources.find((known) => known === named);
  if (source === undefined || more.length > 0) {
    throw new UsageProblem(
      `"${positionals.join(" ")}" has no log; there are ${logSources.join(", ")}.`,
      usage,
    );
  }
  const { since: text = "15m", follow = false } = values;
  const since = parseDuration(text);
  if (since === undefined) {
    throw new UsageProblem(`"${text}" is not a duration; durations are 90s, 15m, 2h, 1d.`, usage);
  }
  return { command: "logs", stack: stackName(values.stack), source, since, follow };
}

/** Names may be full ones: `organization/project/stack`. */
function stackName(name: string | undefined): string | undefined {
  if (name !== undefined && !/^\w[\w./-]*$/.test(name)) {
    throw new UsageProblem(`"${name}" is not the name of a stack.`, usage);
  }
  return name;
}
