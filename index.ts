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
const parameters = `/${project}/${stack}`;

const fleetId = new random.RandomId("fleet", { byteLength: 4 });
const tags = { ...config.tags, "fleet-id": fleetId.hex };

const network = new Network("network", {
  region,
  tags,
  ...config.network,
});
const { vpcId, privateAddressOnly } = network;
const logRetentionDays = config.logs.retentionDays;
const place = { region, vpcId, subnet: network.home, privateAddressOnly, logRetentionDays, tags };

const cache = new DistributedCache("cache", {
  ...config.cache,
  hasBucket: config.runners.some((runner) => runner.cache.type === "s3"),
  credentials,
  credentialsParameterName: `${parameters}/bastion/aws-credentials`,
  tags,
});
const { enabled, protectedRefWriters, ...mirrorArgs } = config.registryMirror;
const registryMirror = enabled
  ? new RegistryMirror("registry-mirror", {
      ...place,
      ...mirrorArgs,
      protectedRefs: protectedRefWriters.length > 0,
      parameterPath: `${parameters}/registry-mirror`,
      domainName: `${stack}.${project}.internal`,
      ...(secrets.dockerHub && { dockerHub: secrets.dockerHub }),
    })
  : undefined;
const workers = new Workers("workers", {
  region,
  vpcId,
  subnets: network.subnets,
  privateAddressOnly,
  kinds: config.runners.map((runner) => runner.workers),
  ...(registryMirror && { registryMirror }),
  parameterPath: `${parameters}/workers`,
  tags,
});
const facts = pulumi.output({
  fleetId: fleetId.hex,
  machineOptions: workers.kinds.map((kind) => kind.machineOptions),
  cacheBucketName: cache.bucketName,
  registries: registryMirror?.addresses,
});
const { drainTimeout, ...bastionArgs } = config.bastion;
const bastion = new Bastion("bastion", {
  ...place,
  ...bastionArgs,
  parameterPath: `${parameters}/bastion`,
  fleetId: fleetId.hex,
  workers,
  runnerConfig: facts.apply((made) => configToml(config, made)),
  runnerTokens: secrets.runnerTokens,
  cacheCredentials: secrets.cacheCredentials,
  layerCachePassword: registryMirror?.layerCachePassword,
  gitlabUrl: config.gitlabUrl,
  ...(cache.policyArn && { cachePolicyArn: cache.policyArn }),
  ...(cache.userName && { userName: cache.userName }),
});
const sweep = new Sweep("sweep", {
  region,
  fleetId: fleetId.hex,
  workerProfileArn: workers.instanceProfileArn,
  spot: workers.kinds.some(({ spot }) => spot),
  bastionGroupName: bastion.groupName,
  bastionLogGroupName: `${parameters}/bastion`,
  drainParameterName: bastion.drainParameterName,
  drainTimeout,
  neededUntilDrained: [network, cache, ...(registryMirror ? [registryMirror] : []), workers, bastion],
  logRetentionDays,
  tags,
});
const observability = new Observability("observability", {
  ...config.alarms,
  region,
  fleet: `${project}/${stack}`,
  bastionGroupName: bastion.groupName,
  ...(registryMirror && { registryMirror: { ...mirrorArgs, instanceId: registryMirror.instanceId } }),
  sweepFunctionName: sweep.functionName,
  tags,
});

export = fleetOutputs({ network, cache, registryMirror, workers, bastion, sweep, observability });
