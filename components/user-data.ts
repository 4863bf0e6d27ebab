import * as fs from "fs";
import * as path from "path";
import { gzipSync, strToU8 } from "fflate";
import { stringify as stringifyYaml } from "yaml";
import { clientFiles } from "./client-files";
import { dockerHub, type RegistryAddresses } from "./registry-addresses";
import { docker, dockerMachine, gitlabRunner, registry, ubuntu } from "./versions";
import type { Architecture, PackagedProgram, Program } from "./versions";

/** What the bastion's user data depends on. */
export interface BastionUserDataArgs {
  /** AWS region, e.g. "eu-west-1". */
  region: string;

  /** Below this SSM path are the bastion's parameters, e.g. "/gitlab-runner-fleet/dev/bastion". */
  parameterPath: string;

  /** Of the bastion's instance type and image. */
  architecture: Architecture;

  /** Size of the swap file in GiB; 0 is no swap. */
  swapSize: number;
}

/** What the registry mirror's user data depends on. */
export interface RegistryMirrorUserDataArgs {
  /** AWS region, e.g. "eu-west-1". */
  region: string;

  /** Below this SSM path are the mirror's parameters, e.g. "/gitlab-runner-fleet/dev/registry-mirror". */
  parameterPath: string;

  /** Of the mirror's instance type and image. */
  architecture: Architecture;

  /** Id of the EBS volume that holds both registries' data, e.g. "vol-0123456789abcdef0"; it is attached as /dev/sdf. */
  volumeId: string;

  /** Hosts of the registries that are mirrored, each on its port: from 6000 upwards. */
  upstreams: string[];

  /** Percent of the volume that the mirrors may fill. */
  mirrorShare: number;

  /** Percent of the volume that the layer cache may fill. */
  layerCacheShare: number;

  /** Days after which a layer is built again. */
  layerCacheMaxAge: number;

  /** The registries speak HTTPS, with the certificate that is among the parameters. */
  tls: boolean;

  /** Writing below protected/ takes the password that is among the parameters. */
  protectedRefs: boolean;
}

/** What the workers' user data depends on. */
export interface WorkerUserDataArgs {
  /** Where jobs find the registry mirror and the layer cache. */
  registries?: RegistryAddresses | undefined;
}

/**
 * The bastion's cloud-config: it installs the runner manager and keeps its config.toml in step with what is published.
 * It holds no secret.
 */
export function bastionUserData(args: BastionUserDataArgs): string {
  const environment = {
    AWS_REGION: args.region,
    PARAMETER_PATH: args.parameterPath,
    SWAP_SIZE: args.swapSize.toString(),
    UBUNTU_CODENAME: ubuntu.codename,
    ...packagedProgramVariables("GITLAB_RUNNER", gitlabRunner),
    ...programVariables("DOCKER_MACHINE", dockerMachine, args.architecture),
  };
  return cloudConfig({
    write_files: [
      plainFile("/etc/fleet/bastion.env", environmentFile(environment)),
      ...commonFiles(),
      script("bastion/boot.sh"),
      script("bastion/sync-config.sh"),
      script("bastion/docker-machine.sh", "bin/docker-machine"),
      script("bastion/report.sh"),
      script("bastion/tidy.sh"),
      unit("bastion/fleet-sync.service"),
      unit("bastion/fleet-sync.timer"),
      unit("bastion/fleet-tidy.service"),
      unit("bastion/fleet-tidy.timer"),
      plainFile(
        "/etc/systemd/system/gitlab-runner.service.d/fleet.conf",
        userDataFile("bastion/gitlab-runner.conf"),
      ),
    ],
    runcmd: bootCommands,
  });
}

/** The registry mirror's cloud-config: both registries, with their data on the volume. It holds no secret. */
export function registryMirrorUserData(args: RegistryMirrorUserDataArgs): string {
  const environment = {
    AWS_REGION: args.region,
    PARAMETER_PATH: args.parameterPath,
    VOLUME_ID: args.volumeId,
    MIRRORED: args.upstreams.map((host) => `${host}=${registryUrl(host)}`).join(" "),
    MIRROR_SHARE: args.mirrorShare.toString(),
    LAYER_CACHE_SHARE: args.layerCacheShare.toString(),
    LAYER_CACHE_MAX_AGE: args.layerCacheMaxAge.toString(),
    TLS: args.tls ? "yes" : "",
    PROTECTED: args.protectedRefs ? "yes" : "",
    ...programVariables("REGISTRY", registry, args.architecture),
  };
  return cloudConfig({
    write_files: [
      plainFile("/etc/fleet/registry-mirror.env", environmentFile(environment)),
      plainFile("/etc/fleet/registry-mirror.yml", userDataFile("registry-mirror/registry-mirror.yml")),
      plainFile("/etc/fleet/layer-cache.yml", userDataFile("registry-mirror/layer-cache.yml")),
      plainFile("/etc/fleet/nginx.conf", userDataFile("registry-mirror/nginx.conf")),
      ...(args.tls ? [plainFile("/etc/fleet/tls.conf", userDataFile("registry-mirror/tls.conf"))] : []),
      ...(args.protectedRefs
        ? [plainFile("/etc/fleet/protected.conf", userDataFile("registry-mirror/protected.conf"))]
        : []),
      ...commonFiles(),
      script("registry-mirror/boot.sh"),
      script("registry-mirror/evict.py"),
      script("registry-mirror/report.sh"),
      unit("registry-mirror/registry-mirror@.service"),
      unit("registry-mirror/layer-cache.service"),
      unit("registry-mirror/registry-front.service"),
      unit("registry-mirror/fleet-evict.service"),
      unit("registry-mirror/fleet-evict.timer"),
    ],
    runcmd: bootCommands,
  });
}

