import {
  DescribeNatGatewaysCommand,
  DescribeRouteTablesCommand,
  DescribeSubnetsCommand,
  DescribeVpcEndpointsCommand,
  type Instance,
  type NatGateway,
  type RouteTable,
  type Subnet,
} from "@aws-sdk/client-ec2";
import { z } from "zod";
import { Emulator } from "../tools/emulator";
import { describeWith, program } from "../tools/programs";
import { Account, type Inventory } from "./account";
import { EngineStack } from "./project";

const strategies = ["none", "single", "one-per-az"] as const;
type Strategy = (typeof strategies)[number];

const network = (natGateways: Strategy) => ({
  "gitlab-runner-fleet:network": { availabilityZones: ["a", "b"], natGateways },
});

/** A runner in each zone, so that the workers of the fleet use each zone's subnet. */
const runners = ["a", "b"].map((availabilityZone) => ({
  name: `zone-${availabilityZone}`,
  workers: { availabilityZone },
}));

/** A fleet's network as the emulator has it. */
interface Found {
  /** Subnets that docker-machine is told to make workers in, in the order of the runners. */
  workerSubnets: Subnet[];
  subnets: Subnet[];
  /** Without the VPC's main one, which no subnet uses. */
  routeTables: RouteTable[];
  endpointTables: string[];
  natGateways: NatGateway[];
  bastion: Instance;
  /** Whether docker-machine is told to make workers without public addresses, of each runner. */
  privateWorkers: boolean[];
}

const outputsSchema = z.looseObject({ vpcId: z.string(), runnerConfigParameterName: z.string() });

async function findNetwork(account: Account, stack: EngineStack): Promise<Found> {
  const { vpcId, runnerConfigParameterName } = outputsSchema.parse(await stack.outputs());
  const ofVpc = [{ Name: "vpc-id", Values: [vpcId] }];
  const { ec2 } = account;
  const { Subnets = [] } = await ec2.send(new DescribeSubnetsCommand({ Filters: ofVpc }));
  const { RouteTables = [] } = await ec2.send(new DescribeRouteTablesCommand({ Filters: ofVpc }));
  const { VpcEndpoints = [] } = await ec2.send(new DescribeVpcEndpointsCommand({ Filters: ofVpc }));
  const { NatGateways = [] } = await ec2.send(new DescribeNatGatewaysCommand({ Filter: ofVpc }));
  const [bastion, ...others] = (await account.instances()).filter(({ VpcId }) => VpcId === vpcId);
  if (!bastion || others.length > 0) throw new Error(`${others.length} instances besides the bastion`);

  const config = (await account.published(runnerConfigParameterName)) ?? "";
  const workerSubnetIds = [...config.matchAll(/amazonec2-subnet-id=(subnet-\w+)/g)].map(([, id]) => id);
  const sections = config.split("[[runners]]").slice(1);
  return {
    workerSubnets: workerSubnetIds.flatMap((id) => Subnets.filter(({ SubnetId }) => SubnetId === id)),
    subnets: Subnets,
    routeTables: RouteTables.filter(({ Associations }) => !Associations?.some(({ Main }) => Main === true)),
    endpointTables: VpcEndpoints.flatMap(({ RouteTableIds = [] }) => RouteTableIds),
    natGateways: NatGateways.filter(({ State }) => State !== "deleted"),
    bastion,
    privateWorkers: sections.map((section) => section.includes("amazonec2-private-address-only=true")),
  };
}

/** The route table that a subnet uses. */
function tableOf(subnet: Subnet, { routeTables }: Found): RouteTable {
  const table = routeTables.find(({ Associations }) =>
    Associations?.some(({ SubnetId }) => SubnetId === subnet.SubnetId),
  );
  if (!table) throw new Error(`${subnet.SubnetId ?? ""} uses the VPC's main route table`);
  return table;
}

