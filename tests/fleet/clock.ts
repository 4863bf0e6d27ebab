import { execFileSync } from "child_process";
import * as path from "path";
import { requireProgram } from "../tools/programs";
import type { Bastion } from "./bastion";

const program = "/usr/local/bin/with-clock";
const file = "/opt/clock";

/** The clock of a bastion's services, which can be set without that of the machine below. */
export class BastionClock {
  private constructor(private readonly bastion: Bastion) {}

  /** GitLab Runner stops and starts again, to see it: killed, it would leave a machine that is being made. */
  static async of(bastion: Bastion): Promise<BastionClock> {
    const source = path.join(__dirname, "machines", "with-clock.c");
    execFileSync(requireProgram("gcc"), ["-O2", "-o", bastion.machine.outside(program), source]);
    const clock = new BastionClock(bastion);
    clock.set(0);
    bastion.units.through = [program, file];
    await bastion.units.tryRestart("gitlab-runner");
    return clock;
  }

  /** @param seconds how much it is ahead */
  set(seconds: number): void {
    this.bastion.machine.write(file, `${seconds}\n`);
  }

  /** What a program of the bastion takes for the time, in milliseconds. */
  async now(): Promise<number> {
    const { stdout } = await this.bastion.machine.run([program, file, "date", "+%s"]);
    return Number(stdout) * 1000;
  }
}
