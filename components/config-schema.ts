import { z } from "zod";
import { runnerCache } from "./cache-schema";
import { extra } from "./extra-schema";
import {
  accountId,
  availabilityZone,
  cidrBlock,
  credentials,
  days,
  drainTimeout,
  emails,
  environmentName,
  flag,
  gibibytes,
  gitlabUrl,
  image,
  instanceType,
  logRetentionDays,
  machineName,
  natGateways,
  oneOf,
  percent,
  period,
  regionName,
  routeTableId,
  runbookUrl,
  runnerName,
  stackName,
  subnetId,
  text,
  timezone,
  topicArn,
  upstreams,
  vpcId,
  wholeNumber,
} from "./schemas";
import { workerSettings, workerTags, type WorkerSettings } from "./worker-schema";

const anyText = z.string({ error: "must be a text" });
const count = wholeNumber(0, 10_000);
const seconds = wholeNumber(0, 604_800, "seconds");

/** How many machines wait for jobs, and how long. */
const idle = {
  /** Machines that wait for a job. Default: 0. */
  idleCount: count,
  /** Seconds until a machine without a job is removed. Default: 600. */
  idleTime: seconds,
  /** Idle machines as a share of the machines in use, up to `idleCount`. */
  idleScaleFactor: z
    .number({ error: "must be a number, e.g. 0.5" })
    .positive({ error: "must be over 0" })
    .exactOptional(),
  /** The fewest idle machines with `idleScaleFactor`. */
  idleCountMin: count.exactOptional(),
};

/**
 * One `[[runners]]` entry.
 * @see https://docs.gitlab.com/runner/configuration/advanced-configuration/#the-runners-section
 */
const runner = z.strictObject({
  /** Unique in the stack; names the token in `runnerTokens`. */
  name: runnerName,
  /** The most machines at once. Default: 10. */
  limit: wholeNumber(1, 1000).default(10),
  /** The most questions for jobs at once. Default: 2. */
  requestConcurrency: wholeNumber(1, 100).default(2),
  /** Kilobytes of a job's log. Default: GitLab Runner's, 4096. */
  outputLimit: wholeNumber(1, 1_000_000, "kilobytes").exactOptional(),
  /** Environment variables of every job. */
  environment: z.record(environmentName, anyText).default({}),
  /** @see https://docs.gitlab.com/runner/configuration/advanced-configuration/#the-runnersdocker-section */
  docker: z
    .strictObject({
      /** Image of jobs that name none. Default: `alpine:3.22`. */
      image: text(/^[^\s]+$/, "must be the name of an image, e.g. alpine:3.22").default("alpine:3.22"),
      /** Jobs may use docker:dind, and are root on their machine. Default: false. */
      privileged: flag.default(false),
      /** Further volumes of every job. */
      volumes: z.array(anyText).default([]),
      /**
       * GiB of memory in which docker:dind keeps images and layers, which is faster than a worker's disk: a new worker unpacks what it
       * builds on. The worker needs so much more memory, and builds that need more fail. Default: the disk.
       */
      buildMemory: wholeNumber(1, 1024, "GiB").exactOptional(),
      pullPolicy: z.array(oneOf(["always", "if-not-present", "never"])).exactOptional(),
      /** Images that jobs may use. Default: any. */
      allowedImages: z.array(anyText).exactOptional(),
      /** Bytes of /dev/shm. */
      shmSize: wholeNumber(1, 2 ** 40, "bytes").exactOptional(),
      extra: extra.default({}),
    })
    .prefault({}),
  /** @see https://docs.gitlab.com/runner/configuration/advanced-configuration/#the-runnersmachine-section */
  machine: z
    .strictObject({
      /** Host name of the machines, after the fleet's id; %s becomes unique. Default: `worker-%s`. */
      name: machineName.default("worker-%s"),
      ...idle,
      idleCount: idle.idleCount.default(0),
      idleTime: idle.idleTime.default(600),
      /** Jobs until a machine is replaced. Default: 1 with `privileged`, where a job can spoil its machine for the next; else 20. */
      maxBuilds: count.exactOptional(),
      /** Machines that are made at once; the bastion is small. Default: 5. */
      maxGrowthRate: count.default(5),
      extra: extra.default({}),
    })
    .prefault({}),
  /**
   * Schedule: the last section with a matching period wins, and inherits nothing; without one, `machine` holds.
   * @see https://docs.gitlab.com/runner/configuration/autoscale/#autoscaling-periods-configuration
   */
  autoscaling: z
    .array(
      z.strictObject({
        /** Seven fields: second minute hour day month weekday year. */
        periods: z.array(period).min(1, { error: "must have at least one period" }),
        /** IANA time zone. Default: UTC. */
        timezone: timezone.default("UTC"),
        ...idle,
      }),
    )
    .default([]),
  /** Where its jobs' `cache:` is. Default: in the fleet's own bucket. */
  cache: runnerCache.prefault({}),
  /** What its machines are; each key goes before the stack's `workers`. */
  workers: workerSettings.prefault({}),
  extra: extra.default({}),
});

