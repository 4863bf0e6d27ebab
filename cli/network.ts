import type { FleetPlan } from "./fleet-plan";
import { alwaysOnMachines } from "./machines";
import type { OpenPort } from "./ports";
import { numberAt, ofType, placeholder, textAt, valueAt, type PlannedResource } from "./resources";
import type { PlannedRunner } from "./runners";

/** A machine, or a kind of machine, in a subnet. */
export interface Member {
  role: "bastion" | "workers" | "registry-mirror";
  title: string;
  lines: string[];
  subnetId: string;
}

/** A subnet of the fleet's VPC. */
export interface FleetSubnet {
  id: string;
  /** Its addresses, or its id where they are unknown. */
  label: string;
  isPublic: boolean;
  hasNatGateway: boolean;
}

/** An availability zone; of an existing VPC one for each subnet. */
export interface Zone {
  name: string;
  /** Public before private. */
  subnets: FleetSubnet[];
}

/** What the picture of the network shows. */
export interface FleetNetwork {
  stack: string;
  region: string;
  vpc: { label: string; isNew: boolean };
  /** The bastion's zone first. */
  zones: Zone[];
  members: Member[];
  hasS3Endpoint: boolean;
  /** Host names of GitLab. */
  gitlab: string[];
  bucket: string | undefined;
  ports: OpenPort[];
}

/** Reads the network out of the planned resources. */
export function fleetNetwork({ stack, region, resources, runners, ports }: FleetPlan): FleetNetwork {
  const members = [...machineMembers(resources), ...workerMembers(runners)];
  const [vpc] = ofType(resources, "aws:ec2/vpc:Vpc");
  const endpoint = ofType(resources, "aws:ec2/vpcEndpoint:VpcEndpoint").find(({ inputs }) =>
    textAt(inputs, "serviceName")?.endsWith(".s3"),
  );
  const groupVpc = textAt(ofType(resources, "aws:ec2/securityGroup:SecurityGroup")[0]?.inputs, "vpcId") ?? "";
  const zones = vpc
    ? newZones(resources)
    : existingZones(
        members,
        runners.every((r) => r.publicAddress),
      );
  const home = members.find(({ role }) => role === "bastion")?.subnetId;
  const isHome = (zone: Zone) => zone.subnets.some(({ id }) => id === home);
  return {
    stack,
    region,
    vpc: { label: vpc ? (textAt(vpc.inputs, "cidrBlock") ?? "") : groupVpc, isNew: vpc !== undefined },
    zones: [...zones.filter(isHome), ...zones.filter((zone) => !isHome(zone))],
    members,
    hasS3Endpoint: endpoint !== undefined,
    gitlab: [...new Set(runners.map(({ gitlabUrl }) => new URL(gitlabUrl).host))],
    bucket: ofType(resources, "aws:s3/bucket:Bucket")[0]?.name,
    ports,
  };
}

function machineMembers(resources: PlannedResource[]): Member[] {
  return alwaysOnMachines(resources).map(({ name, instanceType, subnetId }): Member => {
    if (name === "bastion") {
      const lines = [instanceType, "GitLab Runner", "docker-machine"];
      return { subnetId, role: "bastion", title: "Bastion", lines };
    }
    const sizes = ofType(resources, "aws:ebs/volume:Volume").map(
      (volume) => numberAt(volume.inputs, "size") ?? 0,
    );
    const lines = [instanceType, ...sizes.map((size) => `${size} GB of layers`)];
    return { subnetId, role: "registry-mirror", title: "Registry mirror", lines };
  });
}

/** The workers of each subnet. */
function workerMembers(runners: PlannedRunner[]): Member[] {
  const subnets = [...new Set(runners.map(({ subnetId }) => subnetId))];
  return subnets.map((subnetId) => ({
    subnetId,
    role: "workers",
    title: "Workers",
    lines: runners
      .filter((runner) => runner.subnetId === subnetId)
      .flatMap(({ name, instanceType, spot, limit }) => [
        `${name}: ${instanceType}${spot ? ", spot" : ""}`,
        limit > 0 ? `up to ${limit} machines` : "as many as jobs",
      ]),
  }));
}

function newZones(resources: PlannedResource[]): Zone[] {
  const gateways = ofType(resources, "aws:ec2/natGateway:NatGateway").map(({ inputs }) =>
    textAt(inputs, "subnetId"),
  );
  const subnets = ofType(resources, "aws:ec2/subnet:Subnet").map(({ name, inputs }) => {
    const id = placeholder(name, "subnetId");
    return {
      zone: textAt(inputs, "availabilityZone") ?? "",
      id,
      label: textAt(inputs, "cidrBlock") ?? "",
      isPublic: valueAt(inputs, "mapPublicIpOnLaunch") === true,
      hasNatGateway: gateways.includes(id),
    };
  });
  return [...new Set(subnets.map(({ zone }) => zone))].sort().map((name) => ({
    name,
    subnets: subnets
      .filter(({ zone }) => zone === name)
      .sort((a, b) => Number(b.isPublic) - Number(a.isPublic)),
  }));
}

/** Of an existing VPC only the subnets that the fleet uses are known. */
function existingZones(members: Member[], isPublic: boolean): Zone[] {
  const ids = [...new Set(members.map(({ subnetId }) => subnetId))];
  return ids.map((id) => ({ name: "", subnets: [{ id, label: id, isPublic, hasNatGateway: false }] }));
}
