import * as fs from "fs";
import * as path from "path";
import { gunzipSync } from "fflate";
import { docker } from "../../components/versions";
import { appendVariables } from "../readers/machine-parts";
import { engineEnvironment } from "../tools/engine";
import type { Package } from "../tools/package-repository";
import { requireProgram } from "../tools/programs";
import { ThrowawayMachine } from "../tools/throwaway-machine";
import type { MadeInstance } from "./aws";
import type { Site } from "./site";

const folderOfMachines = path.join(__dirname, "machines");

/** A machine that stands for a worker's EC2 instance, from when it runs. */
export class Worker {
  private constructor(
    readonly instance: MadeInstance,
    readonly machine: ThrowawayMachine,
    /** When SSH could be reached. */
    readonly bootedAt: number,
  ) {}

  /** What cloud-init and the image do: the user data's files, SSH for the key pair. */
  static async boot(instance: MadeInstance, site: Site): Promise<Worker> {
    const machine = await ThrowawayMachine.start("own");
    const { userData } = instance;
    const isCompressed = userData[0] === 0x1f && userData[1] === 0x8b;
    machine.writeFilesOf(Buffer.from(isCompressed ? gunzipSync(userData) : userData).toString());
    appendVariables(machine, "/etc/fleet/worker.env", site.packageVariables("DOCKER"));
    machine.write("/etc/os-release", 'ID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\nNAME="Ubuntu"\n');
    fs.copyFileSync(path.join(folderOfMachines, "systemctl"), machine.outside("/usr/bin/systemctl"));
    site.trust(machine);
    fs.appendFileSync(machine.outside("/etc/passwd"), "ubuntu:x:4242:4242::/home/ubuntu:/bin/bash\n");
    fs.appendFileSync(machine.outside("/etc/group"), "ubuntu:x:4242:\n");
    fs.appendFileSync(machine.outside("/etc/shadow"), "ubuntu:*:19000:0:99999:7:::\n");
    machine.write("/etc/sudoers.d/ubuntu", "ubuntu ALL=(ALL) NOPASSWD:ALL\n", 0o440);
    machine.write("/etc/ssh/fleet/authorized_keys", instance.publicKey);
    machine.write("/etc/ssh/fleet/host_key", site.hostKey, 0o600);
    machine.write("/etc/ssh/fleet/sshd_config", sshdConfig);
    machine.write("/etc/ssh/fleet/record", recorder, 0o755);
    machine.write("/var/log/ssh-commands", "", 0o666);
    await site.network.connect(machine, instance.address);
    const { status, stderr } = await machine.run(["bash", "-c", prepare]);
    if (status !== 0) throw new Error(`${instance.id} does not boot: ${stderr}`);
    return new Worker(instance, machine, Date.now());
  }

  /** What its Docker engine says. */
  docker(...args: string[]) {
    return this.machine.run(["docker", ...args]);
  }

  /** What was done on it over SSH. */
  get commands(): { start: number; end: number; command: string }[] {
    const lines = this.machine.read("/var/log/ssh-commands").matchAll(/^(\d+) (\d+) (.*)$/gm);
    return [...lines].map(([, start, end, command = ""]) => ({
      start: Number(start),
      end: Number(end),
      command,
    }));
  }

  stop(): Promise<void> {
    return this.machine.stop();
  }
}

const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

const sshdConfig = `
Port 22
HostKey /etc/ssh/fleet/host_key
PidFile none
UsePAM no
PasswordAuthentication no
AuthorizedKeysFile /etc/ssh/fleet/authorized_keys
PubkeyAcceptedAlgorithms +ssh-rsa
HostKeyAlgorithms +ssh-rsa
MaxStartups 100
SetEnv PATH=${systemPath}
ForceCommand /etc/ssh/fleet/record
`;

/** Runs what docker-machine asks for, and notes it: start, end, command. */
const recorder = `#!/bin/bash
start="$(date +%s%3N)"
bash -c "$SSH_ORIGINAL_COMMAND"
status=$?
printf '%s %s %s\n' "$start" "$(date +%s%3N)" "$(head -n 1 <<<"$SSH_ORIGINAL_COMMAND")" >>/var/log/ssh-commands
exit "$status"
`;

/** An image of Ubuntu's has no Docker: that of the machine below is put away. */
const prepare = `
set -euo pipefail
cd /usr/local/bin
mkdir -p /opt/docker /run/sshd /var/lib/docker
touch /opt/docker/docker
mount --bind "$(type -P docker)" /opt/docker/docker
rm -f /usr/local/bin/docker /usr/bin/docker /etc/apt/sources.list /etc/apt/sources.list.d/*
mount -t tmpfs tmpfs /var/lib/docker
# Of no use here, and it takes seconds.
printf '#!/bin/sh\n' >/var/lib/dpkg/info/man-db.postinst
install -d -o 4242 -g 4242 /home/ubuntu
exec /usr/sbin/sshd -f /etc/ssh/fleet/sshd_config
`;

/** Packages of Docker's and Ubuntu's that lead to the programs of the machine below. */
export function workerPackages(): Package[] {
  const { PATH } = engineEnvironment();
  const wrapped = (program: string) => `#!/bin/sh\nPATH=${PATH}:$PATH exec ${program} "$@"\n`;
  const files: Record<string, Record<string, string>> = {
    // The real one's starts the engine, too.
    "docker-ce": {
      "usr/bin/dockerd": wrapped(requireProgram("dockerd")),
      // It is not used without published ports, and yet the engine asks for it.
      "usr/libexec/docker/docker-proxy": "#!/bin/sh\nexec sleep infinity\n",
      "DEBIAN/postinst": "#!/bin/sh\nexec systemctl start docker\n",
    },
    "docker-ce-cli": { "usr/local/bin/docker": wrapped("/opt/docker/docker") },
  };
  const pinned = docker.packages.map((item): Package => {
    const [name = "", version = ""] = item.split("=");
    return { name, version, ...(files[name] && { files: files[name] }) };
  });
  return [...pinned, { name: "pigz", version: "2.8-1" }];
}
