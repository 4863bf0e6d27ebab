import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { ec2MayAssume } from "./iam";
import type { FleetSubnet } from "./network";
import { ubuntuImageId, type ImageArgs } from "./ubuntu-image";
import type { Architecture } from "./versions";

/** Tags of a resource; they reach what the provider's default tags cannot. */
export type Tags = Record<string, pulumi.Input<string>>;

/** A role for EC2 instances, with its instance profile. */
export interface InstanceRole {
  role: aws.iam.Role;
  profile: aws.iam.InstanceProfile;
}

/** Makes `${name}-role` and `${name}-profile`. */
export function instanceRole(
  name: string,
  description: string,
  tags: Tags,
  parent: pulumi.Resource,
): InstanceRole {
  const role = new aws.iam.Role(
    `${name}-role`,
    { description, assumeRolePolicy: ec2MayAssume, tags: { ...tags } },
    { parent },
  );
  const profile = new aws.iam.InstanceProfile(
    `${name}-profile`,
    { role: role.name, tags: { ...tags } },
    { parent },
  );
  return { role, profile };
}

/** Makes `${name}-security-group`, which lets nobody in or out before rules say so. */
export function closedSecurityGroup(
  name: string,
  vpcId: pulumi.Input<string>,
  description: string,
  tags: Tags,
  parent: pulumi.Resource,
): aws.ec2.SecurityGroup {
  return new aws.ec2.SecurityGroup(
    `${name}-security-group`,
    { vpcId, description, tags: { ...tags, Name: name } },
    { parent },
  );
}

/** A rule's port, and why it is open. */
interface PortRange {
  description: string;
  port: number;
}

/** Opens TCP ports to the whole internet, outwards. */
export function allowOutTo(
  name: string,
  securityGroupId: pulumi.Input<string>,
  ports: PortRange[],
  parent: pulumi.Resource,
): void {
  for (const { description, port } of ports) {
    new aws.vpc.SecurityGroupEgressRule(
      `${name}-out-${port}`,
      {
        securityGroupId,
        description,
        ipProtocol: "tcp",
        fromPort: port,
        toPort: port,
        cidrIpv4: "0.0.0.0/0",
      },
      { parent },
    );
  }
}

/** Lets one security group reach a TCP port of another. */
export function allowInFrom(
  name: string,
  rule: PortRange & { from: pulumi.Input<string>; to: pulumi.Input<string> },
  parent: pulumi.Resource,
): void {
  new aws.vpc.SecurityGroupIngressRule(
    name,
    {
      securityGroupId: rule.to,
      referencedSecurityGroupId: rule.from,
      description: rule.description,
      ipProtocol: "tcp",
      fromPort: rule.port,
      toPort: rule.port,
    },
    { parent },
  );
}

/** What the fleet's always-on machines have in common. */
export interface InstanceArgs {
  subnet: FleetSubnet;
  securityGroupId: pulumi.Input<string>;
  profile: aws.iam.InstanceProfile;
  privateAddressOnly: boolean;
  instanceType: string;
  architecture: Architecture;
  /** Absent: the newest Ubuntu when the instance is first made, kept from then on. */
  image: ImageArgs | undefined;
  /** GiB. */
  rootVolumeSize: pulumi.Input<number>;
  userDataBase64: pulumi.Input<string>;
  tags: Tags;
}

/** One hop: what runs in a container on the instance cannot reach the role's credentials. */
export const metadataOptions = {
  httpEndpoint: "enabled",
  httpTokens: "required",
  httpPutResponseHopLimit: 1,
};

/** Makes `${name}-instance`: IMDSv2 only, an encrypted root volume, replaced when its user data changes. */
export function fleetInstance(
  name: string,
  args: InstanceArgs,
  opts: pulumi.CustomResourceOptions,
): aws.ec2.Instance {
  const tags = { ...args.tags, Name: name };
  return new aws.ec2.Instance(
    `${name}-instance`,
    {
      ami: args.image?.id ?? ubuntuImageId(args.architecture, opts.parent),
      instanceType: args.instanceType,
      subnetId: args.subnet.id,
      vpcSecurityGroupIds: [args.securityGroupId],
      iamInstanceProfile: args.profile.name,
      // Only where the subnet does not: a stopped instance has none, and would be replaced for it.
      ...(args.privateAddressOnly || args.subnet.givesPublicAddress
        ? {}
        : { associatePublicIpAddress: true }),
      metadataOptions,
      rootBlockDevice: { volumeType: "gp3", volumeSize: args.rootVolumeSize, encrypted: true, tags },
      userDataBase64: args.userDataBase64,
      userDataReplaceOnChange: true,
      tags,
    },
    { ...opts, ...(args.image ? {} : { ignoreChanges: ["ami"] }) },
  );
}