/** Where a subnet's traffic to the internet goes: `internet gateway`, or the zone of a NAT gateway. */
function wayOut(subnet: Subnet, found: Found): string {
  const route = tableOf(subnet, found).Routes?.find(
    ({ DestinationCidrBlock }) => DestinationCidrBlock === "0.0.0.0/0",
  );
  if (route?.GatewayId?.startsWith("igw-") === true) return "internet gateway";
  const gateway = found.natGateways.find(({ NatGatewayId }) => NatGatewayId === route?.NatGatewayId);
  return zoneOf(
    found.subnets.find(({ SubnetId }) => SubnetId === gateway?.SubnetId),
    "NAT gateway in ",
  );
}

const zoneOf = (subnet: Subnet | undefined, before = "") =>
  subnet ? `${before}${subnet.AvailabilityZone ?? "no zone"}` : "nowhere";

const idsOf = (tables: RouteTable[]) => tables.map(({ RouteTableId }) => RouteTableId).sort();

/** What has to hold of every network: S3's endpoint is on each route table, and the workers' are among them. */
function expectS3Endpoint(found: Found): void {
  expect([...found.endpointTables].sort()).toEqual(idsOf(found.routeTables));
  expect(found.endpointTables).toEqual(
    expect.arrayContaining(idsOf(found.workerSubnets.map((subnet) => tableOf(subnet, found)))),
  );
}

const expected: Record<
  Strategy,
  { waysOut: string[]; isPublic: boolean; gatewayZones: string[]; addresses: number; subnets: number }
> = {
  none: {
    waysOut: ["internet gateway", "internet gateway"],
    isPublic: true,
    gatewayZones: [],
    addresses: 0,
    subnets: 2,
  },
  single: {
    waysOut: ["NAT gateway in eu-west-1a", "NAT gateway in eu-west-1a"],
    isPublic: false,
    gatewayZones: ["eu-west-1a"],
    addresses: 1,
    subnets: 4,
  },
  "one-per-az": {
    waysOut: ["NAT gateway in eu-west-1a", "NAT gateway in eu-west-1b"],
    isPublic: false,
    gatewayZones: ["eu-west-1a", "eu-west-1b"],
    addresses: 2,
    subnets: 4,
  },
};

function expectNetwork(found: Found, strategy: Strategy): void {
  const { waysOut, isPublic, gatewayZones, subnets } = expected[strategy];
  expect(found.workerSubnets.map((subnet) => zoneOf(subnet))).toEqual(["eu-west-1a", "eu-west-1b"]);
  expect(found.workerSubnets.map((subnet) => wayOut(subnet, found))).toEqual(waysOut);
  expect(found.workerSubnets.map(({ MapPublicIpOnLaunch }) => MapPublicIpOnLaunch)).toEqual([
    isPublic,
    isPublic,
  ]);
  expect(found.privateWorkers).toEqual([!isPublic, !isPublic]);
  expect(found.subnets).toHaveLength(subnets);
  const homes = found.natGateways.map((gateway) =>
    found.subnets.find(({ SubnetId }) => SubnetId === gateway.SubnetId),
  );
  expect(homes.map((subnet) => zoneOf(subnet)).sort()).toEqual(gatewayZones);
  expect(homes.filter((subnet) => subnet && wayOut(subnet, found) !== "internet gateway")).toEqual([]);
  expect(found.bastion.SubnetId).toBe(found.workerSubnets[0]?.SubnetId);
  expect(found.bastion.PublicIpAddress !== undefined).toBe(isPublic);
}

