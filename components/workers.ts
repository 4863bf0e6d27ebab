import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { allowInFrom, closedSecurityGroup, instanceRole, type Tags } from "./instance";
import { architectureOf } from "./instance-types";
import { renderMachineOptions, type MachineChoice } from "./machine-options";
import type { FleetSubnet } from "./network";
import { checkArgs } from "./problems";
import { dockerHub, layerCachePort, type Mirror, type RegistryAddresses } from "./registry-addresses";
import { availabilityZone, instanceType, parameterPath, regionName } from "./schemas";
import { bastionPlaceholder } from "./secret-parameters";
import { ubuntuImageId, type ImageArgs } from "./ubuntu-image";
import { workerUserData } from "./user-data";
import type { Architecture } from "./versions";

/** Where the bastion keeps the workers' user data for docker-machine. */
export const workerUserDataFile = "/etc/gitlab-runner/worker-user-data";

/** The registry mirror as workers see it: a `RegistryMirror` will do. */
export interface RegistryMirrorAccess {
  addresses: pulumi.Input<RegistryAddresses>;
  /** Each has a port that workers reach. */
  mirrors: Mirror[];
  /** The group that workers let themselves into. */
  securityGroupId: pulumi.Input<string>;
}

/** One kind of worker: what a runner asks docker-machine for. */
export interface WorkerArgs {
  /** E.g. `m6i.large`. */
  instanceType: string;
  /** GiB. */
  rootVolumeSize: number;
  /** Spot instances; `maxPrice` in USD an hour, by default the on-demand price. Absent: on demand. */
  spot?: { maxPrice?: string };
  /** What to ask for instead, one after the other, when EC2 has none; of the same architecture. */
  fallbacks: MachineChoice[];
  /** Default: the newest Ubuntu LTS when the stack first needed one of this architecture. */
  image?: ImageArgs;
  /** Letter of the zone, one of the network's. Default: the first. */
  availabilityZone?: string;
  tags: Record<string, string>;
  /** Further docker-machine options, `amazonec2-…=…` or `engine-…=…`. */
  extraOptions: string[];
}

/** What all workers of a fleet have in common, and the kinds of worker that its runners ask for. */
export interface WorkersArgs {
  region: string;
  vpcId: pulumi.Input<string>;
  /** One for each zone, at least one. */
  subnets: FleetSubnet[];
  /** Workers get no public address. */
  privateAddressOnly: boolean;
  /** One for each runner, in the runners' order. */
  kinds: WorkerArgs[];
  registryMirror?: RegistryMirrorAccess | undefined;
  /** SSM path below which the images in use are recorded, e.g. `/gitlab-runner-fleet/dev/workers`. */
  parameterPath: string;
  /** Every worker's tags; default tags of the AWS provider do not reach workers, because docker-machine makes them. */
  tags?: Tags;
}

/** One kind of worker, as made. */
export interface WorkerKind {
  /** `MachineOptions` for `config.toml`; `@@instance-id@@` stands for that of the bastion. */
  machineOptions: pulumi.Output<string[]>;
  imageId: pulumi.Output<string>;
  subnetId: pulumi.Output<string>;
  /** With those of the fallbacks. */
  instanceTypes: string[];
  /** It may be a spot instance, at first or as a fallback. */
  spot: boolean;
}

const argsSchema = z
  .object({
    region: regionName,
    parameterPath,
    subnets: z.array(z.looseObject({})).min(1),
    kinds: z
      .array(
        z.looseObject({
          instanceType,
          fallbacks: z.array(z.looseObject({ instanceType })),
          availabilityZone: availabilityZone.optional(),
        }),
      )
      .min(1),
  })
  .superRefine(({ subnets, kinds }, context) => {
    const zones = subnets
      .map(({ availabilityZone }) => availabilityZone)
      .filter((zone) => typeof zone === "string");
    kinds.forEach(({ instanceType, fallbacks, availabilityZone: letter }, i) => {
      const needed = architectureOf(instanceType);
      if (fallbacks.some((fallback) => architectureOf(fallback.instanceType) !== needed)) {
        const message = `must all be of ${needed}, as ${instanceType} is: they start from its image`;
        context.addIssue({ code: "custom", path: ["kinds", i, "fallbacks"], message });
      }
      if (letter !== undefined && !zones.some((zone) => zone.endsWith(letter))) {
        context.addIssue({
          code: "custom",
          path: ["kinds", i, "availabilityZone"],
          message: `must be the letter of a subnet's zone (${zones.join(", ")})`,
        });
      }
    });
  });

function subnetIn(subnets: FleetSubnet[], letter: string | undefined): FleetSubnet {
  const isThere = ({ availabilityZone }: FleetSubnet) =>
    letter === undefined || (typeof availabilityZone === "string" && availabilityZone.endsWith(letter));
  const subnet = subnets.find(isThere);
  if (!subnet) throw new RangeError(`no subnet in zone ${letter ?? ""}`);
  return subnet;
}

