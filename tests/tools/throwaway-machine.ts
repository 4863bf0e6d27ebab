import { spawn, type ChildProcess } from "child_process";
import * as fs from "fs";
import * as path from "path";
import { parse } from "yaml";

/** How a command ended. */
export interface CommandResult {
  /** Exit status; null when a signal ended it. */
  status: number | null;
  stdout: string;
  stderr: string;
}

/** Makes the root of the machine; `$1` is where it may mount things. The last line comes from inside, when all is ready. */
const setUp = `
set -euo pipefail
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" overlay "$1/root"
cd "$1/root"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount --rbind /sys/fs/cgroup sys/fs/cgroup
[[ "$2" == shared ]] || ip link set lo up
for folder in dev run tmp; do mount -t tmpfs -o mode=755 tmpfs "$folder"; done
chmod 1777 tmp
cp --archive /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty /dev/loop* dev
ln -s /proc/self/fd dev/fd
ln -s /proc/self/fd/0 dev/stdin
# Not chroot: what enters one of its containers would find itself in the root of the mount namespace.
pivot_root . mnt
umount --lazy /mnt
exec /bin/sh -c 'cd /; echo ready; exec sleep infinity'
`;

/**
 * A throwaway copy of this machine: everything that is written goes to memory and is gone afterwards. It has its own
 * processes, mounts and host name, and shares the network unless it is told to have its own. Needs root.
 */
export class ThrowawayMachine {
  private constructor(
    private readonly folder: string,
    private readonly unshare: ChildProcess,
    /** Of its first process, as seen from outside. */
    readonly processId: number,
  ) {}

  /** @param network "own" has nothing but a loopback, where every port is free. */
  static async start(network: "shared" | "own" = "shared"): Promise<ThrowawayMachine> {
    const folder = fs.mkdtempSync("/tmp/throwaway-machine-");
    // It does not outlive the tests, whatever happens to them.
    const namespaces = ["--mount", "--pid", "--uts", ...(network === "own" ? ["--net"] : [])];
    const unshare = spawn(
      "setpriv",
      [
        ...["--pdeathsig", "KILL", "unshare", ...namespaces, "--fork", "--kill-child"],
        ...["bash", "-c", setUp, "bash", folder, network],
      ],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    unshare.unref();
    await new Promise<void>((resolve, reject) => {
      unshare.stdout.once("data", () => {
        resolve();
      });
      unshare.once("exit", () => {
        reject(new Error("The throwaway machine does not start"));
      });
    });
    const children = fs.readFileSync(`/proc/${unshare.pid ?? 0}/task/${unshare.pid ?? 0}/children`, "utf8");
    return new ThrowawayMachine(folder, unshare, Number(children.trim()));
  }

  /** Where a path of the machine is found from outside. */
  outside(name: string): string {
    return path.join(`/proc/${this.processId}/root`, name);
  }

  write(name: string, content: string | Buffer, mode = 0o644): void {
    fs.mkdirSync(path.dirname(this.outside(name)), { recursive: true });
    fs.writeFileSync(this.outside(name), content);
    fs.chmodSync(this.outside(name), mode);
  }

  read(name: string): string {
    return fs.readFileSync(this.outside(name), "utf8");
  }

  exists(name: string): boolean {
    return fs.existsSync(this.outside(name));
  }

  /** Writes what a cloud-config's `write_files` says. */
  writeFilesOf(cloudConfig: string): void {
    const document = parse(cloudConfig) as {
      write_files: { path: string; permissions: string; content: string }[];
    };
    for (const file of document.write_files) {
      this.write(file.path, file.content, parseInt(file.permissions, 8));
    }
  }

  /** Starts a command as a unit of systemd would: with hardly any environment. */
  spawn(command: string[], environment: Record<string, string> = {}): ChildProcess {
    return spawn(
      "nsenter",
      [
        "--target",
        this.processId.toString(),
        "--mount",
        "--pid",
        "--net",
        "--uts",
        "--root",
        "--wd",
        ...command,
      ],
      {
        env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", ...environment },
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
  }

  /** Runs a command to its end. */
  async run(command: string[], environment: Record<string, string> = {}): Promise<CommandResult> {
    const child = this.spawn(command, environment);
    let stdout = "";
    let stderr = "";
    child.stdout?.on("data", (data: Buffer) => (stdout += data.toString()));
    child.stderr?.on("data", (data: Buffer) => (stderr += data.toString()));
    const status = await new Promise<number | null>((resolve) => child.once("close", resolve));
    return { status, stdout, stderr };
  }

  /** Ends all of its processes and forgets all of its files. */
  async stop(): Promise<void> {
    if (this.unshare.exitCode === null && this.unshare.signalCode === null) {
      const ended = new Promise((resolve) => this.unshare.once("exit", resolve));
      this.unshare.kill("SIGKILL");
      await ended;
      fs.rmdirSync(this.folder);
    }
  }
}
