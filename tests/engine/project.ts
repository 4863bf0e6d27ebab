import { execFile } from "child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "fs";
import { tmpdir } from "os";
import { join, resolve } from "path";
import { parse, stringify } from "yaml";

const root = resolve(__dirname, "../..");

/** What a finished command left. */
export interface Finished {
  code: number;
  stdout: string;
  stderr: string;
}

/**
 * A stack of this project on the real Pulumi engine, against an emulator of AWS: a copy of the program in a folder of its own,
 * with a state file there. What makes it local is stack configuration only.
 */
export class EngineStack {
  private readonly folder = mkdtempSync(join(tmpdir(), "fleet-engine-"));

  /**
   * @param name of the stack
   * @param stackFile the committed stack file to start from, e.g. `dev`
   * @param emulator address of the emulator
   */
  constructor(
    readonly name: string,
    stackFile: string,
    private readonly emulator: string,
  ) {
    for (const part of [
      "index.ts",
      "components",
      "userdata",
      "package.json",
      "tsconfig.json",
      "Pulumi.yaml",
    ]) {
      cpSync(join(root, part), join(this.folder, part), { recursive: true });
    }
    symlinkSync(join(root, "node_modules"), join(this.folder, "node_modules"));
    const settings = parse(readFileSync(join(root, `Pulumi.${stackFile}.yaml`), "utf8")) as {
      config: object;
    };
    this.configure({ ...settings.config, ...this.emulatorConfig() });
  }

  /** Replaces the stack's configuration, and keeps nothing of the former but the encryption salt. */
  configure(config: object): void {
    writeFileSync(this.stackFile, stringify({ ...this.read(), config }));
  }

  /** Changes some of the stack's configuration. */
  change(config: object): void {
    this.configure({ ...this.read().config, ...config });
  }

  /** Runs the Pulumi command line on the stack. */
  run(...args: string[]): Promise<Finished> {
    return new Promise((done) => {
      execFile(
        "pulumi",
        [...args, "--non-interactive", "--color=never"],
        { cwd: this.folder, env: this.environment(), maxBuffer: 256 * 1024 * 1024 },
        (error, stdout, stderr) => {
          done({ code: error ? (typeof error.code === "number" ? error.code : 1) : 0, stdout, stderr });
        },
      );
    });
  }

  /** Like `run`, and throws what was printed if it failed. */
  async must(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(...args);
    if (code !== 0) throw new Error(`pulumi ${args.join(" ")} ended with ${code}:\n${stdout}\n${stderr}`);
    return stdout;
  }

  /** What an `up` would do to resources of the providers, e.g. `update bastion-config.toml: insecureValue`. */
  async plannedChanges(): Promise<string[]> {
    const preview = JSON.parse(await this.must("preview", "--json")) as {
      steps: { op: string; urn: string; detailedDiff?: Record<string, unknown>; diffReasons?: string[] }[];
    };
    return preview.steps
      .filter(({ op, urn }) => op !== "same" && op !== "read" && !/fleet:index:[A-Za-z]+::/.test(urn))
      .map(({ op, urn, detailedDiff, diffReasons }) => {
        const properties = diffReasons ?? Object.keys(detailedDiff ?? {});
        return `${op} ${urn.split("::").at(-1) ?? urn}: ${properties.sort().join(", ")}`;
      });
  }

  /** Removes the folder with the state. */
  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  private get stackFile(): string {
    return join(this.folder, `Pulumi.${this.name}.yaml`);
  }

  private read(): { config?: object } {
    try {
      return parse(readFileSync(this.stackFile, "utf8")) as { config?: object };
    } catch {
      return {};
    }
  }

  private emulatorConfig(): object {
    const services = ["ec2", "iam", "route53", "s3", "ssm", "sts"];
    return {
      "aws:endpoints": [Object.fromEntries(services.map((service) => [service, this.emulator]))],
      "aws:s3UsePathStyle": "true",
      "aws:skipCredentialsValidation": "true",
      "aws:skipMetadataApiCheck": "true",
    };
  }

  private environment(): NodeJS.ProcessEnv {
    return {
      ...process.env,
      AWS_ACCESS_KEY_ID: "emulator",
      AWS_SECRET_ACCESS_KEY: "emulator",
      PULUMI_BACKEND_URL: `file://${this.folder}`,
      PULUMI_CONFIG_PASSPHRASE: "passphrase of a test",
      PULUMI_SKIP_UPDATE_CHECK: "true",
    };
  }
}
