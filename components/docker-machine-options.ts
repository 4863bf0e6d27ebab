import { nearest } from "./suggestions";

const byFleet = "is set by the fleet; remove it";

// Options that the fleet writes itself, with what to do instead.
const written: Readonly<Record<string, string>> = {
  "amazonec2-access-key": 'is what "credentials" of the stack file makes; remove it',
  "amazonec2-ami": 'is "image" of workers',
  "amazonec2-block-duration-minutes": "is gone: AWS ended Spot blocks in 2022; remove it",
  "amazonec2-iam-instance-profile": byFleet,
  "amazonec2-instance-type": 'is "instanceType" of workers',
  "amazonec2-metadata-token": byFleet,
  "amazonec2-metadata-token-response-hop-limit": byFleet,
  "amazonec2-open-port":
    "has no effect, because docker-machine may not change the workers' security group; remove it",
  "amazonec2-private-address-only": 'is what "natGateways" or "privateSubnets" of network decides; remove it',
  "amazonec2-region": 'is "aws:region"',
  "amazonec2-request-spot-instance": 'is "spot" of workers',
  "amazonec2-root-size": 'is "rootVolumeSize" of workers',
  "amazonec2-secret-key": 'is what "credentials" of the stack file makes; remove it',
  "amazonec2-security-group": byFleet,
  "amazonec2-security-group-readonly": byFleet,
  "amazonec2-session-token": 'is what "credentials" of the stack file makes; remove it',
  "amazonec2-spot-price": 'is "spot.maxPrice" of workers',
  "amazonec2-subnet-id": 'is what "network" and "availabilityZone" of workers decide; remove it',
  "amazonec2-tags": 'is "tags" of workers',
  "amazonec2-use-private-address": byFleet,
  "amazonec2-userdata": byFleet,
  "amazonec2-volume-encrypted": byFleet,
  "amazonec2-vpc-id": 'is what "network" decides; remove it',
  "amazonec2-zone": 'is "availabilityZone" of workers',
  "engine-install-url": 'is set by the fleet; for another Docker, name an "image" that has it',
};

// Options that are left to the stack file. A newer docker-machine may have more, so these only help with spelling.
const free = [
  ..."credit-specification device-name endpoint insecure-transport keypair-name monitoring retries ssh-keypath ssh-port ssh-user"
    .concat(" use-ebs-optimized-instance volume-iops volume-kms-key volume-throughput volume-type")
    .split(" ")
    .map((name) => `amazonec2-${name}`),
  ..."env insecure-registry label opt registry-mirror storage-driver"
    .split(" ")
    .map((name) => `engine-${name}`),
];

/**
 * What is wrong with a further option for docker-machine, if anything.
 * @see https://gitlab.com/gitlab-org/ci-cd/docker-machine/-/blob/main/docs/drivers/aws.md
 */
export function dockerMachineOptionProblem(option: string): string | undefined {
  const name = /^((?:amazonec2|engine)-[a-z0-9-]+)(?:=.+)?$/.exec(option)?.[1];
  if (name === undefined) {
    return 'must be an option of docker-machine, such as "amazonec2-volume-iops=4000" or "engine-opt=log-level=warn"';
  }
  const instead = written[name];
  if (instead !== undefined) return instead;
  if (free.includes(name)) return undefined;
  const meant = nearest(name, [...free, ...Object.keys(written)]);
  return meant === undefined
    ? undefined
    : `is no option of docker-machine; did you mean ${JSON.stringify(meant)}?`;
}
