import { fleetNetwork, type FleetNetwork } from "../../cli/network";
import { bottom, layOut, right, type Box } from "../../cli/page/network-layout";
import { networkPicture } from "../../cli/page/network-picture";
import { planFixture } from "./helpers/plan";

const fixtureNetwork = async (): Promise<FleetNetwork> => fleetNetwork(await planFixture());

const isInside = (inner: Box, outer: Box): boolean =>
  inner.x >= outer.x && inner.y >= outer.y && right(inner) <= right(outer) && bottom(inner) <= bottom(outer);

describe("the network in the picture", () => {
  it("has the zones, subnets, NAT gateways and machines of the plan", async () => {
    expect(await fixtureNetwork()).toMatchObject({
      region: "eu-west-1",
      vpc: { label: "10.0.0.0/16", isNew: true },
      zones: [
        {
          name: "eu-west-1a",
          subnets: [
            { label: "10.0.0.0/24", isPublic: true, hasNatGateway: true },
            { label: "10.0.16.0/20", isPublic: false, hasNatGateway: false },
          ],
        },
        {
          name: "eu-west-1b",
          subnets: [
            { label: "10.0.128.0/24", isPublic: true, hasNatGateway: false },
            { label: "10.0.144.0/20", isPublic: false, hasNatGateway: false },
          ],
        },
      ],
      members: [
        { role: "bastion", lines: ["t2.micro", "GitLab Runner", "docker-machine"] },
        { role: "workers", lines: ["default: m5.large", "up to 10 machines"] },
      ],
      hasS3Endpoint: true,
      gitlab: ["gitlab.example.com"],
    });
  });

  it("of an existing VPC is the subnets that the fleet lives in", async () => {
    const plan = await planFixture();
    const resources = plan.resources
      .filter(({ type }) => type !== "aws:ec2/vpc:Vpc" && type !== "aws:ec2/subnet:Subnet")
      .map((resource) =>
        resource.name === "bastion-group"
          ? { ...resource, inputs: { ...resource.inputs, vpcZoneIdentifiers: ["subnet-1"] } }
          : resource,
      );
    const runners = plan.runners.map((runner) => ({ ...runner, subnetId: "subnet-1" }));
    const { vpc, zones } = fleetNetwork({ ...plan, resources, runners });
    expect(vpc).toEqual({ label: "<network-vpc.vpcId>", isNew: false });
    expect(zones).toEqual([
      { name: "", subnets: [{ id: "subnet-1", label: "subnet-1", isPublic: false, hasNatGateway: false }] },
    ]);
  });
});

describe("the picture of the network", () => {
  it("keeps everything inside what it belongs to", async () => {
    const { width, height, region, vpc, zones, services, bucket } = layOut(await fixtureNetwork());
    expect(isInside(region, { x: 0, y: 0, width, height })).toBe(true);
    for (const box of [vpc, services, bucket]) expect(isInside(box, region)).toBe(true);
    for (const zone of zones) {
      expect(isInside(zone.box, vpc)).toBe(true);
      for (const { box } of zone.subnets) expect(isInside(box, zone.box)).toBe(true);
      for (const { box, member } of zone.members) {
        const home = zone.subnets.find(({ subnet }) => subnet.id === member.subnetId);
        expect(home && isInside(box, home.box)).toBe(true);
      }
    }
  });

  it("writes the open ports beside the ways", async () => {
    const { text } = networkPicture(await fixtureNetwork());
    const ports = [...text.matchAll(/<text class="port"[^>]*>([^<]*)</g)].map(([, port]) => port);
    expect(ports).toEqual(expect.arrayContaining(["22", "any port", "443"]));
  });

  it("says in words what it shows", async () => {
    expect(networkPicture(await fixtureNetwork()).text).toContain(
      "VPC 10.0.0.0/16 in eu-west-1. Bastion: t2.micro, GitLab Runner, docker-machine. " +
        "Workers: default: m5.large, up to 10 machines. Ways: bastion to workers, port 22; workers to anywhere, port all.",
    );
  });

  it("leads workers of another zone to the bastion and the mirror", async () => {
    const network = await fixtureNetwork();
    const apart = network.zones[1]?.subnets[1]?.id ?? "";
    const members = network.members.map((member) =>
      member.role === "workers" ? { ...member, subnetId: apart } : member,
    );
    const ways = (of: FleetNetwork) => networkPicture(of).text.match(/class="way"/g)?.length ?? 0;
    const together = ways({ ...network, bucket: "cache" });
    expect(ways({ ...network, bucket: "cache", members })).toBe(together);
    expect(networkPicture({ ...network, members }).text).toContain(">22<");
  });
});
