import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { accountOf } from "./account";
import { drainParameterName, publishForBastion } from "./bastion-parameters";
import { dockerMachineStatements, policyJson } from "./iam";
import { allowInFrom, allowOutTo, closedSecurityGroup, instanceRole, type Tags } from "./instance";
import { instanceGroup } from "./instance-group";
import { architectureOf } from "./instance-types";
import { machineBase } from "./machine-base";
import type { FleetSubnet } from "./network";
import { checkArgs, input } from "./problems";
import {
  gibibytes,
  gitlabUrl,
  image,
  instanceType,
  logRetentionDays,
  parameterPath,
  regionName,
  runnerName,
} from "./schemas";
import type { ImageArgs } from "./ubuntu-image";
import { bastionUserData, encodeUserData } from "./user-data";
import type { WorkerKind } from "./workers";

/** The workers as the bastion sees them: a `Workers` will do. */
export interface WorkersAccess {
  /** The group that the bastion lets itself into. */
  securityGroupId: pulumi.Input<string>;
  roleArn: pulumi.Input<string>;
  instanceProfileArn: pulumi.Input<string>;
  kinds: WorkerKind[];
  userData: pulumi.Input<string>;
}

/** What a bastion is made of. */
export interface BastionArgs {
  region: string;
  vpcId: pulumi.Input<string>;
  subnet: FleetSubnet;
  /** The instance gets no public address. */
  privateAddressOnly: boolean;
  /** SSM path below which everything for the bastion is published, e.g. `/gitlab-runner-fleet/dev/bastion`. */
  parameterPath: string;
  /** The tag `fleet-id`: the bastion may use key pairs called `runner-…-<fleet id>-…` only. */
  fleetId: pulumi.Input<string>;
  workers: WorkersAccess;
  /**
   * Text of `config.toml`; `@@runner-token/<runner name>@@` stands for a runner's token, `@@cache-credentials/<runner name>/<key>@@`
   * for one of `cacheCredentials`, `@@layer-cache-password@@` for the layer cache's password, and `@@instance-id@@` for the bastion's
   * instance id.
   */
  runnerConfig: pulumi.Input<string>;
  /** Authentication token (`glrt-…`) of each runner, by the runner's name. */
  runnerTokens: Record<string, pulumi.Input<string>>;
  /** Secrets of runners' caches, by the runner's name and the secret's key. Default: none. */
  cacheCredentials?: Record<string, Record<string, pulumi.Input<string>>>;
  /** Writes protected refs of the layer cache. Default: none. */
  layerCachePassword?: pulumi.Input<string> | undefined;
  /** Where GitLab is: the bastion may connect to its port. Default: `https://gitlab.com`. */
  gitlabUrl?: string;
  /** Policy that lets the runner manager use the distributed cache. Default: none, with other caches than the fleet's bucket. */
  cachePolicyArn?: pulumi.Input<string> | undefined;
  /** IAM user that the runner manager works as, with its key at `${parameterPath}/aws-credentials`. Default: the bastion's role. */
  userName?: pulumi.Input<string> | undefined;
  /** Default: `t2.micro`. */
  instanceType?: string;
  /** Default: the newest Ubuntu LTS when the instance is first made. */
  image?: ImageArgs;
  /** GiB. Default: 10. */
  rootVolumeSize?: pulumi.Input<number>;
  /** GiB. Default: 1. */
  swapSize?: number;
  /** Days that the machine's log is kept. Default: 30. */
  logRetentionDays?: number;
  tags?: Tags;
}

const argsSchema = z.object({
  region: regionName,
  parameterPath,
  runnerTokens: z.record(runnerName, z.unknown()),
  cacheCredentials: z.record(runnerName, z.record(z.string(), z.unknown())).optional(),
  gitlabUrl: gitlabUrl.optional(),
  instanceType: instanceType.optional(),
  image: image.optional(),
  rootVolumeSize: input(gibibytes).optional(),
  swapSize: z.int().min(0).max(16).optional(),
  logRetentionDays: logRetentionDays.optional(),
});

/** The policies' ARNs that the runner manager's credentials carry. */
interface ManagerPolicies {
  fleet: aws.iam.Policy;
  cache: pulumi.Input<string> | undefined;
}

/**
 * The always-on machine with GitLab Runner and docker-machine. It takes its `config.toml`, tokens and keys from SSM, at boot and
 * then every minute, so that none of them replaces it.
 *
 * Makes: an Auto Scaling group that keeps one instance running, with role and security group that nobody may enter (use Session
 * Manager), the fleet's policy, the two rules that let it reach workers on 22 and 2376, the SSM parameters and a log group.
 *
 * Cost: about $13 a month as it comes, in us-east-1: t2.micro $8.50, root volume $0.80, public address $3.65.
 * @see https://docs.gitlab.com/runner/executors/docker_machine/
 */
export class Bastion extends pulumi.ComponentResource {
  /** Auto Scaling group of exactly one. */
  readonly groupName: pulumi.Output<string>;
  /** The instance that ran when this was last asked. */
  readonly instanceId: pulumi.Output<string>;
  readonly securityGroupId: pulumi.Output<string>;
  /** Policy with the calls that docker-machine makes. */
  readonly fleetPolicyArn: pulumi.Output<string>;
  /** SSM parameter with the published `config.toml`. */
  readonly runnerConfigParameterName: pulumi.Output<string>;
  /**
   * SSM parameter that says which bastions take no further jobs: words `<instance id>` by the operator's wish and `leaving:<instance id>`
   * for good, or `none`.
   */
  readonly drainParameterName: string;
  /** Log group of the machine, with its reports. */
  readonly logGroupName: string;

