import { spawn, type ChildProcess } from "child_process";
import { mkdtempSync, rmSync, writeFileSync } from "fs";
import type { IncomingMessage } from "http";
import { tmpdir } from "os";
import { join } from "path";
import type { HttpServer } from "../tools/http-server";
import { passOn, startRelay, type Answer } from "./relay";

/** One call of EC2's API, and how it ended. */
export interface ApiCall {
  action: string;
  parameters: Record<string, string>;
  status: number;
}

/** What docker-machine finds on the bastion. */
export interface BastionFiles {
  /** An AWS credentials file. */
  credentials: string;
  workerUserData: string;
}

/** The real docker-machine, as GitLab Runner calls it on the bastion, against an emulator of AWS. Each of its API calls is recorded. */
export class DockerMachine {
  readonly calls: ApiCall[] = [];
  private readonly folder = mkdtempSync(join(tmpdir(), "fleet-docker-machine-"));

  private constructor(
    private readonly emulator: string,
    private readonly server: HttpServer,
    files: BastionFiles,
  ) {
    writeFileSync(join(this.folder, "aws-credentials"), files.credentials);
    writeFileSync(join(this.folder, "worker-user-data"), files.workerUserData);
  }

  static async start(emulator: string, files: BastionFiles): Promise<DockerMachine> {
    const server = await startRelay((asked, body) => machine.record(asked, body));
    const machine = new DockerMachine(emulator, server, files);
    return machine;
  }

  /**
   * `docker-machine create` with options as they stand in `config.toml`, until the instance runs: nobody answers its SSH here.
   * @returns the calls that it made.
   */
  async create(name: string, machineOptions: string[]): Promise<ApiCall[]> {
    const valueOf = (option: string) =>
      machineOptions.find((one) => one.startsWith(`${option}=`))?.slice(option.length + 1) ?? "";
    // What comes later counts.
    const options = [
      ...machineOptions,
      `amazonec2-endpoint=${this.server.url}`,
      // With an endpoint given, docker-machine does not put the region before the letter.
      `amazonec2-zone=${valueOf("amazonec2-region")}${valueOf("amazonec2-zone")}`,
      `amazonec2-userdata=${join(this.folder, "worker-user-data")}`,
    ];
    return await this.run(
      ["create", "--driver", "amazonec2", ...options.map((option) => `--${option}`), name],
      "Waiting for SSH to be available",
    );
  }

  /** What GitLab Runner does to be rid of a machine. Returns the calls. */
  async remove(name: string): Promise<ApiCall[]> {
    return [...(await this.run(["stop", name])), ...(await this.run(["rm", "-y", name]))];
  }

  async close(): Promise<void> {
    await this.server.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Runs a command to its end, or until it says a thing. */
  private async run(args: string[], until?: string): Promise<ApiCall[]> {
    const before = this.calls.length;
    const command = spawn("docker-machine", ["--storage-path", join(this.folder, "machines"), ...args], {
      env: {
        PATH: process.env["PATH"],
        HOME: this.folder,
        AWS_SHARED_CREDENTIALS_FILE: join(this.folder, "aws-credentials"),
        AWS_EC2_METADATA_DISABLED: "true",
      },
      stdio: ["ignore", "pipe", "pipe"],
      // Its plugins are processes of their own in the same group, and outlive it otherwise.
      detached: true,
    });
    const { said, code } = await endOf(command, until);
    if (until === undefined ? code !== 0 : !said.includes(until)) {
      throw new Error(`docker-machine ${args.join(" ")} ended with ${String(code)}:\n${said}`);
    }
    return this.calls.slice(before);
  }

  private async record(asked: IncomingMessage, body: Buffer): Promise<Answer> {
    const answer = await passOn(this.emulator, asked, body);
    const { Action: action = "", ...parameters } = Object.fromEntries(new URLSearchParams(body.toString()));
    this.calls.push({ action: `ec2:${action}`, parameters, status: answer.status });
    return answer;
  }
}

/** Waits for the end of a command, or ends it and all of its processes when it says a thing. */
async function endOf(
  command: ChildProcess,
  until: string | undefined,
): Promise<{ said: string; code: number | null }> {
  let said = "";
  const end = () => {
    try {
      process.kill(-(command.pid ?? 0), "SIGKILL");
    } catch {
      // All of them have ended.
    }
  };
  const hear = (data: Buffer) => {
    said += data.toString();
    if (until !== undefined && said.includes(until)) end();
  };
  command.stdout?.on("data", hear);
  command.stderr?.on("data", hear);
  const code = await new Promise<number | null>((resolve, reject) => {
    command.once("error", reject);
    command.once("exit", resolve);
  });
  end();
  return { said, code };
}
