import type * as pulumi from "@pulumi/pulumi";
import type { Bastion } from "./bastion";
import type { DistributedCache } from "./distributed-cache";
import type { Network } from "./network";
import type { Observability } from "./observability";
import type { RegistryMirror } from "./registry-mirror";
import type { Sweep } from "./sweep";
import type { Workers } from "./workers";

/** Outputs of the fleet's own cache bucket. */
export interface CacheOutputs {
  cacheBucketName: string;
  cacheBucketArn: string;
  /** Policy that allows reading and writing the cache bucket. */
  cachePolicyArn: string;
}

/**
 * The stack's outputs: its contract with other stacks. They only ever grow, and none of them is a secret.
 * Outputs of the registry mirror are absent where it is switched off, and those of the cache bucket where every runner has its
 * cache elsewhere.
 */
export interface FleetOutputs extends Partial<CacheOutputs> {
  vpcId: string;
  publicSubnetIds: string[];
  /** Empty without NAT gateways. */
  privateSubnetIds: string[];
  /** The bastion that runs now: a terminated one is replaced by its group, which the next `pulumi up` notices. */
  bastionInstanceId: string;
  /** Auto Scaling group that keeps one bastion running. */
  bastionGroupName: string;
  bastionSecurityGroupId: string;
  /** Let this group in to let jobs reach a service of yours. */
  workerSecurityGroupId: string;
  workerSecurityGroupName: string;
  workerRoleArn: string;
  /** Every worker has this instance profile, and no other machine. */
  workerInstanceProfileArn: string;
  /** E.g. `http://registry-mirror.dev.gitlab-runner-fleet.internal:6000`. */
  registryMirrorUrl?: string;
  /** E.g. `registry-mirror.dev.gitlab-runner-fleet.internal:5000`. */
  layerCacheRegistry?: string;
  /** PEM of the authority to trust, where the registries speak HTTPS. */
  registriesCaCertificate?: string;
  /** SSM parameter with the published `config.toml`. */
  runnerConfigParameterName: string;
  /** Policy with the calls that docker-machine makes. */
  fleetPolicyArn: string;
  /** Lambda function that removes what docker-machine leaves behind. */
  sweepFunctionName: string;
  /** SNS topic that hears of the fleet's alarms. */
  alarmTopicArn: string;
  /** CloudWatch dashboard of the fleet. */
  dashboardName: string;
}

/** An interface whose every member is an `Output`. */
export type AsOutputs<T> = { [K in keyof T]: pulumi.Output<Exclude<T[K], undefined>> };

/** The outputs as another stack reads them: what may be absent is undefined. */
export type ReadOutputs<T> = { [K in keyof T]-?: pulumi.Output<T[K]> };

/** The components of a fleet. */
export interface FleetComponents {
  network: Network;
  cache: DistributedCache;
  registryMirror: RegistryMirror | undefined;
  workers: Workers;
  bastion: Bastion;
  sweep: Sweep;
  observability: Observability;
}

/** What a fleet's stack puts out. */
export function fleetOutputs(fleet: FleetComponents): AsOutputs<FleetOutputs> {
  const { network, cache, registryMirror, workers, bastion, sweep, observability } = fleet;
  return {
    vpcId: network.vpcId,
    publicSubnetIds: network.publicSubnetIds,
    privateSubnetIds: network.privateSubnetIds,
    bastionInstanceId: bastion.instanceId,
    bastionGroupName: bastion.groupName,
    bastionSecurityGroupId: bastion.securityGroupId,
    workerSecurityGroupId: workers.securityGroupId,
    workerSecurityGroupName: workers.securityGroupName,
    workerRoleArn: workers.roleArn,
    workerInstanceProfileArn: workers.instanceProfileArn,
    ...(cache.bucketName && { cacheBucketName: cache.bucketName }),
    ...(cache.bucketArn && { cacheBucketArn: cache.bucketArn }),
    ...(cache.policyArn && { cachePolicyArn: cache.policyArn }),
    ...(registryMirror && {
      registryMirrorUrl: registryMirror.url,
      layerCacheRegistry: registryMirror.layerCacheRegistry,
      ...(registryMirror.caCertificate && { registriesCaCertificate: registryMirror.caCertificate }),
    }),
    runnerConfigParameterName: bastion.runnerConfigParameterName,
    fleetPolicyArn: bastion.fleetPolicyArn,
    sweepFunctionName: sweep.functionName,
    alarmTopicArn: observability.topicArn,
    dashboardName: observability.dashboardName,
  };
}

/**
 * A fleet's outputs, typed, for a stack that uses them. Those of the cache bucket are asked for when they are read: a fleet without
 * the bucket gives an error then.
 * @example
 * const fleet = readFleetOutputs(new pulumi.StackReference("organization/gitlab-runner-fleet/dev"));
 * new aws.vpc.SecurityGroupIngressRule("from-jobs", { referencedSecurityGroupId: fleet.workerSecurityGroupId, … });
 */
export function readFleetOutputs(stack: pulumi.StackReference): ReadOutputs<FleetOutputs & CacheOutputs> {
  const text = (name: keyof FleetOutputs): pulumi.Output<string> => stack.requireOutput(name).apply(String);
  const optionalText = (name: keyof FleetOutputs): pulumi.Output<string | undefined> =>
    stack.getOutput(name).apply((value: unknown) => (typeof value === "string" ? value : undefined));
  const list = (name: keyof FleetOutputs): pulumi.Output<string[]> =>
    stack.requireOutput(name).apply((value: unknown) => (Array.isArray(value) ? value.map(String) : []));
  return {
    vpcId: text("vpcId"),
    publicSubnetIds: list("publicSubnetIds"),
    privateSubnetIds: list("privateSubnetIds"),
    bastionInstanceId: text("bastionInstanceId"),
    bastionGroupName: text("bastionGroupName"),
    bastionSecurityGroupId: text("bastionSecurityGroupId"),
    workerSecurityGroupId: text("workerSecurityGroupId"),
    workerSecurityGroupName: text("workerSecurityGroupName"),
    workerRoleArn: text("workerRoleArn"),
    workerInstanceProfileArn: text("workerInstanceProfileArn"),
    get cacheBucketName() {
      return text("cacheBucketName");
    },
    get cacheBucketArn() {
      return text("cacheBucketArn");
    },
    get cachePolicyArn() {
      return text("cachePolicyArn");
    },
    registryMirrorUrl: optionalText("registryMirrorUrl"),
    layerCacheRegistry: optionalText("layerCacheRegistry"),
    registriesCaCertificate: optionalText("registriesCaCertificate"),
    runnerConfigParameterName: text("runnerConfigParameterName"),
    fleetPolicyArn: text("fleetPolicyArn"),
    sweepFunctionName: text("sweepFunctionName"),
    alarmTopicArn: text("alarmTopicArn"),
    dashboardName: text("dashboardName"),
  };
}
