import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { UserProblem } from "../problem";
import { readStackConfiguration } from "../stack-file";
import { answers, freeAddress, startEmulator } from "./emulator";
import { emulatorPython } from "./programs";
import { committedSettings, emulatorSettings, Workspace } from "./workspace";

/** The stack `local` and the emulator that it lives in. All of it is in one folder. */
export class LocalEnvironment {
  private readonly workspace: Workspace;

  /**
   * @param folder holds everything, and is removed with it
   * @param say tells the user what goes on
   */
  constructor(
    private readonly folder: string,
    private readonly say: (line: string) => void,
  ) {
    this.workspace = new Workspace({ folder, stack: "local" });
  }

  /** Whether there is anything to take down. */
  get exists(): boolean {
    return existsSync(this.folder);
  }

  /** Where the emulator answers, if it does. */
  async runningEmulator(): Promise<string | undefined> {
    if (!existsSync(this.addressFile)) return undefined;
    const url = readFileSync(this.addressFile, "utf8");
    return (await answers(url)) ? url : undefined;
  }

  /**
   * Starts the emulator and makes the stack, as far as they are not there yet, and brings the stack's settings up to date.
   * @returns where the emulator answers.
   */
  async prepare(): Promise<string> {
    const url = (await this.runningEmulator()) ?? (await this.start());
    this.workspace.prepare();
    this.workspace.configure({ ...committedSettings("local"), ...emulatorSettings(url) });
    if (!existsSync(join(this.folder, ".pulumi", "stacks")))
      this.mustPulumi(["stack", "init", "local", "--no-select"]);
    for (const path of readStackConfiguration(this.folder, "local").missingSecrets) {
      this.mustPulumi(
        ["config", "set", "--secret", "--path", path],
        `glrt-${path.split(".").at(-1) ?? ""}-of-nobody`,
      );
    }
    return url;
  }

  /** Runs Pulumi on the stack, in front of the user. Returns its exit status. */
  async pulumi(args: string[]): Promise<number> {
    // An interrupt reaches Pulumi, too: it ends what it is doing, and then so do we.
    const leaveToPulumi = () => undefined;
    process.on("SIGINT", leaveToPulumi);
    try {
      const child = spawn("pulumi", args, { ...this.place, stdio: "inherit" });
      return await new Promise<number>((resolve, reject) => {
        child.once("error", reject);
        child.once("exit", (code) => {
          resolve(code ?? 1);
        });
      });
    } finally {
      process.off("SIGINT", leaveToPulumi);
    }
  }

  /** Ends the emulator and removes every file. */
  async remove(): Promise<void> {
    const url = await this.runningEmulator();
    rmSync(this.folder, { recursive: true, force: true });
    if (url !== undefined) await waitUntilEnded(url);
  }

  private async start(): Promise<string> {
    if (existsSync(this.addressFile)) {
      this.say("The emulator has ended, and the environment in it is gone: making a new one");
      for (const part of [".pulumi", "Pulumi.local.yaml"]) {
        rmSync(join(this.folder, part), { recursive: true, force: true });
      }
    }
    mkdirSync(this.folder, { recursive: true });
    const python = emulatorPython(join(this.folder, "venv"), this.say);
    const url = await freeAddress();
    writeFileSync(this.addressFile, url);
    this.say(`Starting the AWS emulator at ${url}`);
    await startEmulator({
      python,
      url,
      whileFile: this.addressFile,
      logFile: join(this.folder, "emulator.log"),
    });
    return url;
  }

  private get addressFile(): string {
    return join(this.folder, "emulator-address");
  }

  private get place() {
    return { cwd: this.folder, env: this.workspace.environment() };
  }

  private mustPulumi(args: string[], input = ""): void {
    const { status, stdout, stderr } = spawnSync("pulumi", args, { ...this.place, input, encoding: "utf8" });
    if (status !== 0) throw new UserProblem(`pulumi ${args.join(" ")} failed:\n${stdout}${stderr}`.trim());
  }
}

async function waitUntilEnded(url: string): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (await answers(url)) {
    if (Date.now() > deadline) throw new UserProblem(`The AWS emulator at ${url} does not end.`);
    await setTimeout(100);
  }
}
