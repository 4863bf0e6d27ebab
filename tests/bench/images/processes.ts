import { execFileSync, spawn, type ChildProcess } from "child_process";
import { openSync } from "fs";
import { setTimeout as sleep } from "timers/promises";

/** A server in a process of its own. */
export interface Server {
  stop: () => Promise<void>;
}

/**
 * Starts a server, which does not outlive the bench, and waits until it answers.
 * @throws Error that names its log file when it ends, or does not answer within a minute.
 */
export async function startServer(
  command: string[],
  options: { environment?: Record<string, string>; log: string; answers: () => Promise<boolean> },
): Promise<Server> {
  const output = openSync(options.log, "a");
  const server = spawn("setpriv", ["--pdeathsig", "KILL", ...command], {
    stdio: ["ignore", output, output],
    env: { ...process.env, ...options.environment },
  });
  const deadline = Date.now() + 60_000;
  while (!(await options.answers().catch(() => false))) {
    if (server.exitCode !== null || Date.now() > deadline) {
      throw new Error(`${command.join(" ")} does not start, see ${options.log}`);
    }
    await sleep(20);
  }
  return { stop: async () => end(server) };
}

async function end(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const ended = new Promise((resolve) => server.once("exit", resolve));
  server.kill("SIGKILL");
  await ended;
}

/**
 * Runs a command to its end.
 * @throws Error with what it printed when it fails.
 */
export async function run(
  command: string,
  args: string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<string> {
  const child = spawn(command, args, {
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  child.stdout.on("data", (data: Buffer) => (output += data.toString()));
  child.stderr.on("data", (data: Buffer) => (output += data.toString()));
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (status !== 0)
    throw new Error(`${command} ${args.join(" ")} ended with ${status ?? "a signal"}:\n${output}`);
  return output;
}

/** Runs a command to its end while nothing else goes on. */
export function runNow(command: string, ...args: string[]): string {
  return execFileSync(command, args, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    maxBuffer: 1 << 28,
  });
}