/** Everything that a stack file can say, but for secrets. */
export const fleetSchema = z.strictObject({
  /** Where GitLab is. Default: `https://gitlab.com`. */
  gitlabUrl: gitlabUrl.default("https://gitlab.com"),
  /** Jobs at once over all runners. Default: 10. */
  concurrent: wholeNumber(1, 10_000).default(10),
  /** Seconds between two questions for jobs. Default: 3. */
  checkInterval: wholeNumber(1, 3600, "seconds").default(3),
  /** Seconds in which the machines are removed when the runner stops. Default: 600. */
  shutdownTimeout: wholeNumber(300, 7200, "seconds").default(600),
  /** Who the runner manager works as. Default: `iam-user`. */
  credentials: credentials.default("iam-user"),
  network: z
    .strictObject({
      /** Of a new VPC. Default: `10.0.0.0/16`. */
      cidrBlock: cidrBlock.exactOptional(),
      /** Of a new VPC. Default: `[a, b]`. */
      availabilityZones: z
        .array(availabilityZone)
        .min(1, { error: "must have at least one zone" })
        .exactOptional(),
      /** Of a new VPC. Default: `none`: public addresses that nothing may connect to. */
      natGateways: natGateways.exactOptional(),
      /** An existing VPC: of another stack, whose outputs are `vpcId`, `subnetIds` and `routeTableIds`. */
      stack: stackName.exactOptional(),
      /** An existing VPC. */
      vpcId: vpcId.exactOptional(),
      /** Of an existing VPC: the fleet lives in the first. */
      subnetIds: z.array(subnetId).min(1, { error: "must have at least one subnet" }).exactOptional(),
      /** Of an existing VPC: they get the S3 endpoint. */
      routeTableIds: z.array(routeTableId).exactOptional(),
      /** Of an existing VPC: machines get no public address. Default: false. */
      privateSubnets: flag.exactOptional(),
      /** Accounts whose buckets jobs may write to through the S3 endpoint, besides the fleet's own. */
      s3WriteAccounts: z.array(accountId).exactOptional(),
    })
    .prefault({}),
  cache: z
    .strictObject({
      /** Days until an object that no job wrote again is removed. Default: 30. */
      expirationDays: days.default(30),
      /** `pulumi destroy` removes the bucket with its objects. Default: false. */
      forceDestroy: flag.default(false),
    })
    .prefault({}),
  registryMirror: z
    .strictObject({
      /** Default: true. */
      enabled: flag.default(true),
      /** Default: `t3.small`. */
      instanceType: instanceType.default("t3.small"),
      /** Default: the newest Ubuntu LTS when the instance is first made. */
      image: image.exactOptional(),
      /** GiB for images and layers. Default: 50. */
      volumeSize: gibibytes.default(50),
      /** Hosts of registries to mirror besides Docker Hub, e.g. `[ghcr.io, quay.io]`; public images only. Default: none. */
      upstreams: upstreams.default([]),
      /** Percent of the volume for images; what was used longest ago goes first. Default: 40. */
      mirrorShare: percent.default(40),
      /** Percent of the volume for layers; what was used longest ago goes first. Default: 45. */
      layerCacheShare: percent.default(45),
      /** Days until a layer is built again. Default: 14. */
      layerCacheMaxAge: days.default(14),
      /** HTTPS, with a private authority that workers and jobs trust. Default: false. */
      tls: flag.default(false),
      /** Runners whose jobs alone may write below `protected/` in the layer cache. Default: any job may. */
      protectedRefWriters: z.array(runnerName).default([]),
    })
    .prefault({}),
  bastion: z
    .strictObject({
      /** Default: `t2.micro`. */
      instanceType: instanceType.default("t2.micro"),
      /** Default: the newest Ubuntu LTS when the instance is first made. */
      image: image.exactOptional(),
      /** GiB. Default: 10. */
      rootVolumeSize: gibibytes.default(10),
      /** GiB. Default: 1. */
      swapSize: wholeNumber(0, 4, "GiB").default(1),
      /** Seconds in which running jobs may finish when the bastion is replaced or destroyed. Default: 3600. */
      drainTimeout: drainTimeout.default(3600),
    })
    .prefault({}),
  logs: z
    .strictObject({
      /** Days that CloudWatch keeps the logs of bastion and registry mirror. Default: 30. */
      retentionDays: logRetentionDays.default(30),
    })
    .prefault({}),
  alarms: z
    .strictObject({
      /** SNS topic, in the fleet's region, that hears of alarms. Default: one of the fleet's own. */
      topicArn: topicArn.exactOptional(),
      /** Who gets a mail from the fleet's own topic. Default: nobody. */
      emails: emails.exactOptional(),
      /** Address of docs/operations.md in your copy of the project, for the links in the alarms. Default: its name. */
      runbookUrl: runbookUrl.exactOptional(),
    })
    .prefault({}),
  /** What the machines of every runner are, unless it says otherwise. */
  workers: workerSettings.prefault({}),
  runners: z.array(runner).min(1, { error: "must have at least one runner" }),
  /** Further keys of `config.toml`'s global section. */
  extra: extra.default({}),
});

