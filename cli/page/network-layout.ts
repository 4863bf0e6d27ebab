import type { FleetNetwork, FleetSubnet, Member, Zone } from "../network";

/** A rectangle in user units, which are pixels at full size. */
export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** A zone with all that is drawn in it. */
export interface PlacedZone {
  zone: Zone;
  box: Box;
  subnets: { subnet: FleetSubnet; box: Box }[];
  members: PlacedMember[];
}

/** A machine where it is drawn. */
export interface PlacedMember {
  member: Member;
  box: Box;
}

/** Where everything is drawn. */
export interface Layout {
  width: number;
  height: number;
  region: Box;
  vpc: Box;
  zones: PlacedZone[];
  /** Height of the way to AWS's services, above the VPC. */
  serviceLane: number;
  /** Heights of the ways below the zones. */
  lanes: { toWorkers: number; toMirror: number; toS3: number };
  services: Box;
  bucket: Box;
}

/** Of what is drawn outside the region, at the top. */
export const outsideHeight = 62;

const margin = 16;
const node = { width: 176, gap: 100, title: 36, line: 18, least: 88 };
// A little more than what a letter needs on average, whatever font the reader has.
const letter = 7;
const gap = 16;
const regionTop = margin + outsideHeight + 28;
const serviceLane = regionTop + 40;
const vpcTop = serviceLane + 36;
const zoneTop = vpcTop + 40;
const zoneTitle = 30;
const subnetTitle = 36;
const natStrip = 74;
const emptyZone = 200;
const servicesWidth = 196;

/** The order of a zone's machines, from left to right: each talks to its neighbour. */
const order: Member["role"][] = ["bastion", "workers", "registry-mirror"];

/** Finds a place for everything; the picture grows with its zones and machines. */
export function layOut({ zones, members }: FleetNetwork): Layout {
  const lines = Math.max(...members.map((member) => member.lines.length), 0);
  const letters = Math.max(...members.flatMap((member) => member.lines.map((line) => line.length)), 0);
  const size = {
    width: Math.max(node.width, Math.ceil(letters * letter) + 24),
    height: Math.max(node.least, node.title + lines * node.line + 12),
  };
  const vpcLeft = margin + gap;
  const placed: PlacedZone[] = [];
  let x = vpcLeft + gap;
  for (const zone of zones) {
    const place = placeZone(zone, members, x, size);
    placed.push(place);
    x = right(place.box) + gap;
  }

  const zoneBottom = Math.max(...placed.map(({ box }) => bottom(box)), zoneTop);
  const isApart = placed.slice(1).some((zone) => zone.members.length > 0);
  const lanes = {
    toWorkers: zoneBottom + 20,
    toMirror: zoneBottom + 40,
    toS3: zoneBottom + (isApart ? 68 : 30),
  };
  const vpc = { x: vpcLeft, y: vpcTop, width: x - vpcLeft, height: lanes.toS3 + 44 - vpcTop };
  const servicesLeft = right(vpc) + 76;
  const region = {
    x: margin,
    y: regionTop,
    width: servicesLeft + servicesWidth + gap - margin,
    height: bottom(vpc) + gap - regionTop,
  };
  return {
    width: right(region) + margin,
    height: bottom(region) + margin,
    region,
    vpc,
    zones: placed,
    serviceLane,
    lanes,
    services: { x: servicesLeft, y: serviceLane - 22, width: servicesWidth, height: 92 },
    bucket: { x: servicesLeft, y: lanes.toS3 - 30, width: servicesWidth, height: 60 },
  };
}

/** The right edge. */
export const right = (box: Box): number => box.x + box.width;
/** The lower edge. */
export const bottom = (box: Box): number => box.y + box.height;
/** The middle between the left and the right edge. */
export const middle = (box: Box): number => box.x + box.width / 2;

function placeZone(
  zone: Zone,
  members: Member[],
  x: number,
  size: Pick<Box, "width" | "height">,
): PlacedZone {
  const isIn = (subnet: FleetSubnet) => members.filter(({ subnetId }) => subnetId === subnet.id);
  const inside = zone.subnets.flatMap(isIn).sort((a, b) => order.indexOf(a.role) - order.indexOf(b.role));
  const nodesWidth = inside.length * (size.width + node.gap) - node.gap;
  const width = inside.length > 0 ? nodesWidth + 4 * gap : emptyZone;

  const subnets: PlacedZone["subnets"] = [];
  let y = zoneTop + zoneTitle;
  for (const subnet of zone.subnets) {
    const isStrip = subnet.isPublic && zone.subnets.length > 1;
    const height = isStrip ? natStrip : subnetTitle + size.height + gap;
    subnets.push({ subnet, box: { x: x + gap, y, width: width - 2 * gap, height } });
    y += height + gap;
  }
  const placedMembers = inside.map((member, i) => {
    const home = subnets.find(({ subnet }) => subnet.id === member.subnetId);
    return {
      member,
      box: {
        x: x + 2 * gap + i * (size.width + node.gap),
        y: (home?.box.y ?? y) + subnetTitle,
        ...size,
      },
    };
  });
  return { zone, box: { x, y: zoneTop, width, height: y - zoneTop }, subnets, members: placedMembers };
}
