import { createHash } from "crypto";
import * as fs from "fs";
import { makeImage, type Image } from "./images";
import type { RegistryMachine } from "./registry-machine";

const manifestType = "application/vnd.oci.image.manifest.v1+json";

interface Access {
  scheme?: "http" | "https";
  /** Of curl. */
  options?: string[];
}

let pulls = 0;

/**
 * Pulls an image as a worker does, and looks at every byte.
 * @returns the digests of what arrived
 * @throws Error with what the registry answered
 */
export async function pull(
  { machine, must }: RegistryMachine,
  registry: string,
  repository: string,
  reference: string,
  { scheme = "http", options = [] }: Access = {},
): Promise<Image> {
  const file = `/tmp/pulled-${(pulls += 1)}`;
  const get = async (part: string) => {
    const curl = [
      "curl",
      "--silent",
      "--show-error",
      "--fail",
      ...options,
      "--header",
      `Accept: ${manifestType}`,
    ];
    await must(...curl, "--output", file, `${scheme}://${registry}/v2/${repository}/${part}`);
    const content = fs.readFileSync(machine.outside(file));
    return { content, digest: `sha256:${createHash("sha256").update(content).digest("hex")}` };
  };
  const manifest = await get(`manifests/${reference}`);
  const { config, layers } = JSON.parse(manifest.content.toString()) as {
    config: { digest: string };
    layers: { digest: string }[];
  };
  const configuration = await get(`blobs/${config.digest}`);
  const layer = await get(`blobs/${layers[0]?.digest ?? ""}`);
  fs.rmSync(machine.outside(file));
  return { manifest: manifest.digest, configuration: configuration.digest, layer: layer.digest };
}

/**
 * Pushes an image of one layer.
 * @throws Error with what the registry answered
 */
export async function pushImage(
  { machine, must }: RegistryMachine,
  address: string,
  repository: string,
  tag: string,
  file: Buffer,
  options: string[] = [],
): Promise<Image> {
  const { digests, blobs, manifest } = makeImage(file);
  const curl = (...args: string[]) => must("curl", "--silent", "--show-error", "--fail", ...options, ...args);
  const put = async (url: string, type: string, content: Buffer | string) => {
    machine.write("/tmp/pushed", content);
    const body = ["--data-binary", "@/tmp/pushed", "--header", `Content-Type: ${type}`];
    await curl("--request", "PUT", ...body, url);
  };
  const login = /\/\/([^/]*@)/.exec(address)?.[1] ?? "";
  for (const [digest, content] of blobs) {
    const uploads = `${address}/v2/${repository}/blobs/uploads/`;
    const started = await curl("--request", "POST", "--dump-header", "-", uploads);
    const location = (/^location: (.*)\r$/im.exec(started)?.[1] ?? "").replace("//", `//${login}`);
    await put(`${location}&digest=${digest}`, "application/octet-stream", content);
  }
  await put(`${address}/v2/${repository}/manifests/${tag}`, manifestType, manifest);
  return digests;
}

/** The status of the answer to one of curl's requests; 000 when there is none. */
export async function statusOf({ machine }: RegistryMachine, ...request: string[]): Promise<string> {
  const options = ["--silent", "--output", "/dev/null", "--write-out", "%{http_code}"];
  return (await machine.run(["curl", ...options, ...request])).stdout;
}