/**
 * What docker-machine needs to make workers: where, who and how. The workers themselves come and go without Pulumi.
 *
 * Makes: a security group that nobody may enter (the `Bastion` opens 22 and 2376 to itself), a role that may do nothing with its
 * instance profile, and an SSM parameter for each architecture that records the image in use, so that a new Ubuntu release
 * changes no worker by surprise. Lets workers into the registry mirror's group.
 *
 * Cost: nothing until a job comes.
 * @see https://docs.gitlab.com/runner/executors/docker_machine/
 */
export class Workers extends pulumi.ComponentResource {
  readonly securityGroupId: pulumi.Output<string>;
  /** docker-machine finds the group by this name. */
  readonly securityGroupName: pulumi.Output<string>;
  readonly roleArn: pulumi.Output<string>;
  /** Marks an instance as a worker of this fleet, in IAM policies. */
  readonly instanceProfileArn: pulumi.Output<string>;
  /** In the order of the `kinds` given. */
  readonly kinds: WorkerKind[];
  /** cloud-config of every worker. */
  readonly userData: pulumi.Output<string>;

  constructor(name: string, args: WorkersArgs, opts?: pulumi.ComponentResourceOptions) {
    checkArgs("Workers", argsSchema, args);
    super("fleet:index:Workers", name, {}, opts);
    const { registryMirror, tags = {} } = args;

    const securityGroup = closedSecurityGroup(
      name,
      args.vpcId,
      "Workers of a GitLab Runner fleet",
      tags,
      this,
    );
    new aws.vpc.SecurityGroupEgressRule(
      `${name}-out`,
      {
        securityGroupId: securityGroup.id,
        description: "Jobs reach anything",
        ipProtocol: "-1",
        cidrIpv4: "0.0.0.0/0",
      },
      { parent: this },
    );
    if (registryMirror) {
      const toMirror = { from: securityGroup.id, to: registryMirror.securityGroupId };
      for (const { upstream, port } of registryMirror.mirrors) {
        const [suffix, what] =
          upstream === dockerHub ? ["", "images"] : [`-${port}`, `images of ${upstream}`];
        allowInFrom(
          `${name}-to-registry-mirror${suffix}`,
          { ...toMirror, port, description: `Workers pull ${what} through the mirror` },
          this,
        );
      }
      allowInFrom(
        `${name}-to-layer-cache`,
        { ...toMirror, port: layerCachePort, description: "Workers share BuildKit layers" },
        this,
      );
    }
    const { role, profile } = instanceRole(
      name,
      "Workers of a GitLab Runner fleet: may do nothing",
      tags,
      this,
    );

    const registries = pulumi.output(registryMirror?.addresses);
    const imageOf = this.recordImages(name, args);
    this.kinds = args.kinds.map((kind) => {
      const { id: subnetId, availabilityZone } = subnetIn(args.subnets, kind.availabilityZone);
      const choices = [kind, ...kind.fallbacks];
      const imageId = pulumi.output(kind.image?.id ?? imageOf(architectureOf(kind.instanceType)));
      const made = {
        region: args.region,
        vpcId: args.vpcId,
        subnetId,
        availabilityZone,
        securityGroupName: securityGroup.name,
        instanceProfileName: profile.name,
        imageId,
      };
      return {
        machineOptions: pulumi.output({ made, registries, tags }).apply(({ made, registries, tags }) =>
          renderMachineOptions({
            ...kind,
            ...made,
            tags: { ...tags, ...kind.tags, "fleet-bastion": bastionPlaceholder },
            privateAddressOnly: args.privateAddressOnly,
            userDataFile: workerUserDataFile,
            engineInstallUrl: "file:///opt/fleet/install-docker.sh",
            registries,
          }),
        ),
        imageId,
        subnetId: pulumi.output(subnetId),
        instanceTypes: choices.map(({ instanceType }) => instanceType),
        spot: choices.some(({ spot }) => spot !== undefined),
      };
    });
    this.userData = registries.apply((registries) => workerUserData({ registries }));
    this.securityGroupId = securityGroup.id;
    this.securityGroupName = securityGroup.name;
    this.roleArn = role.arn;
    this.instanceProfileArn = profile.arn;

    this.registerOutputs({
      securityGroupId: this.securityGroupId,
      securityGroupName: this.securityGroupName,
      roleArn: this.roleArn,
      instanceProfileArn: this.instanceProfileArn,
    });
  }

  /** Records the newest image of each architecture that no kind names one for; what is recorded once stays. */
  private recordImages(
    name: string,
    args: WorkersArgs,
  ): (architecture: Architecture) => pulumi.Output<string> {
    const wanted = args.kinds
      .filter(({ image }) => !image)
      .map(({ instanceType }) => architectureOf(instanceType));
    const recorded = new Map(
      [...new Set(wanted)].map((architecture) => [
        architecture,
        new aws.ssm.Parameter(
          `${name}-image-${architecture}`,
          {
            name: `${args.parameterPath}/image-${architecture}`,
            type: "String",
            description: `Image of ${architecture} workers`,
            insecureValue: ubuntuImageId(architecture, this),
            tags: { ...args.tags },
          },
          { parent: this, ignoreChanges: ["insecureValue"] },
        ).insecureValue,
      ]),
    );
    return (architecture) => {
      const image = recorded.get(architecture);
      if (!image) throw new RangeError(`no image for ${architecture}`);
      return image;
    };
  }
}
