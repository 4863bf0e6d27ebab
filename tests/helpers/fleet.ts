import type { BastionArgs } from "../../components/bastion";
import type { DistributedCacheArgs } from "../../components/distributed-cache";
import type { NetworkArgs } from "../../components/network";
import type { ObservabilityArgs } from "../../components/observability";
import { mirrorsOf } from "../../components/registry-addresses";
import type { RegistryMirrorArgs } from "../../components/registry-mirror";
import type { SweepArgs } from "../../components/sweep";
import { Workers, type WorkerArgs, type WorkersArgs } from "../../components/workers";

/** Arguments with which each component can be made on its own. */
export const networkArgs: NetworkArgs = { region: "eu-west-1", tags: { team: "ci" } };

export const cacheArgs: DistributedCacheArgs = {
  credentials: "iam-user",
  credentialsParameterName: "/fleet/test/bastion/aws-credentials",
  tags: { team: "ci" },
};

const place = {
  region: "eu-west-1",
  vpcId: "vpc-1",
  subnet: { id: "subnet-1", availabilityZone: "eu-west-1a" },
  privateAddressOnly: false,
  tags: { team: "ci" },
};

export const mirrorArgs: RegistryMirrorArgs = {
  ...place,
  parameterPath: "/fleet/test/registry-mirror",
  domainName: "test.fleet.internal",
};

export const workerKind: WorkerArgs = {
  instanceType: "m6i.large",
  rootVolumeSize: 20,
  fallbacks: [],
  tags: {},
  extraOptions: [],
};

export const workersArgs: WorkersArgs = {
  region: "eu-west-1",
  vpcId: "vpc-1",
  subnets: [
    { id: "subnet-1", availabilityZone: "eu-west-1a" },
    { id: "subnet-2", availabilityZone: "eu-west-1b" },
  ],
  privateAddressOnly: false,
  kinds: [workerKind],
  registryMirror: {
    addresses: { host: "mirror", mirrors: mirrorsOf([]) },
    mirrors: mirrorsOf([]),
    securityGroupId: "sg-mirror",
  },
  parameterPath: "/fleet/test/workers",
  tags: { team: "ci" },
};

export const observabilityArgs: ObservabilityArgs = {
  region: "eu-west-1",
  fleet: "fleet/test",
  bastion: { groupName: "bastion-group-1" },
  registryMirror: { instanceId: "i-mirror", mirrorShare: 40, layerCacheShare: 45 },
  sweep: { functionName: "sweep-1" },
  emails: ["on-call@example.com"],
  tags: { team: "ci" },
};

/** A bastion's arguments; they need workers, which are made with them. */
export function bastionArgs(more: Partial<BastionArgs> = {}): BastionArgs {
  return {
    ...place,
    parameterPath: "/fleet/test/bastion",
    fleetId: "0a1b2c3d",
    workers: new Workers("workers", workersArgs),
    runnerConfig: 'concurrent = 1\n[[runners]]\ntoken = "@@runner-token/default@@"\n',
    runnerTokens: { default: "glrt-planted-token" },
    cachePolicyArn: "arn:aws:iam::123456789012:policy/cache",
    ...more,
  };
}

export const sweepArgs: SweepArgs = {
  region: "eu-west-1",
  fleetId: "0a1b2c3d",
  workers: {
    instanceProfileArn: "arn:aws:iam::123456789012:instance-profile/workers",
    kinds: [{ spot: true }],
  },
  bastion: {
    groupName: "bastion-group-1",
    logGroupName: "/fleet/test/bastion",
    drainParameterName: "/fleet/test/bastion/drain",
  },
  neededUntilDrained: [],
  tags: { team: "ci" },
};
