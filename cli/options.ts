import { parseArgs, type ParseArgsConfig } from "node:util";
import { errorCode, UsageProblem } from "./problem";

/**
 * Reads a command line.
 * @throws UsageProblem with the usage when it has what the command does not know.
 */
export function parseOptions<T extends ParseArgsConfig>(
  config: T,
  usage: string,
): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config);
  } catch (error) {
    if (!errorCode(error)?.startsWith("ERR_PARSE_ARGS_")) throw error;
    const [message] = String(error)
      .replace(/^\w+( \[\w+\])?: /, "")
      .split(". ");
    throw new UsageProblem(message ?? "", usage);
  }
}
