import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { stringify } from "yaml";
import { z } from "zod";
import { readYaml, tableAt } from "../stack-file";

/** This project. */
export const projectFolder = resolve(__dirname, "../..");

/** Configuration as it stands in a stack file: full key to value. */
export type StackSettings = Record<string, unknown>;

/** What belongs to a workspace. */
export interface WorkspaceArgs {
  /** Where it is; made when it is absent. */
  folder: string;
  stack: string;
  /** Folder that holds the states of stacks. Default: the workspace itself. */
  stateFolder?: string;
}

/**
 * A folder in which Pulumi runs a program on an emulator of AWS: with a stack file of its own, the state in files, and credentials that
 * open nothing. What sends the program to the emulator is stack configuration only.
 */
export class Workspace {
  readonly folder: string;
  readonly stack: string;
  private readonly stateFolder: string;

  constructor({ folder, stack, stateFolder = folder }: WorkspaceArgs) {
    this.folder = folder;
    this.stack = stack;
    this.stateFolder = stateFolder;
  }

  /** Makes the folder, or brings its project file up to date: it runs the program in another folder, this project's by default. */
  prepare(program: string = projectFolder): void {
    mkdirSync(this.folder, { recursive: true });
    const project = { ...readYaml(program, "Pulumi.yaml"), main: program };
    writeFileSync(join(this.folder, "Pulumi.yaml"), stringify(project));
  }

  /** Changes settings of the stack; one that is undefined is removed. */
  configure(settings: StackSettings): void {
    const name = `Pulumi.${this.stack}.yaml`;
    const path = join(this.folder, name);
    const stackFile = existsSync(path) ? readYaml(this.folder, name) : {};
    const config = { ...tableAt(stackFile, "config"), ...settings };
    writeFileSync(path, stringify({ ...stackFile, config }));
  }

  /** The environment that Pulumi needs here. Nothing in it leads to an account or to another stack. */
  environment(): NodeJS.ProcessEnv {
    const others = Object.entries(process.env).filter(
      ([name]) => !/^(AWS|PULUMI_(STACK|CONFIG))_?/.test(name),
    );
    return {
      ...Object.fromEntries(others),
      AWS_ACCESS_KEY_ID: "emulator",
      AWS_SECRET_ACCESS_KEY: "emulator",
      AWS_EC2_METADATA_DISABLED: "true",
      PULUMI_BACKEND_URL: `file://${this.stateFolder}`,
      PULUMI_CONFIG_PASSPHRASE: "emulator",
      PULUMI_SKIP_UPDATE_CHECK: "true",
      PULUMI_STACK: this.stack,
    };
  }
}

/** The settings in a committed stack file. */
export function committedSettings(stack: string): StackSettings {
  return tableAt(readYaml(projectFolder, `Pulumi.${stack}.yaml`), "config");
}

/** The settings in `Pulumi.local.yaml` that send the provider to an emulator. */
export function emulatorSettings(url: string): StackSettings {
  const provider = Object.entries(committedSettings("local")).filter(([key]) =>
    /^aws:(endpoints|skip|s3Use)/.test(key),
  );
  const text = JSON.stringify(Object.fromEntries(provider)).replaceAll("<emulator>", url);
  return z.record(z.string(), z.unknown()).parse(JSON.parse(text));
}