/** What a stack file says of secrets. */
export const secretsSchema = z.strictObject({
  runnerTokens: z.record(runnerName, z.unknown()).default({}),
  dockerHub: z.strictObject({ username: anyText, password: z.unknown().exactOptional() }).exactOptional(),
  /** Of runners whose cache is not the fleet's own bucket, by the runner's name. */
  cacheCredentials: z.record(runnerName, z.record(z.string(), z.unknown())).default({}),
});

/** Keys of other namespaces that the fleet has to know. */
export const awsSchema = z.object({
  /** Region of everything. */
  "aws:region": regionName,
  /** Tags of everything. */
  "aws:defaultTags": z.object({ tags: workerTags.default({}) }).exactOptional(),
});

/** A stack file as it was read. */
export type StackFile = z.output<typeof fleetSchema>;
export type RunnerEntry = StackFile["runners"][number];

/** A runner, complete. */
export interface RunnerSettings extends Omit<RunnerEntry, "machine" | "workers"> {
  machine: RunnerEntry["machine"] & { maxBuilds: number };
  workers: WorkerSettings;
}

/** A new VPC, or an existing one. */
export interface NetworkConfig {
  cidrBlock?: string;
  availabilityZones?: string[];
  natGateways?: "none" | "single" | "one-per-az";
  existing?: ({ vpcId: string; subnetIds: string[]; routeTableIds?: string[] } | { stack: string }) & {
    privateSubnets?: boolean;
  };
  s3WriteAccounts?: string[];
}

/** Everything that a stack file says, complete and checked. */
export interface FleetConfig extends Omit<StackFile, "network" | "workers" | "runners"> {
  region: string;
  /** The provider's default tags, for what they do not reach. */
  tags: Record<string, string>;
  network: NetworkConfig;
  runners: RunnerSettings[];
}
