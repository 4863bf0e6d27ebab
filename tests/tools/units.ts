import type { ChildProcess } from "child_process";
import * as fs from "fs";
import type { ThrowawayMachine } from "./throwaway-machine";

/** What a unit file says, as far as a service is started by it. */
interface Service {
  command: string[];
  user: string;
  environment: Record<string, string>;
  restartSeconds: number;
  /** Asks it to end. */
  stopSignal: string;
}

interface State {
  process?: ChildProcess;
  said: Said[];
  wanted: boolean;
}

/** Something that a service has said, and when, in milliseconds of the clock. */
export interface Said {
  at: number;
  text: string;
}

const textOf = (said: Said[] = []) => said.map(({ text }) => text).join("");

const asUser = (user: string) => ["setpriv", "--reuid", user, "--regid", user, "--clear-groups"];

const pidFile = (name: string) => `/run/${name}.pid`;

/** Words as systemd splits them: by spaces, but for those in double quotes. */
function words(text: string): string[] {
  return [...text.matchAll(/"([^"]*)"|[^\s"]+/g)].map(([word, quoted]) => quoted ?? word);
}

function assignment(text: string): [string, string] {
  const end = text.indexOf("=");
  return [text.slice(0, end), text.slice(end + 1)];
}

/**
 * Runs the services of a throwaway machine as their unit files say, and again when they end, as systemd would on an instance.
 */
export class Units {
  /** A program, with its arguments, that runs the services' commands. Default: none. */
  through: string[] = [];
  private readonly running = new Map<string, State>();

  constructor(private readonly machine: ThrowawayMachine) {}

  /** What all of them have said. */
  logs(): string {
    return [...this.running].map(([name, { said }]) => `${name}:\n${textOf(said)}`).join("\n");
  }

  /** What one has said. */
  saidBy(name: string): Said[] {
    return this.running.get(name)?.said ?? [];
  }

  start(name: string): void {
    const state = { said: this.saidBy(name), wanted: true };
    this.running.set(name, state);
    this.run(name, this.read(name), state);
  }

  /**
   * Runs a service that ends by itself. Returns what it has said.
   * @throws Error with that when it fails.
   */
  async once(name: string): Promise<string> {
    const { command, user, environment } = this.read(name);
    const { status, stdout, stderr } = await this.machine.run(
      [...asUser(user), ...this.through, ...command],
      environment,
    );
    if (status !== 0) throw new Error(`${name}: ${stderr}${stdout}`);
    return stdout;
  }

  /** Stops a service that runs, and starts it again. */
  async tryRestart(name: string): Promise<void> {
    if (this.running.get(name)?.wanted !== true) return;
    await this.stop(name);
    this.start(name);
  }

  /** Stops it for good, or until it is started again. */
  async stop(name: string): Promise<void> {
    const state = this.running.get(name);
    if (state) state.wanted = false;
    await this.kill(name, this.read(name).stopSignal);
  }

  /** Starts nothing again: the machine is about to go. */
  leave(): void {
    for (const state of this.running.values()) state.wanted = false;
  }

  /** Sends a signal to the main process of a service, whose others are then ended before it is started again. */
  async kill(name: string, signal: string): Promise<void> {
    const { process, said } = this.running.get(name) ?? {};
    const ended = process && new Promise((resolve) => process.once("close", resolve));
    const { status } = await this.machine.run(["pkill", `-${signal}`, "--pidfile", pidFile(name)]);
    if (status !== 0) throw new Error(`${name} does not run: ${textOf(said)}`);
    await ended;
  }

  private run(name: string, service: Service, state: State): void {
    const child = this.machine.spawn(
      [
        ...["setsid", "sh", "-c", 'echo $$ >"$0"; exec "$@"', pidFile(name), ...asUser(service.user)],
        ...this.through,
        ...service.command,
      ],
      service.environment,
    );
    state.process = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (chunk: Buffer) => state.said.push({ at: Date.now(), text: chunk.toString() }));
    }
    child.once("exit", () => {
      if (!state.wanted) return;
      const session = this.machine.read(pidFile(name)).trim();
      void this.machine.run(["pkill", "-KILL", "--session", session]);
      setTimeout(() => {
        if (state.wanted) this.run(name, service, state);
      }, service.restartSeconds * 1000).unref();
    });
  }

  private read(name: string): Service {
    const [, template = name, instance = ""] = /^(.*@)(.*)$/.exec(name) ?? [];
    const text = this.fileOf(template).replaceAll("%i", instance);
    const values = (key: string) =>
      [...text.matchAll(new RegExp(`^${key}=(.*)$`, "gm"))].map(([, value = ""]) => value);
    const files = values("EnvironmentFile")
      .filter((file) => !file.startsWith("-") || this.machine.exists(file.slice(1)))
      .flatMap((file) => this.machine.read(file.replace(/^-/, "")).trim().split("\n"));
    return {
      command: words(values("ExecStart")[0] ?? ""),
      user: values("User")[0] ?? "root",
      environment: Object.fromEntries([
        ...values("Environment").flatMap(words).map(assignment),
        ...files
          .filter((line) => line !== "")
          .map((line) => {
            const [key, value] = assignment(line);
            // The quotes of an environment file are those of JSON or of a shell.
            return [
              key,
              value.startsWith('"') ? String(JSON.parse(value)) : value.replaceAll("'", ""),
            ] as const;
          }),
      ]),
      restartSeconds: Number(values("RestartSec").at(-1) ?? "0.1"),
      stopSignal: (values("KillSignal").at(-1) ?? "SIGTERM").replace("SIG", ""),
    };
  }

  /** A unit's file with its drop-ins. */
  private fileOf(name: string): string {
    const file = `/etc/systemd/system/${name}.service`;
    const folder = this.machine.outside(`${file}.d`);
    const dropIns = fs.existsSync(folder) ? fs.readdirSync(folder).sort() : [];
    return [file, ...dropIns.map((dropIn) => `${file}.d/${dropIn}`)]
      .map((part) => this.machine.read(part))
      .join("\n");
  }
}
