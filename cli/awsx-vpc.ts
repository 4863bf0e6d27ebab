import {
  listAt,
  numberAt,
  placeholder,
  resourceKey,
  textAt,
  textsAt,
  valueAt,
  type Plain,
  type PlannedResource,
} from "./resources";

/** What the component makes, and the outputs that it answers with. */
export interface VpcPlan {
  children: PlannedResource[];
  outputs: Record<string, Plain>;
}

interface Subnet {
  /** Name of the subnet, its route table, association and route. */
  name: string;
  kind: string;
  /** Place in the list of zones. */
  zone: number;
  zoneName: string;
  cidrBlock: string;
  tags: Tags;
}

type Tags = Record<string, Plain>;

const vpcType = "aws:ec2/vpc:Vpc";
const subnetType = "aws:ec2/subnet:Subnet";
const routeTableType = "aws:ec2/routeTable:RouteTable";

/**
 * The resources inside an `awsx.ec2.Vpc` with the subnet strategy "Auto". Its plugin makes them in the engine, where the program
 * cannot see them, so they are listed here as awsx 3 makes them: same types, names and parents.
 * @see https://github.com/pulumi/pulumi-awsx/blob/master/awsx/ec2/vpc.ts
 */
export function awsxVpc(component: PlannedResource): VpcPlan {
  const { name, inputs } = component;
  const tags = record(valueAt(inputs, "tags"));
  const vpcId = placeholder(name, "vpcId");
  const subnets = subnetsOf(name, inputs);
  const natZones = natGatewayZones(inputs, subnets);
  const ids = (kind: string) =>
    subnets.filter((subnet) => subnet.kind === kind).map((subnet) => placeholder(subnet.name, "subnetId"));
  return {
    children: [
      ...vpcAndGateway(component, tags, subnets),
      ...subnets.flatMap((subnet) => subnetAndRouteTable(name, subnet, tags)),
      ...subnets.flatMap((subnet) => natGateway(name, subnet, natZones, tags)),
      ...subnets.flatMap((subnet) => defaultRoute(name, subnet, natZones)),
    ],
    outputs: {
      vpcId,
      vpc: { id: vpcId },
      publicSubnetIds: ids("Public"),
      privateSubnetIds: ids("Private"),
      isolatedSubnetIds: ids("Isolated"),
      routeTables: subnets.map((subnet) => ({ id: placeholder(subnet.name, "routeTableId") })),
    },
  };
}

const record = (value: Plain | undefined): Tags =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};

const cidrBlockOf = (inputs: Tags): string => textAt(inputs, "cidrBlock") ?? "10.0.0.0/16";

function vpcAndGateway(component: PlannedResource, tags: Tags, subnets: Subnet[]): PlannedResource[] {
  const { name, inputs } = component;
  const vpc: PlannedResource = {
    type: vpcType,
    name,
    parent: resourceKey(component),
    inputs: {
      cidrBlock: cidrBlockOf(inputs),
      enableDnsHostnames: valueAt(inputs, "enableDnsHostnames") ?? false,
      enableDnsSupport: valueAt(inputs, "enableDnsSupport") ?? true,
      tags: { Name: name, ...tags },
    },
  };
  const gateway: PlannedResource = {
    type: "aws:ec2/internetGateway:InternetGateway",
    name,
    parent: resourceKey(vpc),
    inputs: { vpcId: placeholder(name, "vpcId"), tags: { Name: name, ...tags } },
  };
  return subnets.some(({ kind }) => kind === "Public") ? [vpc, gateway] : [vpc];
}

function subnetAndRouteTable(vpcName: string, subnet: Subnet, tags: Tags): PlannedResource[] {
  const { name, kind } = subnet;
  const vpcId = placeholder(vpcName, "vpcId");
  const ownTags = { Name: name, SubnetType: kind };
  return [
    {
      type: subnetType,
      name,
      parent: resourceKey({ type: vpcType, name: vpcName }),
      inputs: {
        vpcId,
        availabilityZone: subnet.zoneName,
        cidrBlock: subnet.cidrBlock,
        mapPublicIpOnLaunch: kind === "Public",
        tags: { ...tags, ...subnet.tags, ...ownTags },
      },
    },
    {
      type: routeTableType,
      name,
      parent: resourceKey({ type: subnetType, name }),
      inputs: { vpcId, tags: { ...tags, ...ownTags } },
    },
    {
      type: "aws:ec2/routeTableAssociation:RouteTableAssociation",
      name,
      parent: resourceKey({ type: routeTableType, name }),
      inputs: { subnetId: placeholder(name, "subnetId"), routeTableId: placeholder(name, "routeTableId") },
    },
  ];
}

