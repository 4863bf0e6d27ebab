import { mkdtempSync, rmSync } from "fs";
import { tmpdir } from "os";
import { join } from "path";
import { writeApplication, type Application, type BaseImages } from "./applications";
import { pushBaseImages } from "./base-images";
import { BuildDaemon, type Build, type DaemonOptions } from "./build-daemon";
import { Materials } from "./materials";
import { startRegistry, type Registry } from "./registries";

/** Where builds are measured: a layer cache, a registry that takes the images, package servers. */
export class Site {
  private images = 0;

  private constructor(
    readonly folder: string,
    private readonly materials: Materials,
    private readonly layerCache: Registry,
    private readonly destination: Registry,
    private readonly baseImages: BaseImages,
  ) {}

  static async start(): Promise<Site> {
    const folder = mkdtempSync(join(tmpdir(), "fleet-images-"));
    const materials = await Materials.prepare();
    const layerCache = await startRegistry(folder, "layer-cache");
    const destination = await startRegistry(folder, "destination");
    const baseImages = await pushBaseImages(folder, materials, destination.address);
    return new Site(folder, materials, layerCache, destination, baseImages);
  }

  /** What BuildKit is told to use the layer cache. */
  cache(tag: string, options = ""): string {
    return `type=registry,ref=${this.layerCache.address}/application:${tag}${options}`;
  }

  /** A checkout of an application; its source differs with each change. */
  checkout(application: Application, change: number): string {
    const folder = mkdtempSync(join(this.folder, "checkout-"));
    writeApplication(folder, application(this.materials, this.baseImages), change);
    return folder;
  }

  async daemon(options: DaemonOptions = {}): Promise<BuildDaemon> {
    return await BuildDaemon.start(this.folder, options);
  }

  /** @returns how many seconds it took to build an image and to push it. */
  async build(daemon: BuildDaemon, build: Omit<Build, "image">): Promise<number> {
    const image = `${this.destination.address}/application:${++this.images}`;
    const start = performance.now();
    await daemon.build({ ...build, image });
    return (performance.now() - start) / 1000;
  }

  /** The same on a worker that never built anything. */
  async buildOnNewWorker(build: Omit<Build, "image">, options: DaemonOptions = {}): Promise<number> {
    const daemon = await this.daemon(options);
    try {
      return await this.build(daemon, build);
    } finally {
      await daemon.stop();
    }
  }

  async stop(): Promise<void> {
    await this.layerCache.stop();
    await this.destination.stop();
    await this.materials.stop();
    rmSync(this.folder, { recursive: true });
  }
}
