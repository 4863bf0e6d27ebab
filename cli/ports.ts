import { numberAt, ofType, sortResources, textAt, type PlannedResource } from "./resources";

/** A way that the security groups leave open. */
export interface OpenPort {
  from: string;
  to: string;
  /** E.g. `22`, `5000-6000` or `all`. */
  port: string;
  /** `tcp`, `udp`, … or `all`. */
  protocol: string;
  /** Why, in the rule's own words. */
  why: string;
  /** Which end's security group says so: the sender's (`out`), the receiver's (`in`) or both. */
  rule: "in" | "out" | "both";
}

const groupType = "aws:ec2/securityGroup:SecurityGroup";

/** The open ports: ways into the fleet's groups first, each way once. */
export function listPorts(resources: PlannedResource[]): OpenPort[] {
  const groups = new Map(
    ofType(resources, groupType).map((group) => [
      `<${group.name}.id>`,
      group.parent?.split("::").at(-1) ?? group.name,
    ]),
  );
  const groupName = (id: string) => groups.get(id) ?? id;
  const sorted = sortResources(resources);
  const incoming = ofType(sorted, "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule").map(
    ({ inputs }) => openPort(inputs, "in", groupName),
  );
  const outgoing = ofType(sorted, "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule").map(
    ({ inputs }) => openPort(inputs, "out", groupName),
  );

  const isSameWay = (a: OpenPort, b: OpenPort) =>
    a.from === b.from && a.to === b.to && a.port === b.port && a.protocol === b.protocol;
  const both = incoming.map((port): OpenPort => {
    const allowedOut = outgoing.some((other) => isSameWay(port, other));
    return allowedOut ? { ...port, rule: "both" } : port;
  });
  const rest = outgoing.filter((port) => !incoming.some((other) => isSameWay(port, other)));
  return [...both.sort(byWay), ...rest.sort(byWay)];
}

function openPort(
  inputs: PlannedResource["inputs"],
  rule: "in" | "out",
  groupName: (id: string) => string,
): OpenPort {
  const group = groupName(textAt(inputs, "securityGroupId") ?? "");
  const other = otherEnd(inputs, groupName);
  const protocol = textAt(inputs, "ipProtocol") ?? "-1";
  return {
    from: rule === "in" ? other : group,
    to: rule === "in" ? group : other,
    port: portRange(inputs, protocol),
    protocol: protocol === "-1" ? "all" : protocol,
    why: textAt(inputs, "description") ?? "",
    rule,
  };
}

function otherEnd(inputs: PlannedResource["inputs"], groupName: (id: string) => string): string {
  const group = textAt(inputs, "referencedSecurityGroupId");
  if (group !== undefined) return groupName(group);
  const block =
    textAt(inputs, "cidrIpv4") ?? textAt(inputs, "cidrIpv6") ?? textAt(inputs, "prefixListId") ?? "";
  return block === "0.0.0.0/0" || block === "::/0" ? "anywhere" : block;
}

function portRange(inputs: PlannedResource["inputs"], protocol: string): string {
  const from = numberAt(inputs, "fromPort");
  const to = numberAt(inputs, "toPort");
  if (protocol === "-1" || from === undefined || from === -1) return "all";
  return to === undefined || to === from ? String(from) : `${from}-${to}`;
}

function byWay(a: OpenPort, b: OpenPort): number {
  const order = (port: OpenPort) => `${port.from}\n${port.to}\n${port.port.padStart(5, "0")}`;
  return order(a) < order(b) ? -1 : 1;
}
