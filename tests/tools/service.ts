import type { ThrowawayMachine } from "./throwaway-machine";

/** A program that runs on a throwaway machine until it is stopped. */
export interface Service {
  /** All that it has written. */
  log: () => string;

  /** Ends it and waits until it has ended. */
  stop: (signal?: "TERM" | "KILL") => Promise<void>;
}

let services = 0;

/**
 * Starts a program and waits until a command succeeds.
 * @throws Error with what the program has written when that takes longer than 20 seconds.
 */
export async function startService(
  machine: ThrowawayMachine,
  command: string[],
  ready: string,
  environment: Record<string, string> = {},
): Promise<Service> {
  const pidFile = `/run/test-service-${++services}`;
  let written = "";
  const child = machine.spawn(["sh", "-c", 'echo $$ >"$0" && exec "$@"', pidFile, ...command], environment);
  const ended = new Promise((resolve) => child.once("close", resolve));
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (data: Buffer) => (written += data.toString()));
  }
  const wait = `for i in $(seq 200); do { ${ready}; } >/dev/null 2>&1 && exit; sleep 0.1; done; exit 1`;
  if ((await machine.run(["bash", "-c", wait], environment)).status !== 0) {
    throw new Error(`${command.join(" ")} does not start:\n${written}`);
  }
  return {
    log: () => written,
    stop: async (signal = "TERM") => {
      await machine.run(["bash", "-c", `kill -${signal} "$(cat ${pidFile})" || true`]);
      await ended;
    },
  };
}
