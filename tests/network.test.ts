import * as pulumi from "@pulumi/pulumi";
import { Network, readStackOutputs, type NetworkArgs } from "../components/network";
import { networkArgs } from "./helpers/fleet";
import { record, valueOf } from "./helpers/record";

const vpcOf = async (args: Partial<NetworkArgs>) => {
  const made = await record(() => new Network("network", { ...networkArgs, ...args }));
  return made.resource("awsx:ec2:Vpc", "network-vpc").inputs;
};

describe("Network", () => {
  it("is by default a VPC of two public subnets without NAT gateways", async () => {
    expect(await vpcOf({})).toEqual({
      cidrBlock: "10.0.0.0/16",
      availabilityZoneNames: ["eu-west-1a", "eu-west-1b"],
      subnetStrategy: "Auto",
      subnetSpecs: [{ type: "Public", cidrMask: 20 }],
      natGateways: { strategy: "None" },
      enableDnsHostnames: true,
      enableDnsSupport: true,
      tags: { team: "ci" },
    });
  });

  it.each([
    ["single", "Single"],
    ["one-per-az", "OnePerAz"],
  ] as const)(
    "has private subnets behind NAT gateways with natGateways %s",
    async (natGateways, strategy) => {
      expect(await vpcOf({ natGateways, availabilityZones: ["a", "b", "c"] })).toMatchObject({
        availabilityZoneNames: ["eu-west-1a", "eu-west-1b", "eu-west-1c"],
        subnetSpecs: [{ type: "Public" }, { type: "Private" }],
        natGateways: { strategy },
      });
    },
  );

  it("is home to the fleet in its public subnets without NAT gateways, in its private ones with them", async () => {
    const homes = async (natGateways: "none" | "single") => {
      let ids: Promise<string[]> | undefined;
      await record(() => {
        const { subnets } = new Network("network", { ...networkArgs, natGateways });
        ids = valueOf(pulumi.all(subnets.map(({ id }) => id)));
      });
      return ids;
    };
    expect(await homes("none")).toEqual(["subnet-public-1", "subnet-public-2"]);
    expect(await homes("single")).toEqual(["subnet-private-1", "subnet-private-2"]);
  });

  it("takes traffic to S3 through an endpoint on every route table, which writes to the account's own buckets only", async () => {
    const made = await record(
      () => new Network("network", { ...networkArgs, s3WriteAccounts: ["210987654321"] }),
    );
    const { inputs } = made.resource("aws:ec2/vpcEndpoint:VpcEndpoint", "network-s3");
    expect(inputs).toMatchObject({
      vpcId: "vpc-of-network",
      serviceName: "com.amazonaws.eu-west-1.s3",
      vpcEndpointType: "Gateway",
      routeTableIds: ["rtb-1", "rtb-2"],
    });
    expect(JSON.parse(String(inputs["policy"]))).toMatchObject({
      Statement: [
        { Sid: "ReadAnything" },
        { Condition: { StringEquals: { "aws:ResourceAccount": ["123456789012", "210987654321"] } } },
      ],
    });
  });

  describe("of an existing VPC", () => {
    const existing = { vpcId: "vpc-0a1b2c3d", subnetIds: ["subnet-0a1b2c3d"] };

    it("makes nothing but the S3 endpoint on the route tables given", async () => {
      const made = await record(
        () =>
          new Network("network", {
            region: "eu-west-1",
            existing: { ...existing, routeTableIds: ["rtb-0a1b2c3d"] },
          }),
      );
      expect(made.resources.map(({ type }) => type)).toEqual([
        "fleet:index:Network",
        "aws:ec2/vpcEndpoint:VpcEndpoint",
      ]);
      expect(made.resource("aws:ec2/vpcEndpoint:VpcEndpoint", "network-s3").inputs).toMatchObject({
        vpcId: "vpc-0a1b2c3d",
        routeTableIds: ["rtb-0a1b2c3d"],
      });
      expect(made.warnings).toEqual([]);
    });

    it("makes nothing and warns without route tables", async () => {
      const made = await record(() => new Network("network", { region: "eu-west-1", existing }));
      expect(made.resources.map(({ type }) => type)).toEqual(["fleet:index:Network"]);
      expect(made.warnings).toEqual([
        "No routeTableIds were given for the existing VPC, so it gets no S3 endpoint: cache traffic goes over the internet.",
      ]);
    });

    it.each([
      [
        {},
        "existing.vpcId: is missing; it must be the id of a VPC, e.g. vpc-0123456789abcdef0; existing.subnetIds: is missing; it must be a list",
      ],
      [
        { stack: "network" },
        'existing.stack: "network": must be the full name of a stack, e.g. organization/network/dev',
      ],
    ])("is refused when it is %j", async (existing, problems) => {
      const args: unknown = { region: "eu-west-1", existing };
      const make = () => new Network("network", args as NetworkArgs);
      await expect(record(make)).rejects.toThrow(`Network: ${problems}`);
    });

    it("says which outputs of the stack that has it are missing or wrong", () => {
      expect(() =>
        readStackOutputs("organization/network/dev", { subnetIds: [], routeTableIds: "rtb-1" }),
      ).toThrow(
        'The outputs of organization/network/dev are no VPC: vpcId: is missing; it must be the id of a VPC; subnetIds: []: must have at least one subnet; routeTableIds: "rtb-1": must be a list of ids',
      );
    });

    it("looks up the zone of each subnet, and gives public addresses unless the subnets are private", async () => {
      let zones: Promise<string[]> | undefined;
      await record(() => {
        const network = new Network("network", { region: "eu-west-1", existing });
        expect(network.privateAddressOnly).toBe(false);
        zones = valueOf(pulumi.all(network.subnets.map(({ availabilityZone }) => availabilityZone)));
        const priv = new Network("private", {
          region: "eu-west-1",
          existing: { ...existing, privateSubnets: true },
        });
        expect(priv.privateAddressOnly).toBe(true);
      });
      await expect(zones).resolves.toEqual(["eu-west-1c"]);
    });
  });
});
