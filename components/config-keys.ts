import { closest, distance } from "fastest-levenshtein";
import { z } from "zod";
import { fleetSchema, secretsSchema } from "./config-schema";
import { bareSchema, type KeyAdvice, type Problem } from "./problems";

/** Letters and digits only, so that `OffPeakPeriods`, `off_peak_periods` and `offPeakPeriods` are one key. */
const plain = (key: string) =>
  key
    .replace(/^amazonec2-/, "")
    .replace(/[^a-z0-9]/gi, "")
    .toLowerCase();

const schedule = "is gone since GitLab Runner 14; write it as a section of runners[].autoscaling";
const ofCredentials = "and belongs into cacheCredentials.<runner name>";
const ownBucket = "the fleet makes its own bucket itself";
const madeHere = "is made by the fleet itself; leave it out";

// What used to be written, and what replaced it.
const retired = new Map(
  Object.entries({
    OffPeakPeriods: `${schedule}, with periods`,
    OffPeakTimezone: `${schedule}, with timezone`,
    OffPeakIdleCount: `${schedule}, with idleCount`,
    OffPeakIdleTime: `${schedule}, with idleTime`,
    registrationToken:
      "is gone from GitLab; make a runner in GitLab and put its authentication token (glrt-…) into runnerTokens.<runner name>",
    token: "belongs into runnerTokens.<runner name>, as a secret",
    blockDurationMinutes: "is gone: AWS ended spot instances of a fixed duration; leave it out",
    ServerAddress: "is now runners[].cache.serverAddress, with type: minio",
    AccessKey: `is a secret of a cache with type: minio, ${ofCredentials}.accessKey; the fleet's own bucket needs none`,
    SecretKey: `is a secret of a cache with type: minio, ${ofCredentials}.secretKey; the fleet's own bucket needs none`,
    BucketName: `is now runners[].cache.bucketName, with type: minio or gcs; ${ownBucket}`,
    BucketLocation: `is now runners[].cache.bucketLocation, with type: minio; ${ownBucket}`,
    Insecure:
      "is now runners[].cache.insecure, with type: minio; the fleet's own bucket answers over TLS only",
    PrivateKey: `is a secret of a cache with type: gcs, ${ofCredentials}.privateKey`,
    AccountKey: `is a secret of a cache with type: azure, ${ofCredentials}.accountKey`,
    requestSpotInstance: "is now workers.spot, with or without maxPrice",
    spotPrice: "is now workers.spot.maxPrice",
    MachineOptions: "is made of workers; further options go into workers.extraOptions",
    MachineDriver: "is always amazonec2; leave it out",
    MachineName: "is now runners[].machine.name",
    Shared: "is now runners[].cache.shared",
    Periods: "belongs into a section of runners[].autoscaling, as periods",
    Timezone: "belongs into a section of runners[].autoscaling, as timezone",
    executor: "is always docker+machine; leave it out",
    url: "is now gitlabUrl, for all runners",
    securityGroup: madeHere,
    subnetId: "is given for the whole fleet, as network.subnetIds",
    region: "is now aws:region",
    ami: "is now image, with id and architecture",
    rootSize: "is now rootVolumeSize",
  }).map(([key, advice]) => [plain(key), advice]),
);

/** Where the stack file has a key, e.g. `runners[].machine`. */
function homesOf(key: string, wrapped: z.core.$ZodType, path: string): string[] {
  const schema = bareSchema(wrapped);
  if (schema instanceof z.ZodArray) return homesOf(key, schema.element, `${path}[]`);
  if (schema instanceof z.ZodDiscriminatedUnion) {
    return [...new Set(schema.options.flatMap((option) => homesOf(key, option, path)))];
  }
  if (!(schema instanceof z.ZodObject)) return [];
  return Object.entries<z.core.$ZodType>(schema.shape).flatMap(([name, inner]) => {
    const here = path === "" ? name : `${path}.${name}`;
    return [...(plain(name) === plain(key) ? [here] : []), ...homesOf(key, inner, here)];
  });
}

/** What to write instead of a key that the stack file does not have. */
export const adviceOn: KeyAdvice = (key) => {
  const replacement = retired.get(plain(key));
  if (replacement !== undefined) return replacement;
  const homes = [...homesOf(key, fleetSchema, ""), ...homesOf(key, secretsSchema, "")];
  return homes.length > 0 ? `there is no such key here; there is ${homes.join(" and ")}` : undefined;
};