/** The zones, by their place, that have a NAT gateway. */
function natGatewayZones(inputs: Tags, subnets: Subnet[]): number[] {
  const zones = [...new Set(subnets.filter(({ kind }) => kind === "Public").map(({ zone }) => zone))];
  const isWanted = zones.length > 0 && subnets.some(({ kind }) => kind === "Private");
  switch (textAt(inputs, "natGateways", "strategy") ?? (isWanted ? "OnePerAz" : "None")) {
    case "None":
      return [];
    case "Single":
      return zones.slice(0, 1);
    default:
      return zones;
  }
}

/** The NAT gateway that lives in a public subnet, with its address. */
function natGateway(vpcName: string, subnet: Subnet, natZones: number[], tags: Tags): PlannedResource[] {
  if (subnet.kind !== "Public" || !natZones.includes(subnet.zone)) return [];
  const name = `${vpcName}-${subnet.zone + 1}`;
  const parent = resourceKey({ type: subnetType, name: subnet.name });
  const ownTags = { ...tags, Name: name };
  return [
    { type: "aws:ec2/eip:Eip", name, parent, inputs: { domain: "vpc", tags: ownTags } },
    {
      type: "aws:ec2/natGateway:NatGateway",
      name,
      parent,
      inputs: {
        subnetId: placeholder(subnet.name, "subnetId"),
        allocationId: placeholder(name, "allocationId"),
        tags: ownTags,
      },
    },
  ];
}

/** The way to the internet: of a public subnet the gateway, of a private one its zone's NAT gateway or the only one. */
function defaultRoute(vpcName: string, { name, kind, zone }: Subnet, natZones: number[]): PlannedResource[] {
  const natZone = natZones.find((candidate) => candidate === zone) ?? natZones[0];
  const target =
    kind === "Public"
      ? { gatewayId: placeholder(vpcName, "internetGatewayId") }
      : kind === "Private" && natZone !== undefined
        ? { natGatewayId: placeholder(`${vpcName}-${natZone + 1}`, "natGatewayId") }
        : undefined;
  if (!target) return [];
  return [
    {
      type: "aws:ec2/route:Route",
      name,
      parent: resourceKey({ type: routeTableType, name }),
      inputs: {
        routeTableId: placeholder(name, "routeTableId"),
        destinationCidrBlock: "0.0.0.0/0",
        ...target,
      },
    },
  ];
}

/** Each zone gets an even share of the VPC, and in it each subnet the next block that fits. */
function subnetsOf(vpcName: string, inputs: Tags): Subnet[] {
  const zones = textsAt(inputs, "availabilityZoneNames");
  const specs = listAt(inputs, "subnetSpecs");
  const [base = "", length = ""] = cidrBlockOf(inputs).split("/");
  const zoneMask = Number(length) + Math.ceil(Math.log2(zones.length));
  const evenMask = zoneMask + Math.ceil(Math.log2(specs.length));

  return zones.flatMap((zoneName, zone) => {
    let next = toNumber(base) + zone * addresses(zoneMask);
    const subnets = specs.map((spec): Subnet => {
      const kind = textAt(spec, "type") ?? "";
      const mask = numberAt(spec, "cidrMask") ?? evenMask;
      const start = Math.ceil(next / addresses(mask)) * addresses(mask);
      next = start + addresses(mask);
      return {
        name: `${vpcName}-${textAt(spec, "name") ?? kind.toLowerCase()}-${zone + 1}`,
        kind,
        zone,
        zoneName,
        cidrBlock: `${toAddress(start)}/${mask}`,
        tags: record(valueAt(spec, "tags")),
      };
    });
    return subnets.filter(({ kind }) => kind !== "Unused");
  });
}

const addresses = (mask: number): number => 2 ** (32 - mask);
const toNumber = (address: string): number =>
  address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
const toAddress = (value: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join(".");