describeWith("networks", [program("pulumi"), program("moto_server")], () => {
  let emulator: Emulator;
  let account: Account;
  let before: Inventory;
  const stacks = new Map<Strategy, EngineStack>();
  const stackWith = (strategy: Strategy): EngineStack => {
    const stack = stacks.get(strategy);
    if (!stack) throw new Error(`there is no stack with natGateways ${strategy}`);
    return stack;
  };

  beforeAll(async () => {
    emulator = await Emulator.start();
    account = new Account(emulator.url, "eu-west-1");
    before = await account.inventory();
    for (const strategy of strategies) {
      const args = { emulator: emulator.url, stackFile: "none" };
      const stack = await EngineStack.init(strategy, args, {
        "zone-a": "glrt-token-of-zone-a",
        "zone-b": "glrt-token-of-zone-b",
      });
      stack.configure({
        "gitlab-runner-fleet:registryMirror": { enabled: false },
        "gitlab-runner-fleet:cache": { forceDestroy: true },
        "gitlab-runner-fleet:runners": runners,
        ...network(strategy),
      });
      stacks.set(strategy, stack);
    }
    await Promise.all([...stacks.values()].map((stack) => stack.up()));
  });

  afterAll(async () => {
    for (const stack of stacks.values()) stack.remove();
    await emulator.stop();
  });

  describe.each(strategies)("with natGateways %s", (strategy) => {
    let found: Found;

    beforeAll(async () => {
      found = await findNetwork(account, stackWith(strategy));
    });

    it("have S3's endpoint on every route table", () => {
      expectS3Endpoint(found);
    });

    it("have the workers and the bastion where they belong, with a way to the internet", () => {
      expectNetwork(found, strategy);
    });
  });

  it("have an elastic address for each NAT gateway, and no other", async () => {
    const { addresses = [] } = await account.inventory();
    expect(addresses).toHaveLength(expected.single.addresses + expected["one-per-az"].addresses);
    const used = await Promise.all(
      strategies.map(async (strategy) => {
        const { natGateways } = await findNetwork(account, stackWith(strategy));
        return natGateways.flatMap(({ NatGatewayAddresses = [] }) =>
          NatGatewayAddresses.map(({ AllocationId }) => AllocationId),
        );
      }),
    );
    expect(used.flat().sort()).toEqual(addresses);
  });

  describe("that get a NAT gateway while they live", () => {
    let formerly: Found;
    let planned: string[];
    let found: Found;

    beforeAll(async () => {
      const stack = stackWith("none");
      formerly = await findNetwork(account, stack);
      stack.configure(network("single"));
      planned = await stack.plannedChanges();
      await stack.up();
      found = await findNetwork(account, stack);
    });

    // Of the private subnets, their route tables, associations and routes, the NAT gateway and its address Pulumi gives the names only.
    it("keep all that they had, and replace nothing but the bastion", () => {
      expect(planned.sort()).toEqual([
        "create network-vpc-1: ",
        "create network-vpc-1: ",
        "create network-vpc-private-1: ",
        "create network-vpc-private-1: ",
        "create network-vpc-private-1: ",
        "create network-vpc-private-1: ",
        "create network-vpc-private-2: ",
        "create network-vpc-private-2: ",
        "create network-vpc-private-2: ",
        "create network-vpc-private-2: ",
        "replace bastion-group: capacityReservationSpecification, launchTemplate, vpcZoneIdentifiers",
        "update bastion-config.toml: insecureValue, value",
        "update bastion-fleet-policy: policy",
        "update bastion-launch-template: latestVersion, networkInterfaces",
        "update observability-bastion-unreachable: dimensions",
        ...[1, 2, 3, 4, 5, 6].map((step) => `update sweep-handover-${step}: input, result`),
      ]);
    });

    it("become what they would be if they were new", () => {
      expectS3Endpoint(found);
      expectNetwork(found, "single");
      expect(found.subnets.map(({ SubnetId }) => SubnetId)).toEqual(
        expect.arrayContaining(formerly.subnets.map(({ SubnetId }) => SubnetId)),
      );
    });
  });

  it("go, and leave nothing behind", async () => {
    await Promise.all([...stacks.values()].map((stack) => stack.destroy()));
    expect(await account.inventory()).toEqual(before);
  });
});
