import { mkdirSync, mkdtempSync } from "fs";
import { rm } from "fs/promises";
import { join } from "path";
import { freeAddress } from "../../../cli/local/emulator";
import { requireProgram } from "../../tools/programs";
import { clientFlags, serverFlags, type Certificates } from "./certificates";
import { run, startServer, type Server } from "./processes";

/** Where a daemon keeps its images and layers. */
export type Root = "disk" | "memory";

/** Mounts go with the namespace; `$1` is the root, `$2` whether it is in memory. */
const start = `
set -euo pipefail
[[ "$2" == disk ]] || mount -t tmpfs tmpfs "$1"
exec "\${@:3}"
`;

/** One build that a client asks for. */
export interface Build {
  context: string;
  /** Full name of the image to push. */
  image: string;
  cacheFrom?: string;
  cacheTo?: string;
}

export interface DaemonOptions {
  root?: Root;
  snapshotter?: "overlayfs" | "stargz";
  /** Who may connect over the network; nobody by default. */
  certificates?: Certificates;
}

/** A BuildKit daemon with an empty root, as a worker has one that never built anything. */
export class BuildDaemon {
  private constructor(
    /** What a client is told to reach it. */
    private readonly connection: string[],
    private readonly server: Server,
    private readonly folder: string,
  ) {}

  static async start(folder: string, options: DaemonOptions = {}): Promise<BuildDaemon> {
    const { root: where = "disk", snapshotter = "overlayfs", certificates } = options;
    const own = mkdtempSync(join(folder, "daemon-"));
    const root = join(own, "root");
    mkdirSync(root);
    const address = certificates
      ? (await freeAddress()).replace("http:", "tcp:")
      : `unix://${own}/buildkitd.sock`;
    const connection = ["--addr", address, ...(certificates ? clientFlags(certificates) : [])];
    const server = await startServer(
      [
        ...["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"],
        ...["bash", "-c", start, "bash", root, where],
        ...[requireProgram("buildkitd"), "--root", root, "--addr", address],
        ...["--oci-worker-snapshotter", snapshotter, "--oci-worker-net", "host"],
        ...(certificates ? serverFlags(certificates) : []),
      ],
      {
        log: join(own, "buildkitd.log"),
        answers: async () => {
          await run(requireProgram("buildctl"), [...connection, "debug", "workers"]);
          return true;
        },
      },
    );
    return new BuildDaemon(connection, server, own);
  }

  /** @returns what BuildKit printed. */
  async build({ context, image, cacheFrom, cacheTo }: Build): Promise<string> {
    return await run(requireProgram("buildctl"), [
      ...[...this.connection, "build", "--progress", "plain", "--frontend", "dockerfile.v0"],
      ...["--local", `context=${context}`, "--local", `dockerfile=${context}`],
      ...["--output", `type=image,name=${image},push=true`],
      ...(cacheFrom === undefined ? [] : ["--import-cache", cacheFrom]),
      ...(cacheTo === undefined ? [] : ["--export-cache", cacheTo]),
    ]);
  }

  /** Ends it and forgets all that it built. */
  async stop(): Promise<void> {
    await this.server.stop();
    // Its processes end a moment after the one that was told to.
    await rm(this.folder, { recursive: true, maxRetries: 10 });
  }
}
