import { execFileSync } from "child_process";
import * as fs from "fs";
import * as os from "os";
import * as path from "path";
import { startHttpServer } from "./http-server";

/** A Debian package to make: all it has are files. */
export interface Package {
  name: string;
  version: string;
  files?: Record<string, string>;
}

/** A signed package repository on this machine, with anything else that is to be downloaded. */
export interface PackageRepository {
  url: string;
  keyUrl: string;
  keyFingerprint: string;

  /** How many of the next requests are answered with 503. */
  failNext: (requests: number) => void;

  /** Paths that were asked for, in order. */
  requests: string[];
  stop: () => Promise<void>;
}

/**
 * Makes and serves a package repository for Ubuntu noble, component "main".
 * @param downloads further files to serve: name to path
 */
export async function startPackageRepository(
  packages: Package[],
  downloads: Record<string, string> = {},
): Promise<PackageRepository> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "package-repository-"));
  const keyring = path.join(folder, "gnupg");
  fs.mkdirSync(keyring, { mode: 0o700 });
  const run = (command: string, args: string[]) =>
    execFileSync(command, args, {
      cwd: folder,
      env: { ...process.env, GNUPGHOME: keyring },
      stdio: ["ignore", "pipe", "pipe"],
    });

  fs.mkdirSync(path.join(folder, "pool"));
  for (const item of packages) {
    buildPackage(folder, item);
  }
  const binaries = path.join("dists", "noble", "main", "binary-amd64");
  fs.mkdirSync(path.join(folder, binaries), { recursive: true });
  fs.writeFileSync(path.join(folder, binaries, "Packages"), run("apt-ftparchive", ["packages", "pool"]));
  const release = run("apt-ftparchive", [
    ...["-o", "APT::FTPArchive::Release::Suite=noble", "-o", "APT::FTPArchive::Release::Codename=noble"],
    ...[
      "-o",
      "APT::FTPArchive::Release::Components=main",
      "-o",
      "APT::FTPArchive::Release::Architectures=amd64",
    ],
    ...["release", "dists/noble"],
  ]);
  fs.writeFileSync(path.join(folder, "dists/noble/Release"), release);

  run("gpg", [
    "--batch",
    "--passphrase",
    "",
    "--quick-generate-key",
    "Package repository",
    "ed25519",
    "sign",
    "never",
  ]);
  // A second key in the same file, which must not become trusted.
  run("gpg", [
    "--batch",
    "--passphrase",
    "",
    "--quick-generate-key",
    "Somebody else",
    "ed25519",
    "sign",
    "never",
  ]);
  const keys = run("gpg", ["--batch", "--with-colons", "--list-keys", "Package repository"]).toString();
  const keyFingerprint = /^fpr:+([0-9A-F]{40}):/m.exec(keys)?.[1] ?? "";
  run("gpg", [
    "--batch",
    "--local-user",
    keyFingerprint,
    "--output",
    "dists/noble/InRelease",
    "--clearsign",
    "dists/noble/Release",
  ]);
  fs.writeFileSync(path.join(folder, "key.asc"), run("gpg", ["--batch", "--armor", "--export"]));
  run("gpgconf", ["--kill", "all"]);
  for (const [name, target] of Object.entries(downloads)) {
    fs.symlinkSync(target, path.join(folder, name));
  }

  let failures = 0;
  const requests: string[] = [];
  const server = await startHttpServer((request, response) => {
    const name = decodeURIComponent(request.url ?? "/");
    requests.push(name);
    const file = path.join(folder, name);
    if (failures > 0) {
      failures--;
      response.writeHead(503).end();
    } else if (fs.existsSync(file)) {
      response.writeHead(200, { "Content-Length": fs.statSync(file).size });
      fs.createReadStream(file).pipe(response);
    } else {
      response.writeHead(404).end();
    }
  });
  return {
    url: server.url,
    keyUrl: `${server.url}/key.asc`,
    keyFingerprint,
    failNext: (count) => (failures = count),
    requests,
    stop: async () => {
      await server.stop();
      fs.rmSync(folder, { recursive: true });
    },
  };
}

function buildPackage(folder: string, { name, version, files = {} }: Package): void {
  const tree = path.join(folder, "tree", name);
  const write = (file: string, content: string, mode: number) => {
    fs.mkdirSync(path.dirname(path.join(tree, file)), { recursive: true });
    fs.writeFileSync(path.join(tree, file), content, { mode });
  };
  const control = {
    Package: name,
    Version: version,
    Architecture: "amd64",
    Maintainer: "nobody <nobody@localhost>",
    Description: name,
  };
  const lines = Object.entries(control).map(([key, value]) => `${key}: ${value}\n`);
  write("DEBIAN/control", lines.join(""), 0o644);
  for (const [file, content] of Object.entries(files)) {
    write(file, content, 0o755);
  }
  const output = path.join(folder, "pool", `${name}_${version.replaceAll(":", "%3a")}_amd64.deb`);
  execFileSync("dpkg-deb", ["--build", "--root-owner-group", "-Zgzip", tree, output], { stdio: "pipe" });
}