// Keys of config.toml that the fleet writes itself, by section, and what they are in the stack file.
const typedKeys = {
  global: {
    concurrent: "concurrent",
    check_interval: "checkInterval",
    shutdown_timeout: "shutdownTimeout",
    runners: "runners",
  },
  runner: {
    name: "runners[].name",
    url: "gitlabUrl",
    token: "runnerTokens",
    executor: undefined,
    limit: "runners[].limit",
    request_concurrency: "runners[].requestConcurrency",
    output_limit: "runners[].outputLimit",
    environment: "runners[].environment",
    docker: "runners[].docker, whose further keys go into its extra",
    cache: "runners[].cache, whose further keys go into its extra",
    machine: "runners[].machine, whose further keys go into its extra",
  },
  docker: {
    image: "runners[].docker.image",
    privileged: "runners[].docker.privileged",
    disable_cache: undefined,
    volumes: "runners[].docker.volumes",
    pull_policy: "runners[].docker.pullPolicy",
    allowed_images: "runners[].docker.allowedImages",
    shm_size: "runners[].docker.shmSize",
  },
  cache: {
    Type: "runners[].cache.type",
    Path: "runners[].cache.path",
    Shared: "runners[].cache.shared",
  },
  s3: {
    BucketName: undefined,
    BucketLocation: undefined,
    AuthenticationType: undefined,
    AccessKey: undefined,
    SecretKey: undefined,
  },
  minio: {
    ServerAddress: "runners[].cache.serverAddress",
    BucketName: "runners[].cache.bucketName",
    BucketLocation: "runners[].cache.bucketLocation",
    Insecure: "runners[].cache.insecure",
    AuthenticationType: undefined,
    AccessKey: "cacheCredentials",
    SecretKey: "cacheCredentials",
  },
  gcs: {
    BucketName: "runners[].cache.bucketName",
    AccessID: "runners[].cache.accessId",
    PrivateKey: "cacheCredentials",
  },
  azure: {
    AccountName: "runners[].cache.accountName",
    ContainerName: "runners[].cache.containerName",
    StorageDomain: "runners[].cache.storageDomain",
    AccountKey: "cacheCredentials",
  },
  machine: {
    IdleCount: "runners[].machine.idleCount",
    IdleTime: "runners[].machine.idleTime",
    IdleScaleFactor: "runners[].machine.idleScaleFactor",
    IdleCountMin: "runners[].machine.idleCountMin",
    MaxBuilds: "runners[].machine.maxBuilds",
    MaxGrowthRate: "runners[].machine.maxGrowthRate",
    MachineDriver: undefined,
    MachineName: "runners[].machine.name",
    MachineOptions: "runners[].workers",
    autoscaling: "runners[].autoscaling",
    OffPeakPeriods: "runners[].autoscaling",
    OffPeakTimezone: "runners[].autoscaling",
    OffPeakIdleCount: "runners[].autoscaling",
    OffPeakIdleTime: "runners[].autoscaling",
  },
} satisfies Record<string, Record<string, string | undefined>>;

/** Keys in an `extra` table that the fleet writes itself. */
export function checkExtra(section: keyof typeof typedKeys, extra: object, path: string): Problem[] {
  const typed = new Map<string, string | undefined>(
    Object.entries(typedKeys[section]).map(([key, home]) => [key.toLowerCase(), home]),
  );
  // GitLab Runner reads keys in any case.
  return Object.keys(extra)
    .filter((key) => typed.has(key.toLowerCase()))
    .map((key) => {
      const home = typed.get(key.toLowerCase());
      return {
        path: `${path}.${key}`,
        reason: home === undefined ? "the fleet sets it itself; leave it out" : `use ${home}`,
      };
    });
}

// Options of docker-machine that the fleet writes itself, and what they are in the stack file.
const typedOptions: Readonly<Record<string, string>> = {
  "amazonec2-access-key": "leave it out: the bastion has its credentials from SSM",
  "amazonec2-secret-key": "leave it out: the bastion has its credentials from SSM",
  "amazonec2-session-token": "leave it out: the bastion has its credentials from SSM",
  "amazonec2-block-duration-minutes": "leave it out: AWS ended spot instances of a fixed duration",
  "amazonec2-region": "use aws:region",
  "amazonec2-zone": "use workers.availabilityZone",
  "amazonec2-vpc-id": "use network",
  "amazonec2-subnet-id": "use network",
  "amazonec2-security-group": "leave it out: the fleet has its own group",
  "amazonec2-security-group-readonly": "leave it out: docker-machine must not change the fleet's group",
  "amazonec2-open-port": "leave it out: docker-machine must not change the fleet's group",
  "amazonec2-use-private-address": "leave it out: the fleet sets it itself",
  "amazonec2-private-address-only": "use network.natGateways or network.privateSubnets",
  "amazonec2-ami": "use workers.image",
  "amazonec2-instance-type": "use workers.instanceType",
  "amazonec2-request-spot-instance": "use workers.spot",
  "amazonec2-spot-price": "use workers.spot.maxPrice",
  "amazonec2-root-size": "use workers.rootVolumeSize",
  "amazonec2-volume-type": "leave it out: the fleet sets it itself",
  "amazonec2-volume-encrypted": "leave it out: volumes are always encrypted",
  "amazonec2-iam-instance-profile": "leave it out: the fleet has its own role for workers",
  "amazonec2-metadata-token": "leave it out: IMDSv2 is always required",
  "amazonec2-tags": "use workers.tags",
  "amazonec2-userdata": "leave it out: the fleet sets it itself",
  "engine-install-url": "leave it out: the fleet installs a pinned Docker",
  "engine-registry-mirror": "use registryMirror",
};

// Options that docker-machine has besides; newer versions may have more.
const otherOptions = [
  "amazonec2-credit-specification",
  "amazonec2-device-name",
  "amazonec2-endpoint",
  "amazonec2-insecure-transport",
  "amazonec2-keypair-name",
  "amazonec2-metadata-token-response-hop-limit",
  "amazonec2-monitoring",
  "amazonec2-retries",
  "amazonec2-ssh-keypath",
  "amazonec2-ssh-port",
  "amazonec2-ssh-user",
  "amazonec2-use-ebs-optimized-instance",
  "amazonec2-volume-iops",
  "amazonec2-volume-kms-key",
  "amazonec2-volume-throughput",
  "engine-env",
  "engine-insecure-registry",
  "engine-label",
  "engine-opt",
  "engine-storage-driver",
];

/** Options of docker-machine that the fleet writes itself, or that are misspelt: docker-machine would fail each time. */
export function checkOptions(options: readonly string[], path: string): Problem[] {
  const known = [...Object.keys(typedOptions), ...otherOptions];
  return options.flatMap((option, i) => {
    const [name = ""] = option.split("=");
    const near = closest(name, known);
    const isMisspelt = near !== name && distance(near, name) <= 2;
    const advice = isMisspelt ? `there is no such option; did you mean ${near}?` : typedOptions[name];
    return advice === undefined ? [] : [{ path: `${path}[${i}]`, reason: `${name}: ${advice}` }];
  });
}
