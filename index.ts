import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { Bastion } from "./components/bastion";
import { findKeysWithSecrets, parseFleetConfig } from "./components/config";
import { configToml } from "./components/config-toml";
import { DistributedCache } from "./components/distributed-cache";
import { Network } from "./components/network";
import { Observability } from "./components/observability";
import { fleetOutputs } from "./components/outputs";
import { RegistryMirror } from "./components/registry-mirror";
import { Sweep } from "./components/sweep";
import { Workers } from "./components/workers";

const project = pulumi.getProject();
const stack = pulumi.getStack();
const values = pulumi.runtime.allConfig();
const { config, secrets } = parseFleetConfig(project, values, findKeysWithSecrets(values));
const { region, credentials } = config;
const fleet = `${project}/${stack}`;

const fleetId = new random.RandomId("fleet", { byteLength: 4 }).hex;
const tags = { ...config.tags, "fleet-id": fleetId };
const logged = { region, logRetentionDays: config.logs.retentionDays, tags };

const network = new Network("network", { region, tags, ...config.network });
const { vpcId, privateAddressOnly } = network;
const machine = { ...logged, vpcId, subnet: network.home, privateAddressOnly };

const cache = new DistributedCache("cache", {
  ...config.cache,
  hasBucket: config.runners.some((runner) => runner.cache.type === "s3"),
  credentials,
  credentialsParameterName: `/${fleet}/bastion/aws-credentials`,
  tags,
});
const { enabled, protectedRefWriters, ...mirrorArgs } = config.registryMirror;
const registryMirror = enabled
  ? new RegistryMirror("registry-mirror", {
      ...machine,
      ...mirrorArgs,
      protectedRefs: protectedRefWriters.length > 0,
      parameterPath: `/${fleet}/registry-mirror`,
      domainName: `${stack}.${project}.internal`,
      dockerHub: secrets.dockerHub,
    })
  : undefined;
const workers = new Workers("workers", {
  region,
  vpcId,
  subnets: network.subnets,
  privateAddressOnly,
  kinds: config.runners.map((runner) => runner.workers),
  registryMirror,
  parameterPath: `/${fleet}/workers`,
  tags,
});
const facts = pulumi.output({
  fleetId,
  machineOptions: workers.kinds.map((kind) => kind.machineOptions),
  cacheBucketName: cache.bucketName,
  registries: registryMirror?.addresses,
});
const { drainTimeout, ...bastionArgs } = config.bastion;
const bastion = new Bastion("bastion", {
  ...machine,
  ...bastionArgs,
  parameterPath: `/${fleet}/bastion`,
  fleetId,
  workers,
  runnerConfig: facts.apply((made) => configToml(config, made)),
  runnerTokens: secrets.runnerTokens,
  cacheCredentials: secrets.cacheCredentials,
  layerCachePassword: registryMirror?.layerCachePassword,
  gitlabUrl: config.gitlabUrl,
  cachePolicyArn: cache.policyArn,
  userName: cache.userName,
});
const neededUntilDrained = [network, cache, ...(registryMirror ? [registryMirror] : []), workers, bastion];
const sweep = new Sweep("sweep", { ...logged, fleetId, workers, bastion, drainTimeout, neededUntilDrained });
const watched = { fleet, bastion, registryMirror, sweep };
const observability = new Observability("observability", { region, tags, ...config.alarms, ...watched });

export = fleetOutputs({ network, cache, registryMirror, workers, bastion, sweep, observability });
