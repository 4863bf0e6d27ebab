import { execFileSync } from "child_process";
import * as fs from "fs";
import * as os from "os";
import * as path from "path";
import type { ThrowawayMachine } from "./throwaway-machine";

/** A volume that can be attached to throwaway machines, one after the other: a file. */
export class Volume {
  private readonly folder = fs.mkdtempSync(path.join(os.tmpdir(), "volume-"));
  readonly file = path.join(this.folder, "volume");

  /** @param size bytes */
  constructor(size: number) {
    fs.writeFileSync(this.file, "");
    this.resize(size);
  }

  resize(size: number): void {
    fs.truncateSync(this.file, size);
  }

  /** Makes it a block device of the machine, as on an instance that it is attached to. */
  attach(machine: ThrowawayMachine, name: string): void {
    const device = execFileSync("losetup", ["--find", "--show", this.file], { encoding: "utf8" }).trim();
    fs.mkdirSync(path.dirname(machine.outside(name)), { recursive: true });
    fs.rmSync(machine.outside(name), { force: true });
    fs.symlinkSync(device, machine.outside(name));
  }

  /** It has to be unmounted. */
  detach(): void {
    const devices = execFileSync("losetup", ["--associated", this.file, "--noheadings", "--output", "NAME"]);
    for (const device of devices.toString().split("\n").filter(Boolean)) {
      execFileSync("losetup", ["--detach", device]);
    }
  }

  remove(): void {
    this.detach();
    fs.rmSync(this.folder, { recursive: true });
  }
}
