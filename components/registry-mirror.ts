import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";
import { z } from "zod";
import { allowOutTo, closedSecurityGroup, fleetInstance, instanceRole, type Tags } from "./instance";
import { architectureOf } from "./instance-types";
import { machineBase } from "./machine-base";
import type { FleetSubnet } from "./network";
import { checkArgs, input } from "./problems";
import {
  layerCacheRegistry,
  mirrorsOf,
  registryMirrorUrl,
  type Mirror,
  type RegistryAddresses,
} from "./registry-addresses";
import {
  days,
  domainName,
  gibibytes,
  image,
  instanceType,
  logRetentionDays,
  parameterPath,
  percent,
  regionName,
  upstreams,
} from "./schemas";
import { makeCertificate, registryMirrorParameters } from "./registry-mirror-parameters";
import type { ImageArgs } from "./ubuntu-image";
import { encodeUserData, registryMirrorUserData } from "./user-data";

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
  /** Hosts of further registries to mirror, e.g. `ghcr.io`; public images only. Default: none, Docker Hub always is. */
  upstreams?: string[];
  /** Percent of the volume that the mirrors may fill; what was used longest ago is then evicted. Default: 40. */
  mirrorShare?: number;
  /** Percent of the volume that the layer cache may fill; what was used longest ago is then evicted. Default: 45. */
  layerCacheShare?: number;
  /** Days until a layer is built again, with the packages of that day. Default: 14. */
  layerCacheMaxAge?: number;
  /** HTTPS, with a private authority that workers and jobs trust. Default: false, within the VPC. */
  tls?: boolean;
  /** Writing to the layer cache's repositories below `protected/` takes a password. Default: false. */
  protectedRefs?: boolean;
  /** Days that the machine's log is kept. Default: 30. */
  logRetentionDays?: number;
  /** Docker Hub account for the pull-through cache; without one Docker Hub's limit for anonymous pulls holds. */
  dockerHub?: { username: pulumi.Input<string>; password: pulumi.Input<string> } | undefined;
  tags?: Tags;
}

const argsSchema = z.object({
  region: regionName,
  parameterPath,
  domainName,
  instanceType: instanceType.optional(),
  image: image.optional(),
  volumeSize: input(gibibytes).optional(),
  upstreams: upstreams.optional(),
  mirrorShare: percent.optional(),
  layerCacheShare: percent.optional(),
  layerCacheMaxAge: days.optional(),
  logRetentionDays: logRetentionDays.optional(),
});

/**
 * A machine with registries: a pull-through cache of Docker Hub on port 6000, those of further registries on the ports after
 * it, and on port 5000 the registry that BuildKit's layer cache is pushed to and pulled from. All keep their data on a volume that
 * outlives the instance, within their shares of it.
 *
 * Makes: an instance with role and security group, an encrypted gp3 volume, a private DNS zone with the mirror's name, SSM
 * parameters for its secrets, a log group. Nobody may connect to it: a client opens the ports to itself, as `Workers` does.
 *
 * Cost: about $25 a month as it comes, in us-east-1: t3.small $15, 50 GiB $4, its root volume $1, public address $4, zone $0.50.
 * @see https://docs.docker.com/docker-hub/image-library/mirror/
 */
export class RegistryMirror extends pulumi.ComponentResource {
  /** For an engine's `registry-mirrors`, e.g. `http://registry-mirror.dev.gitlab-runner-fleet.internal:6000`. */
  readonly url: pulumi.Output<string>;
  /** Docker Hub's and those of `upstreams`. */
  readonly mirrors: Mirror[];
  /** PEM of the authority that signed the registries' certificate; only with `tls`. */
  readonly caCertificate: pulumi.Output<string> | undefined;
  /** Where workers and jobs find the registries. */
  readonly addresses: pulumi.Output<RegistryAddresses>;
  /** Host and port for BuildKit's cache references, e.g. `registry-mirror.dev.gitlab-runner-fleet.internal:5000`. */
  readonly layerCacheRegistry: pulumi.Output<string>;
  /** What the user `fleet` writes below `protected/` with. A secret; only with `protectedRefs`. */
  readonly layerCachePassword: pulumi.Output<string> | undefined;
  readonly securityGroupId: pulumi.Output<string>;
  readonly instanceId: pulumi.Output<string>;
  /** Percent of the volume that the mirrors may fill. */
  readonly mirrorShare: number;
  /** Percent of the volume that the layer cache may fill. */
  readonly layerCacheShare: number;
  readonly volumeId: pulumi.Output<string>;

  constructor(name: string, args: RegistryMirrorArgs, opts?: pulumi.ComponentResourceOptions) {
    checkArgs("RegistryMirror", argsSchema, args);
    super("fleet:index:RegistryMirror", name, {}, opts);
    const { region, parameterPath, instanceType = "t3.small", tags = {} } = args;
    const { upstreams = [], tls = false, protectedRefs = false } = args;
    const host = `registry-mirror.${args.domainName}`;
    this.mirrors = mirrorsOf(upstreams);
    this.mirrorShare = args.mirrorShare ?? 40;
    this.layerCacheShare = args.layerCacheShare ?? 45;
    const architecture = architectureOf(instanceType);
    const child = { parent: this };

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
    const { logRetentionDays } = args;
    const base = machineBase(name, { region, parameterPath, role, logRetentionDays, tags }, this);
    const certificate = tls ? makeCertificate(name, host, this) : undefined;
    const password = protectedRefs
      ? new random.RandomPassword(`${name}-layer-cache-password`, { length: 32, special: false }, child)
      : undefined;
    this.layerCachePassword = password?.result;
    const parameters = registryMirrorParameters(
      name,
      {
        path: parameterPath,
        dockerHub: args.dockerHub,
        certificate,
        layerCachePassword: this.layerCachePassword,
        tags,
      },
      this,
    );

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
          encodeUserData(
            registryMirrorUserData({
              region,
              parameterPath,
              architecture,
              volumeId,
              upstreams: this.mirrors.map(({ upstream }) => upstream),
              mirrorShare: this.mirrorShare,
              layerCacheShare: this.layerCacheShare,
              layerCacheMaxAge: args.layerCacheMaxAge ?? 14,
              tls,
              protectedRefs,
            }),
          ),
        ),
        tags,
      },
      { ...child, dependsOn: [...base, ...parameters] },
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
    this.url = pulumi.output(registryMirrorUrl(host, tls));
    this.layerCacheRegistry = pulumi.output(layerCacheRegistry(host));
    this.caCertificate = certificate && pulumi.unsecret(certificate.caCertificate);
    this.addresses = pulumi.output({ host, mirrors: this.mirrors, caCertificate: this.caCertificate });
    this.securityGroupId = securityGroup.id;
    this.instanceId = instance.id;
    this.volumeId = volume.id;
    this.registerOutputs({
      url: this.url,
      layerCacheRegistry: this.layerCacheRegistry,
      addresses: this.addresses,
      securityGroupId: this.securityGroupId,
      instanceId: this.instanceId,
      volumeId: this.volumeId,
    });
  }
}
