import type { RunnerEntry, StackFile } from "./config-schema";
import { checkExtra, checkOptions } from "./config-keys";
import { architectureOf } from "./instance-types";
import type { Problem } from "./problems";
import type { TomlTable } from "./runner-config";
import { machinesThatFit, subnetMask } from "./subnets";
import { checkFallbacks, completeWorkers } from "./worker-schema";

/** The parts of a stack file that were in order, each with where it stands. */
export type Readable = { [K in Exclude<keyof StackFile, "runners">]?: StackFile[K] | undefined } & {
  runners: { entry: RunnerEntry; index: number }[];
};

/** What no single key can tell: that one does not go with another. */
export function crossCheck(file: Readable, region?: string): Problem[] {
  return [
    ...checkNetwork(file),
    ...checkConcurrency(file),
    ...checkNames(file),
    ...checkBastionDisk(file),
    ...checkImage(file.bastion, "bastion"),
    ...checkImage(file.registryMirror, "registryMirror"),
    ...checkRegistryMirror(file),
    ...checkAlarms(file, region),
    ...checkExtra("global", file.extra ?? {}, "extra"),
    ...checkOptions(file.workers?.extraOptions ?? [], "workers.extraOptions"),
    ...file.runners.flatMap(({ entry, index }) => checkRunner(file, entry, `runners[${index}]`)),
    ...checkSubnets(file),
  ];
}

/** Of the data volume, for what is being downloaded and for the file system. */
const freePercent = 10;

function checkRegistryMirror({ registryMirror, runners }: Readable): Problem[] {
  if (!registryMirror) return [];
  const { mirrorShare, layerCacheShare, protectedRefWriters } = registryMirror;
  const shares = {
    path: "registryMirror.layerCacheShare",
    reason: `${layerCacheShare}: leaves less than ${freePercent} percent of the volume free with mirrorShare ${mirrorShare}: make one of them smaller`,
  };
  const strangers = protectedRefWriters
    .map((name, i) => ({ name, path: `registryMirror.protectedRefWriters[${i}]` }))
    .filter(({ name }) => !runners.some(({ entry }) => entry.name === name))
    .map(({ name, path }) => ({ path, reason: `"${name}": there is no such runner` }));
  return [...(mirrorShare + layerCacheShare > 100 - freePercent ? [shares] : []), ...strangers];
}

function checkAlarms({ alarms }: Readable, region: string | undefined): Problem[] {
  if (alarms?.topicArn === undefined) return [];
  const [, , , topicRegion] = alarms.topicArn.split(":");
  const elsewhere = {
    path: "alarms.topicArn",
    reason: `"${alarms.topicArn}": must be in aws:region, ${region}: alarms reach topics of their own region only`,
  };
  const subscribers = {
    path: "alarms.emails",
    reason:
      "goes with the fleet's own topic: subscribe to the topic given where it was made, or remove topicArn",
  };
  return [
    ...(region !== undefined && topicRegion !== region ? [elsewhere] : []),
    ...(alarms.emails === undefined ? [] : [subscribers]),
  ];
}

const ofNew = ["cidrBlock", "availabilityZones", "natGateways"] as const;
const ofStack = ["vpcId", "subnetIds", "routeTableIds"] as const;
const ofExisting = ["subnetIds", "routeTableIds", "privateSubnets"] as const;

const isExisting = ({ vpcId, stack }: StackFile["network"]) => vpcId !== undefined || stack !== undefined;

function checkNetwork({ network }: Readable): Problem[] {
  if (!network) return [];
  const zones = network.availabilityZones ?? [];
  if (new Set(zones).size < zones.length) {
    return [
      { path: "network.availabilityZones", reason: `${JSON.stringify(zones)}: must name each zone once` },
    ];
  }
  const given = (keys: readonly (keyof typeof network)[], reason: string) =>
    keys.filter((key) => network[key] !== undefined).map((key) => ({ path: `network.${key}`, reason }));
  if (!isExisting(network)) {
    return given(ofExisting, "belongs to an existing VPC: give its vpcId or stack too, or remove it");
  }
  if (network.stack !== undefined) {
    return [
      ...given(ofNew, "belongs to a new VPC: remove it, or remove stack"),
      ...given(ofStack, "is an output of the stack: remove it, or remove stack"),
    ];
  }
  const misplaced = given(ofNew, "belongs to a new VPC: remove it, or remove vpcId");
  const missing = {
    path: "network.subnetIds",
    reason: "is missing: name the subnets of the VPC that the fleet lives in",
  };
  return network.subnetIds === undefined ? [...misplaced, missing] : misplaced;
}

