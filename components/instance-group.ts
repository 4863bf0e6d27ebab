import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { metadataOptions, type InstanceArgs } from "./instance";
import { ubuntuImageId } from "./ubuntu-image";

/** A machine that comes back by itself. */
export interface InstanceGroup {
  groupName: pulumi.Output<string>;
  /** The instance that runs now; empty while there is none. */
  instanceId: pulumi.Output<string>;
}

/**
 * Makes `${name}-launch-template` and `${name}-group`, an Auto Scaling group of exactly one: an instance that fails or is terminated
 * is replaced by AWS. A change of the instance makes another group, whose instance runs before the former group goes.
 * @see https://docs.aws.amazon.com/autoscaling/ec2/userguide/auto-scaling-benefits.html
 */
export function instanceGroup(
  name: string,
  args: InstanceArgs,
  opts: pulumi.CustomResourceOptions & { parent: pulumi.Resource },
): InstanceGroup {
  const { parent } = opts;
  const tags = { ...args.tags, Name: name };
  const template = new aws.ec2.LaunchTemplate(
    `${name}-launch-template`,
    {
      imageId: args.image?.id ?? ubuntuImageId(args.architecture, parent),
      instanceType: args.instanceType,
      iamInstanceProfile: { arn: args.profile.arn },
      networkInterfaces: [
        {
          deviceIndex: 0,
          securityGroups: [args.securityGroupId],
          associatePublicIpAddress: String(!args.privateAddressOnly),
          deleteOnTermination: "true",
        },
      ],
      metadataOptions,
      blockDeviceMappings: [
        {
          deviceName: "/dev/sda1",
          ebs: {
            volumeType: "gp3",
            volumeSize: args.rootVolumeSize,
            encrypted: "true",
            deleteOnTermination: "true",
          },
        },
      ],
      userData: args.userDataBase64,
      // The provider's default tags do not reach what the group launches.
      tagSpecifications: ["instance", "volume"].map((resourceType) => ({ resourceType, tags })),
      tags,
    },
    { parent, ...(args.image ? {} : { ignoreChanges: ["imageId"] }) },
  );
  const group = new aws.autoscaling.Group(
    `${name}-group`,
    {
      minSize: 1,
      maxSize: 1,
      desiredCapacity: 1,
      vpcZoneIdentifiers: [args.subnet.id],
      launchTemplate: { id: template.id, version: pulumi.interpolate`${template.latestVersion}` },
      healthCheckType: "EC2",
      // Its instance goes with it.
      forceDelete: true,
      tags: Object.entries(tags)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, value]) => ({ key, value, propagateAtLaunch: true })),
    },
    { ...opts, replaceOnChanges: ["launchTemplate", "vpcZoneIdentifiers"] },
  );
  const { ids } = aws.ec2.getInstancesOutput(
    { instanceTags: { "aws:autoscaling:groupName": group.name } },
    { parent },
  );
  return { groupName: group.name, instanceId: ids.apply(([id = ""]) => id) };
}
