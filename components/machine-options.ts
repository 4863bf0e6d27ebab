import { engineOptions } from "./client-files";
import type { RegistryAddresses } from "./registry-addresses";

/** What can differ between the first choice of a worker and its fallbacks. */
export interface MachineChoice {
  instanceType: string;
  /** Absent: on demand. `maxPrice` absent: the on-demand price is the cap. */
  spot?: { maxPrice?: string };
}

/**
 * How docker-machine makes a worker: the options of GitLab's fork of docker-machine that this project uses, typed.
 * @see https://gitlab.com/gitlab-org/ci-cd/docker-machine/-/blob/main/docs/drivers/aws.md
 */
export interface MachineOptions extends MachineChoice {
  region: string;
  vpcId: string;
  subnetId: string;
  /** Zone of the subnet, e.g. `eu-west-1a`; docker-machine wants its last letter. */
  availabilityZone: string;
  /** docker-machine knows security groups by name only. */
  securityGroupName: string;
  /** Name of the instance profile, not of its role. */
  instanceProfileName: string;
  imageId: string;
  /** GiB. */
  rootVolumeSize: number;
  /** What to ask for instead, one after the other, when EC2 has none. */
  fallbacks: MachineChoice[];
  /** Workers have no public address: their subnet has another way to the internet. */
  privateAddressOnly: boolean;
  tags: Record<string, string>;
  /** File on the bastion that holds the worker's user data. */
  userDataFile: string;
  /** What docker-machine pipes into a shell to install Docker. */
  engineInstallUrl: string;
  registries?: RegistryAddresses | undefined;
  /** Further options, `amazonec2-…=…` or `engine-…=…`. */
  extraOptions: string[];
}

/** `k,v,k,v`, in the order of the keys, so that the text is stable. */
function tagList(tags: Record<string, string>): string {
  return Object.entries(tags)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flat()
    .join(",");
}

/**
 * What a fallback begins with. docker-machine uses `swarm-opt` only for a swarm: where the bastion's `docker-machine.sh` does not take
 * these options out, they do nothing.
 */
export const fallbackOption = "swarm-opt=fleet-fallback=";

function spotOptions({ spot }: MachineChoice): string[] {
  return spot ? ["amazonec2-request-spot-instance=true", `amazonec2-spot-price=${spot.maxPrice ?? ""}`] : [];
}

/** The options that go behind those of the first choice, where they count. */
function renderFallback(fallback: MachineChoice): string {
  const options = [
    `amazonec2-instance-type=${fallback.instanceType}`,
    ...(fallback.spot ? spotOptions(fallback) : ["amazonec2-request-spot-instance=false"]),
  ];
  return `${fallbackOption}${options.join(" ")}`;
}

/**
 * The `MachineOptions` of `[runners.machine]`.
 *
 * - `security-group-readonly`: docker-machine opens no port of a group that was made for it.
 * - `use-private-address`: the bastion reaches workers inside the VPC whether or not they have a public address.
 * - `metadata-token-response-hop-limit=1`: a job's container cannot reach the instance metadata.
 */
export function renderMachineOptions(options: MachineOptions): string[] {
  const { registries } = options;
  return [
    `amazonec2-region=${options.region}`,
    `amazonec2-zone=${options.availabilityZone.slice(-1)}`,
    `amazonec2-vpc-id=${options.vpcId}`,
    `amazonec2-subnet-id=${options.subnetId}`,
    `amazonec2-security-group=${options.securityGroupName}`,
    "amazonec2-security-group-readonly=true",
    "amazonec2-use-private-address=true",
    ...(options.privateAddressOnly ? ["amazonec2-private-address-only=true"] : []),
    `amazonec2-ami=${options.imageId}`,
    `amazonec2-instance-type=${options.instanceType}`,
    ...spotOptions(options),
    `amazonec2-root-size=${options.rootVolumeSize}`,
    "amazonec2-volume-type=gp3",
    "amazonec2-volume-encrypted=true",
    `amazonec2-iam-instance-profile=${options.instanceProfileName}`,
    "amazonec2-metadata-token=required",
    "amazonec2-metadata-token-response-hop-limit=1",
    `amazonec2-tags=${tagList(options.tags)}`,
    `amazonec2-userdata=${options.userDataFile}`,
    `engine-install-url=${options.engineInstallUrl}`,
    ...(registries ? engineOptions(registries) : []),
    ...options.fallbacks.map(renderFallback),
    ...options.extraOptions,
  ];
}
