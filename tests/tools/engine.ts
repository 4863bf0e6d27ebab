import { execFileSync } from "child_process";
import * as path from "path";
import { requireProgram } from "./programs";
import { startService, type Service } from "./service";
import type { CommandResult, ThrowawayMachine } from "./throwaway-machine";

/** A Docker engine on a throwaway machine, which no other engine may share its network with. */
export interface Engine extends Service {
  /** Runs the command line with this engine. */
  docker: (...args: string[]) => Promise<CommandResult>;
}

/** @throws Error when containers cannot be run here by an engine as it is today. */
export function requireEngine(): void {
  ["dockerd", "docker", "containerd", "containerd-shim-runc-v2"].forEach(requireProgram);
  if (!execFileSync(requireProgram("runc"), ["features"], { encoding: "utf8" }).includes('"time"')) {
    throw new Error("runc is older than 1.2: run tests/tools/install.sh as root.");
  }
}

/** Where the programs are that an engine starts. */
const programFolders = () =>
  ["runc", "containerd", "docker", "buildx"].map((name) => path.dirname(requireProgram(name)));

/** The environment of a command that uses an engine. */
export function engineEnvironment(): { PATH: string; HOME: string } {
  const system = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
  return { PATH: [...programFolders(), ...system].join(":"), HOME: "/root" };
}

/** Starts an engine that has never run before, and knows nothing but the files in /etc/docker. */
export async function startEngine(
  machine: ThrowawayMachine,
  root: string,
  flags: string[] = [],
): Promise<Engine> {
  // Layers cannot be laid over the machine's own file system, which is made of layers.
  await machine.run(["bash", "-c", `mkdir --parents ${root} && mount -t tmpfs tmpfs ${root}`]);
  const socket = `unix://${root}/docker.sock`;
  const folders = ["--data-root", `${root}/data`, "--exec-root", `${root}/exec`];
  const environment = { ...engineEnvironment(), DOCKER_HOST: socket };
  const service = await startService(
    machine,
    [requireProgram("dockerd"), ...folders, "--pidfile", `${root}/docker.pid`, "--host", socket, ...flags],
    "docker info",
    environment,
  );
  return {
    ...service,
    stop: async (signal) => {
      await service.stop(signal);
      await machine.run(["umount", "--lazy", root]);
    },
    docker: (...args) => machine.run(["docker", ...args], environment),
  };
}
