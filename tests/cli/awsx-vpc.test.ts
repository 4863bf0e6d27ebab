import { awsxVpc } from "../../cli/awsx-vpc";
import type { Plain, PlannedResource } from "../../cli/resources";

const component = (inputs: Record<string, Plain>): PlannedResource => ({
  type: "awsx:ec2:Vpc",
  name: "net",
  inputs: { cidrBlock: "10.0.0.0/16", availabilityZoneNames: ["eu-west-1a", "eu-west-1b"], ...inputs },
});

const specs = (publicMask: number, privateMask: number): Plain[] => [
  { type: "Public", cidrMask: publicMask },
  { type: "Private", cidrMask: privateMask },
];

const short = ({ type, name, parent }: PlannedResource) =>
  [type.split(":").at(-1), name, parent?.replace(/^.*:(\w+::)/, "$1")].join(" ");

const addresses = (inputs: Record<string, Plain>) =>
  awsxVpc(component(inputs))
    .children.filter(({ type }) => type === "aws:ec2/subnet:Subnet")
    .map(({ name, inputs: { cidrBlock } }) => [name, cidrBlock]);

describe("the resources inside an awsx Vpc", () => {
  it("are a subnet with its route table for each zone, and one way to the internet", () => {
    const { children } = awsxVpc(component({ subnetSpecs: [{ type: "Public", cidrMask: 20 }] }));
    expect(children.map(short)).toEqual([
      "Vpc net Vpc::net",
      "InternetGateway net Vpc::net",
      "Subnet net-public-1 Vpc::net",
      "RouteTable net-public-1 Subnet::net-public-1",
      "RouteTableAssociation net-public-1 RouteTable::net-public-1",
      "Subnet net-public-2 Vpc::net",
      "RouteTable net-public-2 Subnet::net-public-2",
      "RouteTableAssociation net-public-2 RouteTable::net-public-2",
      "Route net-public-1 RouteTable::net-public-1",
      "Route net-public-2 RouteTable::net-public-2",
    ]);
  });

  it.each([
    { strategy: "None", gateways: [], ways: [undefined, undefined] },
    { strategy: "Single", gateways: ["net-1"], ways: ["<net-1.natGatewayId>", "<net-1.natGatewayId>"] },
    {
      strategy: "OnePerAz",
      gateways: ["net-1", "net-2"],
      ways: ["<net-1.natGatewayId>", "<net-2.natGatewayId>"],
    },
  ])("have NAT gateways with addresses as asked for: $strategy", ({ strategy, gateways, ways }) => {
    const { children } = awsxVpc(component({ subnetSpecs: specs(24, 20), natGateways: { strategy } }));
    const named = (type: string) => children.filter((child) => child.type === type).map(({ name }) => name);
    expect(named("aws:ec2/natGateway:NatGateway")).toEqual(gateways);
    expect(named("aws:ec2/eip:Eip")).toEqual(gateways);
    const route = (name: string) => children.find((c) => c.type === "aws:ec2/route:Route" && c.name === name);
    expect([route("net-private-1"), route("net-private-2")].map((r) => r?.inputs["natGatewayId"])).toEqual(
      ways,
    );
  });

  // As awsx 3.9 laid them out when it ran.
  it.each([
    {
      masks: [20, 19],
      zones: 2,
      expected: ["10.0.0.0/20", "10.0.32.0/19", "10.0.128.0/20", "10.0.160.0/19"],
    },
    {
      masks: [24, 20],
      zones: 2,
      expected: ["10.0.0.0/24", "10.0.16.0/20", "10.0.128.0/24", "10.0.144.0/20"],
    },
    { masks: [24, 24], zones: 2, expected: ["10.0.0.0/24", "10.0.1.0/24", "10.0.128.0/24", "10.0.129.0/24"] },
    {
      masks: [20, 19],
      zones: 3,
      expected: [
        "10.0.0.0/20",
        "10.0.32.0/19",
        "10.0.64.0/20",
        "10.0.96.0/19",
        "10.0.128.0/20",
        "10.0.160.0/19",
      ],
    },
  ])(
    "have the addresses of the strategy Auto: masks $masks in $zones zones",
    ({ masks, zones, expected }) => {
      const [publicMask = 0, privateMask = 0] = masks;
      const availabilityZoneNames = ["a", "b", "c"].slice(0, zones);
      const found = addresses({ availabilityZoneNames, subnetSpecs: specs(publicMask, privateMask) });
      expect(found.map(([, cidrBlock]) => cidrBlock)).toEqual(expected);
    },
  );

  it("share a zone evenly without masks", () => {
    expect(addresses({ subnetSpecs: [{ type: "Public" }, { type: "Private" }] })).toEqual([
      ["net-public-1", "10.0.0.0/18"],
      ["net-private-1", "10.0.64.0/18"],
      ["net-public-2", "10.0.128.0/18"],
      ["net-private-2", "10.0.192.0/18"],
    ]);
  });

  it("carry the tags of the VPC and their own", () => {
    const { children } = awsxVpc(
      component({
        subnetSpecs: [{ type: "Public", cidrMask: 24, tags: { tier: "front" } }],
        tags: { team: "ci" },
      }),
    );
    const tags = (type: string, name: string) =>
      children.find((child) => child.type === type && child.name === name)?.inputs["tags"];
    expect(tags("aws:ec2/vpc:Vpc", "net")).toEqual({ Name: "net", team: "ci" });
    expect(tags("aws:ec2/subnet:Subnet", "net-public-1")).toEqual({
      team: "ci",
      tier: "front",
      Name: "net-public-1",
      SubnetType: "Public",
    });
    expect(tags("aws:ec2/routeTable:RouteTable", "net-public-1")).toEqual({
      team: "ci",
      Name: "net-public-1",
      SubnetType: "Public",
    });
  });

  it("give the outputs that a program goes on with", () => {
    const { outputs } = awsxVpc(component({ subnetSpecs: specs(24, 20) }));
    expect(outputs).toMatchObject({
      vpcId: "<net.vpcId>",
      publicSubnetIds: ["<net-public-1.subnetId>", "<net-public-2.subnetId>"],
      privateSubnetIds: ["<net-private-1.subnetId>", "<net-private-2.subnetId>"],
      isolatedSubnetIds: [],
    });
    expect(outputs["routeTables"]).toHaveLength(4);
  });
});
