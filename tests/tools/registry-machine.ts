import * as fs from "fs";
import * as path from "path";
import { ModuleKind, transpileModule } from "typescript";
import { registryMirrorUserData, type RegistryMirrorUserDataArgs } from "../../components/user-data";
import { makeImage, type Image, type MadeImage } from "./images";
import { requireProgram } from "./programs";
import { startService } from "./service";
import { replaceSystemctl, systemctlCalls } from "./systemctl";
import { ThrowawayMachine } from "./throwaway-machine";
import { Units } from "./units";
import type { UpstreamSettings } from "./upstream-registry";
import { Volume } from "./volume";

const upstreamFolder = "/srv/upstream";
const upstreamAddress = "10.77.0.2";

/** What the registry mirror's user data says in tests, if they do not say otherwise. */
export const registryMirrorArgs: RegistryMirrorUserDataArgs = {
  region: "eu-west-1",
  parameterPath: "/gitlab-runner-fleet/test/registry-mirror",
  architecture: "amd64",
  volumeId: "vol-0123456789abcdef0",
  upstreams: ["docker.io"],
  mirrorShare: 40,
  layerCacheShare: 45,
  layerCacheMaxAge: 14,
  tls: false,
  protectedRefs: false,
};

/**
 * A throwaway machine on which the registry mirror's own files have set up its registries, with a network of its own in which
 * Docker Hub and other registries are played by one program. Clients run on it, too.
 */
export class RegistryMachine {
  /** The name that user data gives to clients. */
  static readonly host = "registry-mirror.test";
  /** Both registries' data, on a volume of its own. */
  static readonly data = "/var/lib/fleet-registry";

  private constructor(
    readonly machine: ThrowawayMachine,
    readonly units: Units,
    private readonly volume: Volume,
  ) {}

  /**
   * @param parameters what SSM holds for the machine
   * @param volumeSize MiB
   * @param upstream how the registries elsewhere behave from the start
   */
  static async start(
    args: Partial<RegistryMirrorUserDataArgs> = {},
    parameters: Record<string, string> = {},
    volumeSize = 1024,
    upstream: UpstreamSettings = {},
  ): Promise<RegistryMachine> {
    const machine = await ThrowawayMachine.start("own");
    const made = new RegistryMachine(machine, new Units(machine), new Volume(volumeSize * 2 ** 20));
    try {
      await made.serveUpstream(["registry-1.docker.io", "ghcr.io"]);
      made.setUpstream(upstream);
      await made.boot({ ...registryMirrorArgs, ...args }, parameters);
    } catch (error) {
      await made.stop();
      throw error;
    }
    return made;
  }

  async stop(): Promise<void> {
    this.units.leave();
    await this.machine.run(["umount", "--lazy", RegistryMachine.data]);
    await this.machine.stop();
    this.volume.remove();
  }

  /** @throws Error with what the command said when it fails. */
  readonly must = async (...command: string[]): Promise<string> => {
    const { status, stdout, stderr } = await this.machine.run(command);
    if (status !== 0) throw new Error(`${command.join(" ")}: ${stderr}${stdout}`);
    return stdout;
  };

  /** How the registries elsewhere behave from now on. */
  setUpstream(settings: UpstreamSettings): void {
    this.machine.write(`${upstreamFolder}/settings.json`, JSON.stringify(settings));
  }

  /** What they were asked for since the last time, e.g. `GET registry-1.docker.io/v2/library/a/manifests/b`. */
  upstreamRequests(): string[] {
    const requests = this.machine.read(`${upstreamFolder}/requests`).split("\n").filter(Boolean);
    this.machine.write(`${upstreamFolder}/requests`, "");
    return requests;
  }

  /** Who has asked them since the last time, e.g. `docker/29.7.2 …`. */
  upstreamClients(): string[] {
    const clients = this.machine.read(`${upstreamFolder}/clients`).split("\n").filter(Boolean);
    this.machine.write(`${upstreamFolder}/clients`, "");
    return [...new Set(clients)];
  }

  /** Puts an image of one layer into a registry elsewhere. */
  publishImage(repository: string, tag: string, file: Buffer): Image {
    return this.publish(repository, tag, makeImage(file));
  }

