import { spawn, type ChildProcess } from "child_process";
import { mkdtempSync, readFileSync, rmSync } from "fs";
import { tmpdir } from "os";
import { join } from "path";
import {
  committedSettings,
  emulatorSettings,
  Workspace,
  type StackSettings,
} from "../../cli/local/workspace";
import { runCommand, type Finished } from "../helpers/command";

/** One resource in a stack's state. */
export interface StateResource {
  urn: string;
  type: string;
  id?: string;
  inputs: Record<string, unknown>;
  outputs: Record<string, unknown>;
  /** URNs. */
  dependencies?: string[];
}

/** A resource whose creation Pulumi did not see the end of. */
export interface PendingCreate {
  urn: string;
  type: string;
  inputs: { name?: string; bucket?: string; tags?: Record<string, string> };
}

interface Deployment {
  resources?: StateResource[];
  pending_operations?: { type: string; resource: PendingCreate }[];
}

/** What the engine tells of an operation when it begins, and when it has ended. */
export interface EngineEvent {
  /** Seconds. */
  timestamp: number;
  resourcePreEvent?: { metadata: EventMetadata };
  resOutputsEvent?: { metadata: EventMetadata };
}
interface EventMetadata {
  op: string;
  urn: string;
  type: string;
}

/** One step that an `up` would take. */
export interface PlannedStep {
  op: string;
  urn: string;
  detailedDiff?: Record<string, unknown>;
  diffReasons?: string[];
}

/** What a test stack is made of. */
export interface EngineStackArgs {
  /** Address of the emulator. */
  emulator: string;
  /** The committed stack file to start from. Default: the one with the stack's name. `none`: nothing but what leads to the emulator. */
  stackFile?: string;
  /** Folder of the Pulumi program. Default: this project. */
  program?: string;
  /** Folder with the states of several stacks, which then see each other's outputs. Default: one of its own. */
  stateFolder?: string;
}

/** A stack on the real Pulumi engine, against an emulator of AWS, in a folder of its own. */
export class EngineStack {
  readonly folder = mkdtempSync(join(tmpdir(), "fleet-engine-"));
  private readonly workspace: Workspace;

  private constructor(
    readonly name: string,
    { emulator, stackFile = name, program, stateFolder }: EngineStackArgs,
  ) {
    this.workspace = new Workspace({
      folder: this.folder,
      stack: name,
      ...(stateFolder !== undefined && { stateFolder }),
    });
    this.useProgram(program);
    this.workspace.configure({
      "aws:region": "eu-west-1",
      ...(stackFile === "none" ? {} : committedSettings(stackFile)),
      ...emulatorSettings(emulator),
    });
  }

  /** Makes the stack, with a token for each runner given. */
  static async init(
    name: string,
    args: EngineStackArgs,
    runnerTokens: Record<string, string> = {},
  ): Promise<EngineStack> {
    const stack = new EngineStack(name, args);
    await stack.must("stack", "init", name, "--no-select");
    for (const [runner, token] of Object.entries(runnerTokens)) {
      await stack.must("config", "set", "--secret", "--path", `runnerTokens.${runner}`, token);
    }
    return stack;
  }

  /** Changes some of the stack's settings, by full key; one that is undefined is removed. */
  configure(settings: StackSettings): void {
    this.workspace.configure(settings);
  }

  /** Takes the stack's program from another folder. Default: this project. */
  useProgram(folder?: string): void {
    this.workspace.prepare(folder);
  }

  /** Runs the Pulumi command line on the stack. */
  run(...args: string[]): Promise<Finished> {
    return runCommand("pulumi", [...args, "--non-interactive", "--color=never"], this.place);
  }

  /** Starts the Pulumi command line on the stack, in a process group of its own. */
  start(...args: string[]): ChildProcess {
    return spawn("pulumi", [...args, "--non-interactive", "--color=never"], {
      ...this.place,
      detached: true,
    });
  }

  /** Like `run`, and throws what was printed if it failed. */
  async must(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(...args);
    if (code !== 0) throw new Error(`pulumi ${args.join(" ")} ended with ${code}:\n${stdout}\n${stderr}`);
    return stdout;
  }