  constructor(name: string, args: BastionArgs, opts?: pulumi.ComponentResourceOptions) {
    checkArgs("Bastion", argsSchema, args);
    super("fleet:index:Bastion", name, {}, opts);
    const { region, parameterPath, instanceType = "t2.micro", swapSize = 1, tags = {} } = args;
    const architecture = architectureOf(instanceType);

    const securityGroup = this.makeSecurityGroup(name, args);
    const { role, profile } = instanceRole(name, "Bastion of a GitLab Runner fleet", tags, this);
    const fleetPolicy = this.makeFleetPolicy(name, args);
    const before = [
      ...machineBase(
        name,
        { region, parameterPath, role, logRetentionDays: args.logRetentionDays, tags },
        this,
      ),
      ...this.letManageFleet(name, args, role, { fleet: fleetPolicy, cache: args.cachePolicyArn }),
    ];
    const published = publishForBastion(name, args, this);

    const { groupName, instanceId } = instanceGroup(
      name,
      {
        subnet: args.subnet,
        securityGroupId: securityGroup.id,
        profile,
        privateAddressOnly: args.privateAddressOnly,
        instanceType,
        architecture,
        image: args.image,
        rootVolumeSize: args.rootVolumeSize ?? 10,
        userDataBase64: encodeUserData(bastionUserData({ region, parameterPath, architecture, swapSize })),
        tags,
      },
      { parent: this, dependsOn: [...before, ...published.all] },
    );

    this.groupName = groupName;
    this.instanceId = instanceId;
    this.securityGroupId = securityGroup.id;
    this.fleetPolicyArn = fleetPolicy.arn;
    this.runnerConfigParameterName = published.runnerConfig.name;
    this.drainParameterName = drainParameterName(parameterPath);
    this.logGroupName = parameterPath;
    this.registerOutputs({
      groupName: this.groupName,
      instanceId: this.instanceId,
      securityGroupId: this.securityGroupId,
      fleetPolicyArn: this.fleetPolicyArn,
      runnerConfigParameterName: this.runnerConfigParameterName,
      drainParameterName: this.drainParameterName,
      logGroupName: this.logGroupName,
    });
  }

  private makeSecurityGroup(name: string, args: BastionArgs): aws.ec2.SecurityGroup {
    const child = { parent: this };
    const securityGroup = closedSecurityGroup(
      name,
      args.vpcId,
      "Bastion of a GitLab Runner fleet",
      { ...args.tags },
      this,
    );
    const { port, protocol } = new URL(args.gitlabUrl ?? "https://gitlab.com");
    const gitlabPort = Number(port || (protocol === "http:" ? 80 : 443));
    allowOutTo(
      name,
      securityGroup.id,
      [
        { port: 443, description: "GitLab, AWS and packages" },
        { port: 80, description: "Ubuntu packages" },
        ...(gitlabPort === 443 || gitlabPort === 80 ? [] : [{ port: gitlabPort, description: "GitLab" }]),
      ],
      this,
    );
    for (const { purpose, port, description } of [
      { purpose: "ssh", port: 22, description: "docker-machine sets workers up" },
      { purpose: "docker", port: 2376, description: "GitLab Runner runs jobs on workers' Docker engines" },
    ]) {
      allowInFrom(
        `${name}-${purpose}-to-workers`,
        { from: securityGroup.id, to: args.workers.securityGroupId, port, description },
        this,
      );
      new aws.vpc.SecurityGroupEgressRule(
        `${name}-${purpose}-out`,
        {
          securityGroupId: securityGroup.id,
          referencedSecurityGroupId: args.workers.securityGroupId,
          description,
          ipProtocol: "tcp",
          fromPort: port,
          toPort: port,
        },
        child,
      );
    }
    return securityGroup;
  }

  private makeFleetPolicy(name: string, args: BastionArgs): aws.iam.Policy {
    const { securityGroupId, roleArn, instanceProfileArn, kinds } = args.workers;
    const policy = pulumi
      .output({
        ...accountOf(this),
        fleetId: args.fleetId,
        securityGroupId,
        workerRoleArn: roleArn,
        instanceProfileArn,
        subnetIds: kinds.map(({ subnetId }) => subnetId),
        imageIds: kinds.map(({ imageId }) => imageId),
      })
      .apply(({ subnetIds, imageIds, ...scope }) =>
        policyJson(
          ...dockerMachineStatements({
            ...scope,
            region: args.region,
            subnetIds: [...new Set(subnetIds)],
            imageIds: [...new Set(imageIds)],
            instanceTypes: [...new Set(kinds.flatMap(({ instanceTypes }) => instanceTypes))],
            spot: kinds.some(({ spot }) => spot),
          }),
        ),
      );
    return new aws.iam.Policy(
      `${name}-fleet-policy`,
      {
        description: "The calls that docker-machine makes for a GitLab Runner fleet",
        policy,
        tags: { ...args.tags },
      },
      { parent: this },
    );
  }

  /** The runner manager works as the IAM user if there is one, else as the bastion's role. */
  private letManageFleet(
    name: string,
    { userName }: BastionArgs,
    role: aws.iam.Role,
    policies: ManagerPolicies,
  ): pulumi.Resource[] {
    const child = { parent: this };
    if (userName !== undefined) {
      const attachment = { user: userName, policyArn: policies.fleet.arn };
      return [new aws.iam.UserPolicyAttachment(`${name}-user-fleet-policy`, attachment, child)];
    }
    const ofRole = {
      fleet: policies.fleet.arn,
      ...(policies.cache !== undefined && { cache: policies.cache }),
    };
    return Object.entries(ofRole).map(
      ([part, policyArn]) =>
        new aws.iam.RolePolicyAttachment(
          `${name}-role-${part}-policy`,
          { role: role.name, policyArn },
          child,
        ),
    );
  }
}
