import { listPorts } from "../../cli/ports";
import type { PlannedResource } from "../../cli/resources";

const group = (name: string): PlannedResource => ({
  type: "aws:ec2/securityGroup:SecurityGroup",
  name: `${name}-security-group`,
  parent: `fleet:index:Anything::${name}`,
  inputs: {},
});

const rule = (
  direction: "Ingress" | "Egress",
  name: string,
  inputs: PlannedResource["inputs"],
): PlannedResource => ({
  type: `aws:vpc/securityGroup${direction}Rule:SecurityGroup${direction}Rule`,
  name,
  inputs: { ipProtocol: "tcp", description: name, ...inputs },
});

const bastion = "<bastion-security-group.id>";
const workers = "<workers-security-group.id>";
const groups = [group("bastion"), group("workers")];

describe("the open ports", () => {
  it("name the components at both ends", () => {
    const ingress = rule("Ingress", "set up", {
      securityGroupId: workers,
      referencedSecurityGroupId: bastion,
      fromPort: 22,
      toPort: 22,
    });
    expect(listPorts([...groups, ingress])).toEqual([
      { from: "bastion", to: "workers", port: "22", protocol: "tcp", why: "set up", rule: "in" },
    ]);
  });

  it("show a way once when both ends allow it", () => {
    const ends = { fromPort: 2376, toPort: 2376 };
    const both = [
      rule("Ingress", "in", { ...ends, securityGroupId: workers, referencedSecurityGroupId: bastion }),
      rule("Egress", "out", { ...ends, securityGroupId: bastion, referencedSecurityGroupId: workers }),
    ];
    expect(listPorts([...groups, ...both])).toEqual([
      { from: "bastion", to: "workers", port: "2376", protocol: "tcp", why: "in", rule: "both" },
    ]);
  });

  it("call the whole internet anywhere, and all ports all", () => {
    const out = rule("Egress", "jobs", { securityGroupId: workers, ipProtocol: "-1", cidrIpv4: "0.0.0.0/0" });
    expect(listPorts([...groups, out])).toEqual([
      { from: "workers", to: "anywhere", port: "all", protocol: "all", why: "jobs", rule: "out" },
    ]);
  });

  it("show a range, a block and a group of somebody else as they are", () => {
    const range = rule("Ingress", "range", {
      securityGroupId: "sg-0123",
      ipProtocol: "udp",
      cidrIpv4: "10.1.0.0/16",
      fromPort: 5000,
      toPort: 6000,
    });
    expect(listPorts([range])).toEqual([
      { from: "10.1.0.0/16", to: "sg-0123", port: "5000-6000", protocol: "udp", why: "range", rule: "in" },
    ]);
  });

  it("put ways in first, and lower ports before higher ones", () => {
    const at = (port: number) => ({ fromPort: port, toPort: port });
    const ports = listPorts([
      ...groups,
      rule("Egress", "a", { ...at(1), securityGroupId: bastion, cidrIpv4: "0.0.0.0/0" }),
      rule("Ingress", "b", { ...at(2376), securityGroupId: workers, referencedSecurityGroupId: bastion }),
      rule("Ingress", "c", { ...at(443), securityGroupId: workers, referencedSecurityGroupId: bastion }),
    ]);
    expect(ports.map(({ port }) => port)).toEqual(["443", "2376", "1"]);
  });
});