  /** Puts an image into a registry elsewhere. */
  publish(repository: string, tag: string, { digests, blobs, manifest }: MadeImage): Image {
    for (const [digest, content] of blobs) this.machine.write(`${upstreamFolder}/blobs/${digest}`, content);
    this.machine.write(`${upstreamFolder}/${repository}/${tag}`, manifest);
    return digests;
  }

  /** What the timer does every minute. Returns what it says. */
  evict(): Promise<string> {
    return this.units.once("fleet-evict");
  }

  private async serveUpstream(names: string[]): Promise<void> {
    this.machine.write(`${upstreamFolder}/requests`, "");
    this.machine.write(`${upstreamFolder}/clients`, "");
    this.machine.write(`${upstreamFolder}/blobs/none`, "");
    this.setUpstream({});
    fs.appendFileSync(
      this.machine.outside("/etc/hosts"),
      `\n10.77.0.1 ${RegistryMachine.host}\n${upstreamAddress} ${names.join(" ")}\n`,
    );
    await this.must("ip", "address", "add", "10.77.0.1/24", "dev", "lo");
    await this.must("ip", "address", "add", `${upstreamAddress}/24`, "dev", "lo");
    await this.must(
      ...["openssl", "req", "-x509", "-nodes", "-newkey", "ed25519", "-days", "2", "-subj", "/CN=upstream"],
      ...["-addext", `subjectAltName=${names.map((name) => `DNS:${name}`).join(",")}`],
      ...["-keyout", `${upstreamFolder}/key`, "-out", `${upstreamFolder}/certificate`],
    );
    const trusted = this.machine.outside("/etc/ssl/certs/ca-certificates.crt");
    fs.appendFileSync(trusted, this.machine.read(`${upstreamFolder}/certificate`));
    // As JavaScript in a place of the machine's own, which cannot see where this project is.
    const source = fs.readFileSync(path.join(__dirname, "upstream-registry.ts"), "utf8");
    const { outputText } = transpileModule(source, { compilerOptions: { module: ModuleKind.CommonJS } });
    this.machine.write("/opt/upstream-registry.js", outputText);
    await startService(
      this.machine,
      [
        ...[process.execPath, "/opt/upstream-registry.js", upstreamAddress],
        ...[`${upstreamFolder}/key`, `${upstreamFolder}/certificate`, upstreamFolder],
      ],
      `curl --fail https://${names[0] ?? ""}/v2/`,
    );
  }

  /** Runs the machine's own boot.sh; what it tells systemd is then done. */
  private async boot(args: RegistryMirrorUserDataArgs, parameters: Record<string, string>): Promise<void> {
    const { machine } = this;
    machine.writeFilesOf(registryMirrorUserData(args));
    this.volume.attach(machine, "/dev/xvdf");
    await this.must("install", requireProgram("registry"), "/usr/local/bin");
    machine.write("/opt/fleet/parameters.json", JSON.stringify({ "http-secret": "secret", ...parameters }));
    machine.write("/opt/fleet/read-parameters.sh", "#!/bin/sh\ncat /opt/fleet/parameters.json\n", 0o755);
    replaceSystemctl(machine);
    await this.must("/opt/fleet/boot.sh");
    for (const call of systemctlCalls(machine)) {
      if (!call.startsWith("restart ")) continue;
      for (const unit of call.split(" ").slice(1)) this.units.start(unit.replace(".service", ""));
    }
    await this.answers(`${args.tls ? "https" : "http"}://${RegistryMachine.host}:6000/v2/`);
    await this.answers(`${args.tls ? "https" : "http"}://${RegistryMachine.host}:5000/v2/`);
  }

  /** Waits until it does. */
  async answers(url: string): Promise<void> {
    const wait = `for i in {1..150}; do curl --insecure --silent --fail ${url} && exit; sleep 0.1; done; exit 1`;
    const { status } = await this.machine.run(["bash", "-c", wait]);
    if (status !== 0) throw new Error(`${url} does not answer: ${this.units.logs().slice(0, 4000)}`);
  }
}