/**
 * The workers' cloud-config: the script that docker-machine installs Docker with, what makes this fast, and the files that
 * config.toml mounts into jobs. All of it is done before SSH is up, so docker-machine always finds it.
 */
export function workerUserData(args: WorkerUserDataArgs): string {
  const environment = {
    UBUNTU_CODENAME: ubuntu.codename,
    ...packagedProgramVariables("DOCKER", docker),
  };
  const files = args.registries ? clientFiles(args.registries) : [];
  return cloudConfig({
    bootcmd: [withoutLoginMessages],
    write_files: [
      plainFile("/etc/fleet/worker.env", environmentFile(environment)),
      plainFile("/etc/apt/apt.conf.d/zz-fleet", userDataFile("worker/apt.conf")),
      script("common/library.sh"),
      script("worker/install-docker.sh"),
      ...files.map(({ path, content }) => plainFile(path, content)),
    ],
  });
}

/** EC2's limit for user data in bytes, before base64. */
const userDataLimit = 16_384;

/**
 * User data in base64, as `userDataBase64` and the EC2 API take it: compressed when it is longer than EC2 allows, which
 * cloud-init recognises.
 *
 * The bytes depend on the text only (no time, and a compressor written in JavaScript), because other user data makes another
 * instance: a `pulumi up` from a colleague's machine must not replace one.
 * @throws Error when even the compressed user data is too long.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-add-user-data.html
 */
export function encodeUserData(text: string): string {
  const plain = strToU8(text);
  const bytes = plain.length <= userDataLimit ? plain : gzipSync(plain, { level: 9, mtime: 0 });
  if (bytes.length > userDataLimit) {
    throw new Error(
      `User data of ${plain.length} bytes is ${bytes.length} bytes when compressed; EC2 takes ${userDataLimit}.`,
    );
  }
  return Buffer.from(bytes).toString("base64");
}

/** A text as one word of a POSIX shell, and as a value in an environment file of systemd's. */
export function shellQuote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Variables as a file that a shell can source. */
export function environmentFile(variables: Record<string, string>): string {
  return Object.entries(variables)
    .map(([name, value]) => `${name}=${shellQuote(value)}\n`)
    .join("");
}

/** An entry of cloud-config's `write_files`. */
interface WrittenFile {
  path: string;
  permissions: string;
  content: string;
}

/** What the bastion and the registry mirror have in common: booting, AWS, and saying how they are. */
function commonFiles(): WrittenFile[] {
  return [
    script("common/library.sh"),
    script("common/aws-library.sh"),
    script("common/read-parameters.sh"),
    script("common/ship-journal.sh"),
    unit("common/fleet-boot.service"),
    unit("common/fleet-journal.service"),
    unit("common/fleet-journal.timer"),
    unit("common/fleet-report.service"),
    unit("common/fleet-report.timer"),
  ];
}

/** Booting is a unit of its own, so that it is tried again, and again at each start; cloud-init only sets it off. */
const bootCommands = [
  ["systemctl", "daemon-reload"],
  ["systemctl", "enable", "--now", "--no-block", "fleet-boot.service"],
];

/**
 * docker-machine logs in some twenty times, and at each of them PAM would run every script here.
 * @see https://manpages.ubuntu.com/manpages/noble/man5/update-motd.5.html
 */
const withoutLoginMessages = ["find", "/etc/update-motd.d", "-type", "f", "-exec", "chmod", "a-x", "{}", "+"];

/** Of cloud-init's modules, in the order in which they run. */
interface CloudConfig {
  bootcmd?: string[][];
  write_files: WrittenFile[];
  runcmd?: string[][];
}

function cloudConfig(document: CloudConfig): string {
  return `#cloud-config\n${stringifyYaml(document, { lineWidth: 0, blockQuote: "literal" })}`;
}

function userDataFile(name: string): string {
  return fs.readFileSync(path.join(__dirname, "..", "userdata", name), "utf8");
}

function plainFile(filePath: string, content: string): WrittenFile {
  return { path: filePath, permissions: "0644", content };
}

function script(name: string, installed = path.basename(name)): WrittenFile {
  return { path: `/opt/fleet/${installed}`, permissions: "0755", content: userDataFile(name) };
}

function unit(name: string): WrittenFile {
  return plainFile(`/etc/systemd/system/${path.basename(name)}`, userDataFile(name));
}

function programVariables(
  prefix: string,
  program: Program,
  architecture: Architecture,
): Record<string, string> {
  const download = program.downloads[architecture];
  return {
    [`${prefix}_VERSION`]: program.version,
    [`${prefix}_URL`]: download.url,
    [`${prefix}_SHA256`]: download.sha256 ?? "",
  };
}

function packagedProgramVariables(prefix: string, program: PackagedProgram): Record<string, string> {
  const { packages, repository } = program;
  return {
    [`${prefix}_PACKAGES`]: packages.join(" "),
    [`${prefix}_REPOSITORY_URL`]: repository.url,
    [`${prefix}_REPOSITORY_COMPONENT`]: repository.component,
    [`${prefix}_KEY_URL`]: repository.keyUrl,
    [`${prefix}_KEY_FINGERPRINT`]: repository.keyFingerprint,
  };
}

/** Docker Hub's registry is elsewhere than its name says. */
function registryUrl(host: string): string {
  return `https://${host === dockerHub ? "registry-1.docker.io" : host}`;
}
