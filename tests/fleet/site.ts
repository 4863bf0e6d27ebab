import { execFileSync } from "child_process";
import * as fs from "fs";
import * as http from "http";
import * as https from "https";
import * as os from "os";
import * as path from "path";
import { passOn } from "../engine/relay";
import { MachineNetwork } from "../tools/machine-network";
import { startPackageRepository, type Package, type PackageRepository } from "../tools/package-repository";
import type { ThrowawayMachine } from "../tools/throwaway-machine";
import type { Aws } from "./aws";
import { GitLab } from "./gitlab";

const gitlabHost = "gitlab.example.com";
const packagesHost = "packages.example.com";
const certified = [gitlabHost, packagesHost, "*.eu-west-1.amazonaws.com", "*.s3.eu-west-1.amazonaws.com"];

/** What is around the fleet, each by its name and over TLS: AWS, GitLab, package repositories. */
export class Site {
  readonly gitlab = new GitLab();
  /** Of every worker, so that none has to be made. */
  readonly hostKey: string;

  private constructor(
    readonly network: MachineNetwork,
    private readonly folder: string,
    private readonly repository: PackageRepository,
    private readonly servers: http.Server[],
  ) {
    this.hostKey = fs.readFileSync(path.join(folder, "host-key"), "utf8");
  }

  /**
   * @param names of machines in the network, with their addresses
   * @param downloads files that are offered beside the packages: name to path
   */
  static async start(
    aws: Aws,
    names: Record<string, string>,
    packages: Package[],
    downloads: Record<string, string>,
  ): Promise<Site> {
    const { router } = MachineNetwork;
    const network = await MachineNetwork.start({
      ...names,
      ...{ [gitlabHost]: router, [packagesHost]: router, "amazonaws.com": router },
    });
    const folder = makeKeys();
    const repository = await startPackageRepository(packages, downloads);
    const read = (file: string) => fs.readFileSync(path.join(folder, file));
    const key = { key: read("key"), cert: read("certificate") };
    const packagesAnswer = relayTo(repository.url);
    const server = https.createServer(key, (request, response) => {
      const { host } = request.headers;
      const answer =
        host === gitlabHost ? site.gitlab.answer : host === packagesHost ? packagesAnswer : aws.answer;
      answer(request, response).catch(() => response.destroy());
    });
    // This process is too busy at times to answer sooner.
    server.keepAliveTimeout = 120_000;
    const site = new Site(network, folder, repository, [server]);
    await network.listen(server, router, 443);
    return site;
  }

  /** Lets instances find a metadata service where it always is. */
  async serveMetadata(url: string): Promise<void> {
    const answer = relayTo(url);
    const server = http.createServer((request, response) => {
      answer(request, response).catch(() => response.destroy());
    });
    this.servers.push(server);
    await this.network.listen(server, MachineNetwork.metadata, 80);
  }

  /** Makes a machine trust the site's certificate. */
  trust(machine: ThrowawayMachine): void {
    const certificate = fs.readFileSync(path.join(this.folder, "certificate"));
    fs.appendFileSync(machine.outside("/etc/ssl/certs/ca-certificates.crt"), certificate);
  }

  /** Variables of an environment file that lead to the packages here. */
  packageVariables(prefix: string): Record<string, string> {
    return {
      [`${prefix}_REPOSITORY_URL`]: `https://${packagesHost}`,
      [`${prefix}_REPOSITORY_COMPONENT`]: "main",
      [`${prefix}_KEY_URL`]: `https://${packagesHost}/key.asc`,
      [`${prefix}_KEY_FINGERPRINT`]: this.repository.keyFingerprint,
    };
  }

  /** Where a file of `downloads` is. */
  downloadUrl(name: string): string {
    return `https://${packagesHost}/${name}`;
  }

  async stop(): Promise<void> {
    for (const server of this.servers) {
      server.closeAllConnections();
      server.close();
    }
    await this.repository.stop();
    await this.network.stop();
    fs.rmSync(this.folder, { recursive: true });
  }
}

/** Answers as another server does. */
function relayTo(url: string) {
  return async (request: http.IncomingMessage, response: http.ServerResponse): Promise<void> => {
    const { status, headers, body } = await passOn(url, request, Buffer.alloc(0));
    response.writeHead(status, headers).end(body);
  };
}

/** A key with a certificate that everybody here trusts, and a host key for SSH. */
function makeKeys(): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "fleet-site-"));
  const names = certified.map((name) => `DNS:${name}`).join(",");
  const certificate = ["req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
  execFileSync(
    "openssl",
    [
      ...[...certificate, "-days", "2", "-subj", "/CN=site", "-addext", `subjectAltName=${names}`],
      ...["-keyout", path.join(folder, "key"), "-out", path.join(folder, "certificate")],
    ],
    { stdio: "pipe" },
  );
  execFileSync("ssh-keygen", ["-q", "-t", "rsa", "-N", "", "-f", path.join(folder, "host-key")]);
  return folder;
}
