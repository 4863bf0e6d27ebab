import { execFileSync } from "child_process";
import * as fs from "fs";
import { ageLostMachines, appendVariables } from "../readers/machine-parts";
import type { Package } from "../tools/package-repository";
import { requireProgram } from "../tools/programs";
import { replaceSystemctl, systemctlCalls } from "../tools/systemctl";
import { ThrowawayMachine } from "../tools/throwaway-machine";
import { Units } from "../tools/units";
import type { Site } from "./site";

/** As GitLab's package installs it. */
const runnerUnit = `[Unit]
Description=GitLab Runner
After=network.target

[Service]
ExecStart=/usr/bin/gitlab-runner "run" "--config" "/etc/gitlab-runner/config.toml" "--working-directory" "/home/gitlab-runner" "--service" "gitlab-runner" "--user" "gitlab-runner"
Restart=always
RestartSec=120
EnvironmentFile=-/etc/sysconfig/gitlab-runner

[Install]
WantedBy=multi-user.target
`;

/** A machine that the bastion's own files have set up. */
export class Bastion {
  private constructor(
    readonly machine: ThrowawayMachine,
    readonly units: Units,
  ) {}

  /** Runs the user data's boot.sh; what it tells systemd is then done. */
  static async boot(
    userData: string,
    { id, address }: { id: string; address: string },
    site: Site,
  ): Promise<Bastion> {
    const machine = await ThrowawayMachine.start("own");
    const bastion = new Bastion(machine, new Units(machine));
    machine.writeFilesOf(userData);
    machine.write("/var/lib/cloud/data/instance-id", `${id}\n`);
    site.trust(machine);
    await site.network.connect(machine, address);
    const version = execFileSync(requireProgram("docker-machine"), ["--version"], { encoding: "utf8" });
    appendVariables(machine, "/etc/fleet/bastion.env", {
      ...site.packageVariables("GITLAB_RUNNER"),
      DOCKER_MACHINE_URL: site.downloadUrl("docker-machine"),
      DOCKER_MACHINE_VERSION: /version ([^,]+),/.exec(version)?.[1] ?? "",
      // It would be this machine's, too.
      SWAP_SIZE: "0",
    });
    await machine.run(["sh", "-c", "rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*"]);
    // Of no use here, and it takes seconds.
    machine.write("/var/lib/dpkg/info/man-db.postinst", "#!/bin/sh\n", 0o755);
    replaceSystemctl(machine);
    await bastion.runBoot();
    return bastion;
  }

  /** A power failure, and everything that systemd starts afterwards: nothing is left of processes and /run. */
  async reboot(): Promise<void> {
    this.units.leave();
    await this.machine.run(["sh", "-c", "kill -KILL -1"]);
    await this.machine.run(["sh", "-c", "rm -rf /run/fleet /run/*.pid"]);
    await this.runBoot();
  }

  /** Runs what fleet-boot.service does. */
  private async runBoot(): Promise<void> {
    const { status, stdout, stderr } = await this.machine.run(["/opt/fleet/boot.sh"]);
    if (status !== 0) throw new Error(`The bastion does not boot: ${stdout}${stderr}`);
    this.obey();
  }

  /** What fleet-sync.timer does every minute. Returns what it says. */
  async sync(): Promise<string> {
    try {
      return await this.units.once("fleet-sync");
    } finally {
      this.obey();
    }
  }

  /** What fleet-report.timer does every minute. */
  async report(): Promise<void> {
    await this.units.once("fleet-report");
  }

  /** What fleet-tidy.timer does, now and in the minutes after ten minutes. Returns what it says. */
  async tidy(): Promise<string> {
    await this.units.once("fleet-tidy");
    await ageLostMachines(this.machine, 660);
    const said = [];
    for (let run = 0; run < 3; run += 1) said.push(await this.units.once("fleet-tidy"));
    return said.join("");
  }

  /** What gitlab-runner has said. */
  log(): string {
    // eslint-disable-next-line no-control-regex
    return this.units.logs().replace(/\x1b\[[0-9;]*m/g, "");
  }

  /** All processes on it, as they are called from outside. */
  processes(): string[] {
    const own = fs.readlinkSync(`/proc/${this.machine.processId}/ns/pid`);
    return fs.readdirSync("/proc").filter((name) => {
      try {
        return /^\d+$/.test(name) && fs.readlinkSync(`/proc/${name}/ns/pid`) === own;
      } catch {
        return false;
      }
    });
  }

  async stop(): Promise<void> {
    this.units.leave();
    await this.machine.stop();
  }

  /** Does to services what systemctl was told. */
  private obey(): void {
    for (const call of systemctlCalls(this.machine)) {
      const [command, unit = ""] = call.split(" ").filter((word) => !word.startsWith("-"));
      const service = unit.replace(".service", "");
      if (unit.endsWith(".timer") || command === "enable") continue;
      if (command === "start") this.units.start(service);
      // None of them is waited for: it may take as long as a job does.
      if (command === "stop") void this.units.stop(service);
      if (command === "try-restart") void this.units.tryRestart(service);
    }
  }
}

/** GitLab's packages, which lead to the program of the machine below. */
export function bastionPackages(): Package[] {
  const runner = `#!/bin/sh\nexec ${requireProgram("gitlab-runner")} "$@"\n`;
  const files = {
    "usr/bin/gitlab-runner": runner,
    "etc/systemd/system/gitlab-runner.service": runnerUnit,
    "DEBIAN/postinst": "#!/bin/sh\nmkdir -p /home/gitlab-runner\n",
  };
  return [
    { name: "gitlab-runner", version: "19.3.0-1", files },
    { name: "gitlab-runner-helper-images", version: "19.3.0-1" },
  ];
}
