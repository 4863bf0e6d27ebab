import { createHash } from "crypto";
import * as fs from "fs";
import * as https from "https";
import type { IncomingMessage, ServerResponse } from "http";

/**
 * A registry that stands for Docker Hub and others, with the distance and the moods of one far away. It is a program of its own
 * because it runs in the network of a throwaway machine: `upstream-registry.ts <address> <key> <certificate> <folder>`.
 *
 * The folder has `<host>/<repository>/<tag>`: manifests, and `blobs/<digest>`. `settings.json` in it is read at each request.
 */
export interface UpstreamSettings {
  /** Milliseconds before each answer. */
  delay?: number;
  /** `<user>:<password>` without which nothing is given, by the tokens that Docker Hub uses. */
  login?: string;
  /** Megabits a second over all answers. */
  rate?: number;
  /** Status of every answer. */
  status?: number;
  /** Only to clients whose `User-Agent` has this in it, as Docker Hub's limits are for each address. */
  statusFor?: string;
}

const token = "token-of-the-upstream";

const sha256 = (content: Buffer) => `sha256:${createHash("sha256").update(content).digest("hex")}`;

function main([address = "", key = "", certificate = "", folder = ""]: string[]): void {
  const settings = (): UpstreamSettings =>
    JSON.parse(fs.readFileSync(`${folder}/settings.json`, "utf8")) as UpstreamSettings;
  const log = (file: "clients" | "requests", line: string) => {
    fs.appendFileSync(`${folder}/${file}`, `${line}\n`);
  };
  let lineFree = 0;

  const find = (host: string, path: string): { content: Buffer; type: string } | undefined => {
    const [, repository = "", kind = "", reference = ""] =
      /^\/v2\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(path) ?? [];
    if (kind === "blobs" && fs.existsSync(`${folder}/blobs/${reference}`)) {
      return { content: fs.readFileSync(`${folder}/blobs/${reference}`), type: "application/octet-stream" };
    }
    const tags = `${folder}/${host}/${repository}`;
    if (kind !== "manifests" || !fs.existsSync(tags)) return undefined;
    const manifests = fs.readdirSync(tags).map((tag) => [tag, fs.readFileSync(`${tags}/${tag}`)] as const);
    const found = manifests.find(([tag, content]) => tag === reference || sha256(content) === reference);
    return found && { content: found[1], type: "application/vnd.oci.image.manifest.v1+json" };
  };

  /** Sends as fast as the line allows, which all answers share. */
  const send = async (response: ServerResponse, content: Buffer, { rate }: UpstreamSettings) => {
    for (let start = 0; start < content.length; start += 65_536) {
      const chunk = content.subarray(start, start + 65_536);
      if (rate !== undefined) {
        lineFree = Math.max(lineFree, Date.now()) + (chunk.length * 8) / (rate * 1000);
        await new Promise((resolve) => setTimeout(resolve, lineFree - Date.now()));
      }
      if (response.destroyed) return;
      if (!response.write(chunk))
        await new Promise((resolve) => response.once("drain", resolve).once("close", resolve));
    }
    response.end();
  };

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const now = settings();
    const path = new URL(request.url ?? "/", "https://upstream").pathname;
    log("clients", request.headers["user-agent"] ?? "");
    log("requests", `${request.method ?? ""} ${request.headers.host ?? ""}${path}`);
    await new Promise((resolve) => setTimeout(resolve, now.delay ?? 0));
    const version = { "Docker-Distribution-Api-Version": "registry/2.0" };
    const isMeant = (request.headers["user-agent"] ?? "").includes(now.statusFor ?? "");
    if (now.status !== undefined && isMeant) {
      response.writeHead(now.status, version).end();
      return;
    }
    const { authorization = "", host = "" } = request.headers;
    if (path === "/token") {
      const isKnown = authorization === `Basic ${Buffer.from(now.login ?? "").toString("base64")}`;
      response.writeHead(isKnown ? 200 : 401).end(JSON.stringify({ token }));
      return;
    }
    if (now.login !== undefined && authorization !== `Bearer ${token}`) {
      const challenge = { "WWW-Authenticate": `Bearer realm="https://${host}/token",service="${host}"` };
      response.writeHead(401, { ...version, ...challenge }).end();
      return;
    }
    if (path === "/v2/") {
      response.writeHead(200, version).end("{}");
      return;
    }
    const found = find(request.headers.host ?? "", path);
    if (!found) {
      response.writeHead(404, version).end();
      return;
    }
    response.setMaxListeners(0);
    const { content, type } = found;
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    response.writeHead(start > 0 ? 206 : 200, {
      ...version,
      "Content-Type": type,
      "Content-Length": content.length - start,
      "Docker-Content-Digest": sha256(content),
      ...(start > 0 && { "Content-Range": `bytes ${start}-${content.length - 1}/${content.length}` }),
    });
    if (request.method === "HEAD") response.end();
    else await send(response, content.subarray(start), now);
  };

  https
    .createServer({ key: fs.readFileSync(key), cert: fs.readFileSync(certificate) }, (request, response) => {
      void answer(request, response);
    })
    .listen(443, address);
}

if (require.main === module) main(process.argv.slice(2));
