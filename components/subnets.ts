/** Addresses of a subnet that AWS keeps for itself. */
const reservedAddresses = 5;

const doublings = (parts: number) => Math.ceil(Math.log2(parts));

/** Length of a CIDR block's prefix: 16 for `10.0.0.0/16`. */
export function prefixLength(cidrBlock: string): number {
  return Number(cidrBlock.split("/")[1]);
}

/**
 * Prefix length of each subnet of a new VPC: zones share it evenly and so do a zone's subnets; none is larger than a /20.
 * @param tiers subnets in each zone: 1, or 2 with a public and a private one
 */
export function subnetMask(cidrBlock: string, zones: number, tiers: number): number {
  return Math.max(20, prefixLength(cidrBlock) + doublings(zones) + doublings(tiers));
}

/**
 * Machines that fit into a subnet.
 * @see https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html
 */
export function machinesThatFit(mask: number): number {
  return 2 ** (32 - mask) - reservedAddresses;
}