function checkConcurrency({ concurrent, runners }: Readable): Problem[] {
  if (concurrent === undefined) return [];
  // Sections of different runners need not hold at the same time, so each stands for itself.
  const always = runners.reduce((sum, { entry }) => sum + entry.machine.idleCount, 0);
  const sections = runners.flatMap(({ entry }) => entry.autoscaling.map(({ idleCount }) => idleCount));
  const idle = Math.max(always, ...sections);
  return [
    ...(concurrent < runners.length
      ? [
          {
            path: "concurrent",
            reason: `${concurrent}: must be at least the number of runners, ${runners.length}`,
          },
        ]
      : []),
    ...(concurrent < idle
      ? [
          {
            path: "concurrent",
            reason: `${concurrent}: must be at least the idle machines at once, ${idle}: more jobs never run at once`,
          },
        ]
      : []),
  ];
}

function checkNames({ runners }: Readable): Problem[] {
  return runners.flatMap(({ entry, index }, i) => {
    const former = runners.slice(0, i).find((other) => other.entry.name === entry.name);
    return former
      ? [
          {
            path: `runners[${index}].name`,
            reason: `"${entry.name}": is the name of runners[${former.index}] too; each needs its own`,
          },
        ]
      : [];
  });
}

// What Ubuntu, GitLab Runner and its helper images take.
const bastionSystemSize = 6;

function checkBastionDisk({ bastion }: Readable): Problem[] {
  if (!bastion || bastion.rootVolumeSize - bastion.swapSize >= bastionSystemSize) return [];
  const reason = `${bastion.swapSize}: leaves too little of the root volume's ${bastion.rootVolumeSize} GiB, the system takes ${bastionSystemSize}: raise rootVolumeSize`;
  return [{ path: "bastion.swapSize", reason }];
}

interface Imaged {
  instanceType?: string;
  image?: { id: string; architecture: string };
}

function checkImage(machine: Imaged | undefined, path: string): Problem[] {
  if (machine?.image === undefined || machine.instanceType === undefined) return [];
  const needed = architectureOf(machine.instanceType);
  const { architecture } = machine.image;
  return architecture === needed
    ? []
    : [
        {
          path: `${path}.image`,
          reason: `is for ${architecture}, and ${machine.instanceType} is ${needed}: change one of them`,
        },
      ];
}

const tableAt = (table: TomlTable, key: string): object => {
  const value = table[key];
  return typeof value === "object" ? value : {};
};

function checkRunner(file: Readable, runner: RunnerEntry, path: string): Problem[] {
  const cacheSection = runner.cache.type === "minio" ? "s3" : runner.cache.type;
  const idles = [
    { at: `${path}.machine`, settings: runner.machine },
    ...runner.autoscaling.map((settings, i) => ({ at: `${path}.autoscaling[${i}]`, settings })),
  ];
  const workers = completeWorkers(file.workers ?? {}, runner.workers);
  const fallbacksPath = runner.workers.fallbacks ? `${path}.workers.fallbacks` : "workers.fallbacks";
  return [
    ...idles.flatMap(({ at, settings }) => checkIdle(settings, runner.limit, at)),
    ...checkImage(workers, `${path}.workers`),
    ...checkFallbacks(workers, fallbacksPath),
    ...checkZone(file, runner, path),
    ...checkBuildMemory(runner.docker, `${path}.docker`),
    ...checkOptions(runner.workers.extraOptions ?? [], `${path}.workers.extraOptions`),
    ...checkExtra("runner", runner.extra, `${path}.extra`),
    ...checkExtra("docker", runner.docker.extra, `${path}.docker.extra`),
    ...checkExtra("machine", runner.machine.extra, `${path}.machine.extra`),
    ...checkExtra("cache", runner.cache.extra, `${path}.cache.extra`),
    ...checkExtra(
      runner.cache.type,
      tableAt(runner.cache.extra, cacheSection),
      `${path}.cache.extra.${cacheSection}`,
    ),
  ];
}