  /** Sets a secret, through the command's input: it may have several lines. */
  async setSecret(path: string, value: string): Promise<void> {
    const args = ["config", "set", "--secret", "--path", path, "--non-interactive", "--color=never"];
    const { code, stderr } = await runCommand("pulumi", args, this.place, value);
    if (code !== 0) throw new Error(`pulumi ${args.join(" ")} ended with ${code}:\n${stderr}`);
  }

  /** Brings the stack up. Returns what was printed. */
  up(...more: string[]): Promise<string> {
    return this.must("up", "--yes", "--skip-preview", ...more);
  }

  /** Brings the stack up. Returns what the engine told of it. */
  upWithEvents(...more: string[]): Promise<EngineEvent[]> {
    return this.eventsOf((log) => this.up("--event-log", log, ...more));
  }

  /**
   * Brings the stack up. Returns what was done to the resources of the providers, in the order in which it was finished, e.g.
   * `update bastion-config.toml`.
   */
  async applied(...more: string[]): Promise<string[]> {
    return changesIn(await this.upWithEvents(...more));
  }

  /** Takes the stack down. Returns what was printed. */
  destroy(...more: string[]): Promise<string> {
    return this.must("destroy", "--yes", "--skip-preview", ...more);
  }

  /** Takes the stack down. Returns what was done, as `applied` does. */
  async destroyed(): Promise<string[]> {
    return changesIn(await this.eventsOf((log) => this.destroy("--event-log", log)));
  }

  /** The stack's outputs, secrets hidden. */
  async outputs(): Promise<Record<string, unknown>> {
    return JSON.parse(await this.must("stack", "output", "--json")) as Record<string, unknown>;
  }

  /** What the state says of each resource. */
  async state(): Promise<StateResource[]> {
    return (await this.deployment()).resources ?? [];
  }

  /** What was being created when an `up` was interrupted. */
  async pendingCreates(): Promise<PendingCreate[]> {
    return ((await this.deployment()).pending_operations ?? [])
      .filter(({ type }) => type === "creating")
      .map(({ resource }) => resource);
  }

  /** The id of a resource, by its logical name. */
  async idOf(name: string): Promise<string> {
    const found = (await this.state()).find(({ urn, id }) => urn.endsWith(`::${name}`) && id !== undefined);
    if (found?.id === undefined) throw new Error(`${name} is not in the state`);
    return found.id;
  }

  /** The steps of an `up`, but for what stays. */
  async plannedSteps(): Promise<PlannedStep[]> {
    const { steps } = JSON.parse(await this.must("preview", "--json")) as { steps: PlannedStep[] };
    return steps.filter(({ op }) => op !== "same" && op !== "read");
  }

  /** What an `up` would do to resources of the providers, e.g. `update bastion-config.toml: insecureValue`. */
  async plannedChanges(): Promise<string[]> {
    return (await this.plannedSteps())
      .filter(({ urn }) => !/fleet:index:[A-Za-z]+::/.test(urn))
      .map(({ op, urn, detailedDiff, diffReasons }) => {
        const properties = diffReasons ?? Object.keys(detailedDiff ?? {});
        return `${op} ${urn.split("::").at(-1) ?? urn}: ${properties.sort().join(", ")}`;
      });
  }

  /** Removes the folder, and the state if it is there. */
  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async eventsOf(operation: (log: string) => Promise<string>): Promise<EngineEvent[]> {
    const log = join(this.folder, "events.json");
    rmSync(log, { force: true });
    await operation(log);
    return readFileSync(log, "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as EngineEvent);
  }

  private async deployment(): Promise<Deployment> {
    const { deployment } = JSON.parse(await this.must("stack", "export")) as { deployment: Deployment };
    return deployment;
  }

  private get place() {
    // It makes Pulumi know --event-log.
    const debugging = { PULUMI_DEBUG_COMMANDS: "true" };
    return { cwd: this.folder, env: { ...this.workspace.environment(), ...debugging } };
  }
}

/** What was done to the resources of the providers, in the order in which it was finished. */
function changesIn(events: EngineEvent[]): string[] {
  return events
    .flatMap(({ resOutputsEvent }) => (resOutputsEvent ? [resOutputsEvent.metadata] : []))
    .filter(({ op, type }) => op !== "same" && op !== "read" && !/^(fleet:|pulumi:)/.test(type))
    .map(({ op, urn }) => `${op} ${urn.split("::").at(-1) ?? urn}`);
}
