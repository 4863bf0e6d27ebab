import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { UserProblem } from "../problem";

/** How an emulator is started. */
export interface EmulatorOptions {
  /** A Python that has what `requirements.txt` names. */
  python: string;
  /** Where it is to answer, e.g. `http://127.0.0.1:40123`. */
  url: string;
  /** It ends by itself when this file is gone. */
  whileFile: string;
  /** Takes what it says. */
  logFile: string;
  /** Command that starts the command, e.g. `setpriv` with its options. Default: none. */
  launcher?: string[];
}

/**
 * Starts an AWS emulator (moto) in a process of its own, which outlives this one, and waits until it answers. All that it knows is in
 * its memory.
 * @throws UserProblem when it does not answer within a minute.
 */
export async function startEmulator(options: EmulatorOptions): Promise<ChildProcess> {
  const { python, url, whileFile, logFile, launcher = [] } = options;
  const script = [join(__dirname, "emulator.py"), whileFile, new URL(url).port];
  const [command = python, ...args] = [...launcher, python, ...script];
  const log = openSync(logFile, "a");
  const server = spawn(command, args, { stdio: ["ignore", log, log], detached: true });
  closeSync(log);
  const failed = new Promise<Error>((resolve) => server.once("error", resolve));
  server.unref();
  for (const deadline = Date.now() + 60_000; !(await answers(url));) {
    const error = await Promise.race([failed, setTimeout(100)]);
    if (error || server.exitCode !== null || Date.now() > deadline) {
      server.kill("SIGKILL");
      throw new UserProblem(`The AWS emulator does not start: ${error?.message ?? `see ${logFile}`}`);
    }
  }
  return server;
}

/** Whether an emulator is there. */
export async function answers(url: string): Promise<boolean> {
  const answer = await fetch(`${url}/moto-api/`, { signal: AbortSignal.timeout(5000) }).catch(
    () => undefined,
  );
  return answer?.ok === true;
}

/** An address on this machine that nothing listens on. */
export async function freeAddress(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no free port");
  return `http://127.0.0.1:${address.port}`;
}