function checkBuildMemory({ buildMemory, privileged }: RunnerEntry["docker"], path: string): Problem[] {
  if (buildMemory === undefined || privileged) return [];
  const reason = `${buildMemory}: is for docker:dind, which needs privileged: true; set that too, or remove it`;
  return [{ path: `${path}.buildMemory`, reason }];
}

function checkIdle(
  {
    idleCount,
    idleScaleFactor,
    idleCountMin,
  }: { idleCount: number; idleScaleFactor?: number; idleCountMin?: number },
  limit: number,
  path: string,
): Problem[] {
  const problems: Problem[] = [];
  if (idleScaleFactor !== undefined && idleCount === 0) {
    const reason = `${idleScaleFactor}: has no effect with idleCount 0: that is the most idle machines; raise it, or remove this`;
    problems.push({ path: `${path}.idleScaleFactor`, reason });
  }
  if (idleCount > limit) {
    const reason = `${idleCount}: must be at most the runner's limit, ${limit}: lower it, or raise the limit`;
    problems.push({ path: `${path}.idleCount`, reason });
  }
  if (idleCountMin !== undefined && idleScaleFactor === undefined) {
    const reason = `${idleCountMin}: has an effect with idleScaleFactor only: add that, or remove this`;
    problems.push({ path: `${path}.idleCountMin`, reason });
  }
  if (idleCountMin !== undefined && idleCountMin > idleCount) {
    problems.push({
      path: `${path}.idleCountMin`,
      reason: `${idleCountMin}: must be at most idleCount, ${idleCount}`,
    });
  }
  return problems;
}

const zonesOf = ({ network }: Readable) => network?.availabilityZones ?? ["a", "b"];

function checkZone(file: Readable, runner: RunnerEntry, path: string): Problem[] {
  const zone = runner.workers.availabilityZone ?? file.workers?.availabilityZone;
  if (zone === undefined || file.network === undefined) return [];
  if (isExisting(file.network)) {
    const reason = `"${zone}": goes with a new VPC only; in an existing one workers live in the first of its subnetIds`;
    return [{ path: `${path}.workers.availabilityZone`, reason }];
  }
  const zones = zonesOf(file);
  return zones.includes(zone)
    ? []
    : [
        {
          path: `${path}.workers.availabilityZone`,
          reason: `"${zone}": must be one of network.availabilityZones: ${zones.join(", ")}`,
        },
      ];
}

/** The most machines at once against the addresses of the subnet that they live in. */
function checkSubnets(file: Readable): Problem[] {
  const { network } = file;
  if (!network || isExisting(network)) return [];
  const zones = zonesOf(file);
  const { cidrBlock = "10.0.0.0/16", natGateways = "none" } = network;
  const mask = subnetMask(cidrBlock, zones.length, natGateways === "none" ? 1 : 2);
  if (mask > 28) {
    const reason = `"${cidrBlock}": ${zones.length} zones would get subnets of /${mask}, and AWS's smallest is /28: use a larger block`;
    return [{ path: "network.cidrBlock", reason }];
  }
  const room = machinesThatFit(mask);
  return zones.flatMap((zone, i) => {
    const here = file.runners.filter(
      ({ entry }) => (entry.workers.availabilityZone ?? file.workers?.availabilityZone ?? zones[0]) === zone,
    );
    const always = i === 0 ? 1 + Number(file.registryMirror?.enabled ?? true) : 0;
    const most = here.reduce((sum, { entry }) => sum + entry.limit, always);
    return most <= room
      ? []
      : [
          {
            path: "network.cidrBlock",
            reason: `"${cidrBlock}": zone ${zone} would have up to ${most} machines, and its subnet (/${mask}) has room for ${room}: use a larger block, lower limits, or spread the runners over zones`,
          },
        ];
  });
}
