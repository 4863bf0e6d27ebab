import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { z } from "zod";
import { accountOf } from "./account";
import { policyJson, readParametersStatement, sessionManagerStatement } from "./iam";
import { allowOutTo, closedSecurityGroup, fleetInstance, instanceRole, type Tags } from "./instance";
import { architectureOf } from "./instance-types";
import type { FleetSubnet } from "./network";
import { checkArgs, input } from "./problems";
import { domainName, gibibytes, image, instanceType, parameterPath, regionName } from "./schemas";
import type { ImageArgs } from "./ubuntu-image";
import { encodeUserData, registryMirrorUserData } from "./user-data";

/** Port of the pull-through cache of Docker Hub. */
export const registryMirrorPort = 6000;
/** Port of the registry that BuildKit shares layers through. */
export const layerCachePort = 5000;

/** What a registry mirror is made of. */
export interface RegistryMirrorArgs {
  region: string;
  vpcId: pulumi.Input<string>;
  subnet: FleetSubnet;
  /** The instance gets no public address. */
  privateAddressOnly: boolean;
  /** SSM path below which the instance reads its parameters, e.g. `/gitlab-runner-fleet/dev/registry-mirror`. */
  parameterPath: string;
  /** Private DNS zone that the mirror's name is in, e.g. `dev.gitlab-runner-fleet.internal`. */
  domainName: string;
  /** Default: `t3.small`. */
  instanceType?: string;
  /** Default: the newest Ubuntu LTS when the instance is first made. */
  image?: ImageArgs;
  /** GiB for both registries' data. Default: 50. */
  volumeSize?: pulumi.Input<number>;
  /** Docker Hub account for the pull-through cache; without one Docker Hub's limit for anonymous pulls holds. */
  dockerHub?: { username: pulumi.Input<string>; password: pulumi.Input<string> };
  tags?: Tags;
}

const argsSchema = z.object({
  region: regionName,
  parameterPath,
  domainName,
  instanceType: instanceType.optional(),
  image: image.optional(),
  volumeSize: input(gibibytes).optional(),
});

/**
 * A machine with two registries: a pull-through cache of Docker Hub on port 6000, and on port 5000 the registry that BuildKit's
 * layer cache is pushed to and pulled from. Both keep their data on a volume that outlives the instance.
 *
 * Makes: an instance with role and security group, an encrypted gp3 volume, a private DNS zone with the mirror's name, SSM
 * parameters for its secrets. Nobody may connect to it: a client opens the two ports to itself, as `Workers` does.
 *
 * Cost: about $25 a month as it comes, in us-east-1: t3.small $15, 50 GiB $4, its root volume $1, public address $4, zone $0.50.
 * @see https://docs.docker.com/docker-hub/image-library/mirror/
 */
export class RegistryMirror extends pulumi.ComponentResource {
  /** For an engine's `registry-mirrors`, e.g. `http://registry-mirror.dev.gitlab-runner-fleet.internal:6000`. */
  readonly url: pulumi.Output<string>;
  /** Host and port for BuildKit's cache references, e.g. `registry-mirror.dev.gitlab-runner-fleet.internal:5000`. */
  readonly layerCacheRegistry: pulumi.Output<string>;
  readonly securityGroupId: pulumi.Output<string>;
  readonly instanceId: pulumi.Output<string>;
  readonly volumeId: pulumi.Output<string>;

