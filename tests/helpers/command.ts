import { execFile, type ExecFileOptions } from "child_process";

/** What a finished command left. */
export interface Finished {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a command to its end, whatever that is. */
export function runCommand(
  command: string,
  args: string[],
  options: ExecFileOptions,
  input = "",
): Promise<Finished> {
  return new Promise((done) => {
    const whole = { ...options, encoding: "utf8", maxBuffer: 256 * 1024 * 1024 } as const;
    const { stdin } = execFile(command, args, whole, (error, stdout, stderr) => {
      done({ code: error ? (typeof error.code === "number" ? error.code : 1) : 0, stdout, stderr });
    });
    stdin?.end(input);
  });
}
