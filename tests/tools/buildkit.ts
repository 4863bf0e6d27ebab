import { clientFiles } from "../../components/client-files";
import type { RegistryAddresses } from "../../components/registry-addresses";
import { requireProgram } from "./programs";
import type { RegistryMachine } from "./registry-machine";
import { startService, type Service } from "./service";

/** How a build ended. */
export interface BuildResult {
  status: number | null;
  log: string;
  seconds: number;
}

/**
 * BuildKit as a job has it, with what a worker's user data says of the registries. It runs no containers, so a Dockerfile may
 * only copy.
 */
export class BuildKit {
  private constructor(
    private readonly registries: RegistryMachine,
    private readonly daemon: Service,
  ) {}

  static async start(registries: RegistryMachine, addresses: RegistryAddresses): Promise<BuildKit> {
    const { machine } = registries;
    for (const { path, content, mounts } of clientFiles(addresses)) {
      for (const file of [path, ...mounts]) machine.write(file, content);
    }
    // All that is asked of it is its name.
    machine.write("/usr/local/sbin/buildkit-runc", "#!/bin/sh\necho runc version 1.2.0\n", 0o755);
    const daemon = await startService(
      machine,
      [requireProgram("buildkitd"), "--oci-worker-snapshotter", "native"],
      `${requireProgram("buildctl")} debug workers`,
    );
    return new BuildKit(registries, daemon);
  }

  /** Forgets everything, as a worker that has never built anything. */
  async forget(): Promise<void> {
    await this.registries.must(requireProgram("buildctl"), "prune", "--all");
  }

  /**
   * @param context the files of the build, its Dockerfile among them
   * @param cache reference that is imported, and exported as the job template does it
   */
  async build(context: Record<string, string | Buffer>, cache?: string): Promise<BuildResult> {
    const { machine } = this.registries;
    const folder = `/tmp/context-${Math.random().toString(36).slice(2)}`;
    for (const [name, content] of Object.entries(context)) machine.write(`${folder}/${name}`, content);
    const locals = ["--local", `context=${folder}`, "--local", `dockerfile=${folder}`];
    const reference = `type=registry,ref=${cache ?? ""}`;
    const caches = ["--import-cache", reference, "--export-cache", `${reference},mode=max,ignore-error=true`];
    const started = Date.now();
    const { status, stderr } = await machine.run([
      requireProgram("buildctl"),
      ...["build", "--progress", "plain", "--frontend", "dockerfile.v0", ...locals],
      ...(cache === undefined ? [] : caches),
      ...["--output", "type=oci,dest=/tmp/image.tar"],
    ]);
    return { status, log: stderr, seconds: (Date.now() - started) / 1000 };
  }

  async stop(): Promise<void> {
    await this.daemon.stop();
  }
}
