import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { FleetNetwork, Member } from "../network";
import { markup, Markup } from "./markup";
import {
  bottom,
  layOut,
  middle,
  outsideHeight,
  right,
  type Box,
  type Layout,
  type PlacedMember,
  type PlacedZone,
} from "./network-layout";

const style = new Markup(readFileSync(join(__dirname, "network.css"), "utf8"));

/** The network as a picture that stands on its own, also outside the page. */
export function networkPicture(network: FleetNetwork): Markup {
  const layout = layOut(network);
  const { width, height } = layout;
  return markup`<svg class="network" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="network-title network-description">
<title id="network-title">The network of stack ${network.stack}</title>
<desc id="network-description">${describe(network)}</desc>
<style>
${style}</style>
<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path class="head" d="M0 .5 8 4 0 7.5z"/></marker></defs>
${frame("region", layout.region)}${text(layout.region.x + 14, layout.region.y + 22, network.region, "small")}
${frame("vpc", layout.vpc)}${text(layout.vpc.x + 16, bottom(layout.vpc) - 14, vpcLabel(network), "small")}
${layout.zones.map((zone, i) => zonePicture(zone, i === 0))}
${gateways(network, layout)}
${waysOut(network, layout)}
${waysToServices(network, layout)}
${waysInside(network, layout)}
${wayToBucket(network, layout)}
${layout.zones.flatMap(({ members }) => members.map(memberPicture))}
</svg>
`;
}

const frame = (kind: string, { x, y, width, height }: Box, radius = 6): Markup =>
  markup`<rect class="${kind}" x="${x}" y="${y}" width="${width}" height="${height}" rx="${radius}"/>`;

const text = (x: number, y: number, words: string, kind: string, anchor = "start"): Markup =>
  markup`<text class="${kind}" x="${x}" y="${y}" text-anchor="${anchor}">${words}</text>`;

/** An arrow along corners. */
const way = (...points: [x: number, y: number][]): Markup =>
  markup`<path class="way" d="M${points.map((point) => point.join(" ")).join("L")}" marker-end="url(#head)"/>`;

/** A box with a title and lines, centred. */
const box = (kind: string, place: Box, title: string, lines: string[]): Markup => {
  const top = place.y + place.height / 2 - lines.length * 9 + 5;
  return markup`${frame(kind, place)}${text(middle(place), top, title, "title", "middle")}${lines.map(
    (line, i) => text(middle(place), top + 19 + i * 18, line, "small", "middle"),
  )}`;
};

function zonePicture({ zone, box: place, subnets, members: [first] }: PlacedZone, isHome: boolean): Markup {
  // Right of the first machine's ways up, so that none crosses a label.
  const x = isHome && first ? middle(first.box) + 14 : place.x + 28;
  return markup`${zone.name !== "" && [frame("zone", place), text(x, place.y + 20, zone.name, "small")]}${subnets.map(
    ({ subnet, box: area }) => {
      const kind = subnet.isPublic ? "public" : "private";
      return markup`${frame(kind, area)}${text(x, area.y + 20, `${kind} ${subnet.label}`, "small")}`;
    },
  )}`;
}

function memberPicture({ member, box: place }: PlacedMember): Markup {
  // Workers come and go: a stack of cards.
  const behind = member.role === "workers" ? [8, 4] : [];
  return markup`${behind.map((shift) => frame("node", { ...place, x: place.x + shift, y: place.y - shift }))}${box(
    "node",
    place,
    member.title,
    member.lines,
  )}`;
}

/** Bars at the edges that traffic to the internet passes. */
function gateways({ vpc, zones: [home] }: FleetNetwork, { zones }: Layout): Markup {
  const first = zones[0];
  const last = zones.at(-1);
  if (!first || !last) return markup``;
  const isPrivate = home?.subnets.every(({ isPublic }) => !isPublic);
  const name = vpc.isNew
    ? "internet gateway"
    : isPrivate
      ? "the VPC's way out"
      : "the VPC's internet gateway";
  const edge: Box = { x: first.box.x, y: first.box.y - 51, width: right(last.box) - first.box.x, height: 22 };
  const labelAt = (place: Box) => {
    const [a, b] = first.members.map((placed) => middle(placed.box));
    return a === undefined || b === undefined ? middle(place) : (a + b) / 2;
  };
  return markup`${frame("gateway", edge, 11)}${text(labelAt(edge), edge.y + 15, name, "small", "middle")}${natBars(
    zones,
  ).map((bar, i) => {
    const at = i === 0 ? labelAt(bar) : middle(bar);
    return markup`${frame("gateway", bar, 11)}${text(at, bar.y + 15, "NAT gateway", "small", "middle")}`;
  })}`;
}

const natBars = (zones: PlacedZone[]): Box[] =>
  zones.flatMap(({ subnets }) =>
    subnets
      .filter(({ subnet }) => subnet.hasNatGateway)
      .map(({ box: { x, y, width } }) => ({ x: x + 12, y: y + 36, width: width - 24, height: 22 })),
  );

const portsOf = ({ ports }: FleetNetwork, from: string, to: string): string =>
  ports
    .filter((port) => port.from === from && port.to === to)
    .map(({ port }) => (port === "all" ? "any port" : port))
    .join(", ");

const homeMember = ({ zones }: Layout, role: Member["role"]): Box | undefined =>
  zones[0]?.members.find(({ member }) => member.role === role)?.box;