  constructor(name: string, args: RegistryMirrorArgs, opts?: pulumi.ComponentResourceOptions) {
    checkArgs("RegistryMirror", argsSchema, args);
    super("fleet:index:RegistryMirror", name, {}, opts);
    const { region, parameterPath, instanceType = "t3.small", tags = {} } = args;
    const architecture = architectureOf(instanceType);
    const child = { parent: this };
    const { accountId, partition } = accountOf(this);

    const securityGroup = closedSecurityGroup(
      name,
      args.vpcId,
      "Registry mirror of a GitLab Runner fleet",
      tags,
      this,
    );
    allowOutTo(
      name,
      securityGroup.id,
      [
        { port: 443, description: "Docker Hub and AWS" },
        { port: 80, description: "Ubuntu packages" },
      ],
      this,
    );

    const { role, profile } = instanceRole(name, "Registry mirror of a GitLab Runner fleet", tags, this);
    new aws.iam.RolePolicy(
      `${name}-role-policy`,
      {
        role: role.name,
        policy: pulumi
          .all([accountId, partition])
          .apply(([accountId, partition]) =>
            policyJson(
              readParametersStatement({ partition, region, accountId, path: parameterPath }),
              sessionManagerStatement,
            ),
          ),
      },
      child,
    );
    const parameters = this.makeParameters(name, args);

    const volume = new aws.ebs.Volume(
      `${name}-data`,
      {
        availabilityZone: args.subnet.availabilityZone,
        size: args.volumeSize ?? 50,
        type: "gp3",
        encrypted: true,
        tags: { ...tags, Name: `${name}-data` },
      },
      child,
    );
    const instance = fleetInstance(
      name,
      {
        subnet: args.subnet,
        securityGroupId: securityGroup.id,
        profile,
        privateAddressOnly: args.privateAddressOnly,
        instanceType,
        architecture,
        image: args.image,
        rootVolumeSize: 10,
        userDataBase64: volume.id.apply((volumeId) =>
          encodeUserData(registryMirrorUserData({ region, parameterPath, architecture, volumeId })),
        ),
        tags,
      },
      { ...child, dependsOn: parameters },
    );
    new aws.ec2.VolumeAttachment(
      `${name}-data-attachment`,
      {
        deviceName: "/dev/sdf",
        volumeId: volume.id,
        instanceId: instance.id,
        // The registries write until the instance stops: only then is the file system whole.
        stopInstanceBeforeDetaching: true,
      },
      // A volume is attached to one instance at a time, so the old one lets go first.
      { ...child, deleteBeforeReplace: true },
    );

    const zone = new aws.route53.Zone(
      `${name}-zone`,
      {
        name: args.domainName,
        comment: "Names of a GitLab Runner fleet",
        vpcs: [{ vpcId: args.vpcId }],
        forceDestroy: true,
        tags: { ...tags },
      },
      child,
    );
    const host = `registry-mirror.${args.domainName}`;
    new aws.route53.Record(
      `${name}-name`,
      {
        zoneId: zone.zoneId,
        name: host,
        type: "A",
        ttl: 60,
        records: [instance.privateIp],
      },
      child,
    );

    // Known before the record is there: nobody has to wait for the mirror, for a mirror that does not answer yet is only slower.
    this.url = pulumi.output(`http://${host}:${registryMirrorPort}`);
    this.layerCacheRegistry = pulumi.output(`${host}:${layerCachePort}`);
    this.securityGroupId = securityGroup.id;
    this.instanceId = instance.id;
    this.volumeId = volume.id;
    this.registerOutputs({
      url: this.url,
      layerCacheRegistry: this.layerCacheRegistry,
      securityGroupId: this.securityGroupId,
      instanceId: this.instanceId,
      volumeId: this.volumeId,
    });
  }

  private makeParameters(name: string, args: RegistryMirrorArgs): aws.ssm.Parameter[] {
    const child = { parent: this };
    const tags = { ...args.tags };
    const secret = new random.RandomPassword(`${name}-http-secret`, { length: 32, special: false }, child);
    const parameters = [
      new aws.ssm.Parameter(
        `${name}-http-secret-parameter`,
        {
          name: `${args.parameterPath}/http-secret`,
          type: "SecureString",
          description: "Signs upload states of the layer cache",
          value: secret.result,
          tags,
        },
        child,
      ),
    ];
    if (args.dockerHub) {
      parameters.push(
        new aws.ssm.Parameter(
          `${name}-docker-hub-username`,
          {
            name: `${args.parameterPath}/docker-hub-username`,
            type: "String",
            description: "Docker Hub account of the registry mirror",
            insecureValue: args.dockerHub.username,
            tags,
          },
          child,
        ),
        new aws.ssm.Parameter(
          `${name}-docker-hub-password`,
          {
            name: `${args.parameterPath}/docker-hub-password`,
            type: "SecureString",
            description: "Password or access token of the Docker Hub account",
            value: pulumi.secret(args.dockerHub.password),
            tags,
          },
          child,
        ),
      );
    }
    return parameters;
  }
}
