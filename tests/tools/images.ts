import { spawnSync } from "child_process";
import { createHash } from "crypto";
import * as fs from "fs";
import * as os from "os";
import * as path from "path";

/** The digests of an image of one layer. */
export interface Image {
  manifest: string;
  configuration: string;
  layer: string;
}

const sha256 = (content: Buffer | string) => `sha256:${createHash("sha256").update(content).digest("hex")}`;

/** An image, and what it is called by. */
export interface MadeImage {
  digests: Image;
  blobs: Map<string, Buffer>;
  manifest: string;
}

/** An image whose layer is one file. */
export function makeImage(file: Buffer): MadeImage {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "image-"));
  fs.writeFileSync(path.join(folder, "file"), file);
  const tar = ["--create", "--mtime=@0", "--directory", folder, "file"];
  const layer = spawnSync("tar", tar, { maxBuffer: 2 ** 31 }).stdout;
  fs.rmSync(folder, { recursive: true });
  return imageOfLayer(layer);
}

/** @param config what containers of the image are made with, e.g. `{ Entrypoint: ["buildkitd"] }` */
export function imageOfLayer(layer: Buffer, config: Record<string, unknown> = {}): MadeImage {
  const architecture = process.arch === "arm64" ? "arm64" : "amd64";
  const rootfs = { type: "layers", diff_ids: [sha256(layer)] };
  const configuration = Buffer.from(JSON.stringify({ architecture, os: "linux", config, rootfs }));
  const described = (mediaType: string, content: Buffer) => ({
    mediaType,
    digest: sha256(content),
    size: content.length,
  });
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: described("application/vnd.oci.image.config.v1+json", configuration),
    layers: [described("application/vnd.oci.image.layer.v1.tar", layer)],
  });
  const digests = { manifest: sha256(manifest), configuration: sha256(configuration), layer: sha256(layer) };
  const blobs = new Map([
    [digests.configuration, configuration],
    [digests.layer, layer],
  ]);
  return { digests, blobs, manifest };
}