/** From the machines straight up to what is outside the region. */
function waysOut(network: FleetNetwork, layout: Layout): Markup {
  const hasMirror = network.members.some(({ role }) => role === "registry-mirror");
  const outside = {
    bastion: { title: "GitLab", line: network.gitlab.join(", ") },
    workers: { title: "Internet", line: hasMirror ? "whatever jobs need" : "images, anything else" },
    "registry-mirror": { title: "Docker Hub", line: "images, once each" },
  };
  const [home, ...others] = layout.zones;
  const straight = (home?.members ?? []).map(({ member, box: place }) => {
    const { title, line } = outside[member.role];
    const top = { x: place.x, y: 16, width: place.width, height: outsideHeight };
    const stack = member.role === "workers" ? 8 : 0;
    return markup`${box("node", top, title, [line])}${way(
      [middle(place), place.y - stack],
      [middle(place), bottom(top) + 1],
    )}${text(middle(place) + 10, layout.vpc.y + 31, portsOf(network, member.role, "anywhere"), "port")}`;
  });
  const toGateway = others.flatMap((zone) =>
    zone.members.map(({ box: place }) => wayOutOf(zone, right(place) - 16, place.y - 8, layout)),
  );
  return markup`${straight}${toGateway}`;
}

/** From another zone than the bastion's to the internet gateway, or to a NAT gateway that its zone has not. */
function wayOutOf(zone: PlacedZone, x: number, y: number, { zones, vpc }: Layout): Markup {
  const [shared] = natBars(zones);
  if (!shared || natBars([zone]).length > 0) return way([x, y], [x, vpc.y + 12]);
  const lane = shared.y + shared.height / 2;
  return way([x, y], [x, lane], [right(shared) + 1, lane]);
}

/** AWS's own interfaces: past the internet gateway, but inside the region. */
function waysToServices({ bucket, hasS3Endpoint }: FleetNetwork, layout: Layout): Markup {
  const { serviceLane, services } = layout;
  const lines = ["SSM: config.toml, tokens", "EC2: makes the workers"];
  const roles: Member["role"][] = ["bastion", "registry-mirror"];
  if (bucket !== undefined && !hasS3Endpoint) {
    lines.push("S3: distributed cache");
    roles.push("workers");
  }
  const users = roles.flatMap((role) => homeMember(layout, role) ?? []);
  return markup`${users.map((user) =>
    way([middle(user) - 40, user.y], [middle(user) - 40, serviceLane], [services.x - 1, serviceLane]),
  )}${text(services.x - 12, serviceLane - 8, "443", "port", "end")}${box("node", services, "AWS", lines)}`;
}

/** Between the machines. */
function waysInside(network: FleetNetwork, layout: Layout): Markup {
  const bastion = homeMember(layout, "bastion");
  const workers = homeMember(layout, "workers");
  const mirror = homeMember(layout, "registry-mirror");
  const setUp = portsOf(network, "bastion", "workers");
  const pull = portsOf(network, "workers", "registry-mirror");
  const apart = layout.zones.slice(1).flatMap(({ members }) => members);
  const { toWorkers, toMirror } = layout.lanes;

  return markup`${bastion && workers && sideways(bastion, workers, setUp, "SSH, Docker")}${
    workers && mirror && sideways({ ...workers, width: workers.width + 8 }, mirror, pull, "registries")
  }${apart.map(({ box: place }) => [
    bastion && below(middle(bastion), bottom(bastion), toWorkers, middle(place) - 24, bottom(place), setUp),
    mirror && below(middle(place) + 24, bottom(place), toMirror, middle(mirror), bottom(mirror), pull),
  ])}`;
}

function sideways(from: Box, to: Box, ports: string, why: string): Markup {
  const y = from.y + from.height / 2;
  const x = (right(from) + to.x) / 2;
  return markup`${way([right(from), y], [to.x - 1, y])}${text(x, y - 9, ports, "port", "middle")}${text(
    x,
    y + 18,
    why,
    "small",
    "middle",
  )}`;
}

function below(fromX: number, fromY: number, lane: number, toX: number, toY: number, ports: string): Markup {
  return markup`${way([fromX, fromY], [fromX, lane], [toX, lane], [toX, toY + 1])}${text(
    (fromX + toX) / 2,
    lane - 6,
    ports,
    "port",
    "middle",
  )}`;
}

/** Jobs move their cache straight to the bucket through the endpoint. */
function wayToBucket(
  { bucket, hasS3Endpoint }: FleetNetwork,
  { vpc, lanes, zones, bucket: place }: Layout,
): Markup {
  if (bucket === undefined || !hasS3Endpoint) return markup``;
  const workers = zones.flatMap(({ members }) => members.filter(({ member }) => member.role === "workers"));
  const endpoint = { x: right(vpc) - 52, y: lanes.toS3 - 15, width: 104, height: 30 };
  return markup`${workers.map(({ box: worker }) =>
    way([middle(worker), bottom(worker)], [middle(worker), lanes.toS3], [endpoint.x - 1, lanes.toS3]),
  )}${way([right(endpoint), lanes.toS3], [place.x - 1, lanes.toS3])}${frame("gateway", endpoint, 15)}${text(
    middle(endpoint),
    endpoint.y + 20,
    "S3 endpoint",
    "small",
    "middle",
  )}${text(endpoint.x - 12, lanes.toS3 - 8, "443", "port", "end")}${box("node", place, "S3 bucket", ["distributed cache"])}`;
}

const vpcLabel = ({ vpc }: FleetNetwork): string => `${vpc.isNew ? "VPC" : "existing VPC"} ${vpc.label}`;

/** The picture in words. */
function describe(network: FleetNetwork): string {
  const members = network.members.map(({ title, lines }) => `${title}: ${lines.join(", ")}`);
  const ways = network.ports.map(({ from, to, port }) => `${from} to ${to}, port ${port}`);
  return `${vpcLabel(network)} in ${network.region}. ${members.join(". ")}. Ways: ${ways.join("; ")}.`;
}
