import { paginateDescribeInstances, type EC2Client, type Instance } from "@aws-sdk/client-ec2";
import type { Aws } from "./aws";
import type { DeployedFleet } from "./deployed-fleet";
import { reportingMachines } from "./reports";

/** An EC2 instance of a fleet. */
export interface Machine {
  id: string;
  instanceType: string;
  spot: boolean;
  zone: string;
  /** EC2's, e.g. `running`. */
  state: string;
  launched: Date;
  /** Name of its key pair, which is docker-machine's name of a worker. */
  keyName: string | undefined;
  instanceProfileArn: string | undefined;
  tags: Record<string, string>;
}

/** A fleet's instances that are not terminated, oldest first. */
export interface FleetMachines {
  /** One as a rule; two while a new one takes over. */
  bastions: Machine[];
  mirrors: Machine[];
  workers: Machine[];
}

/** Finds a fleet's instances: by group, by instance profile, and by who reports. */
export async function findMachines(aws: Aws, fleet: DeployedFleet): Promise<FleetMachines> {
  const { logGroups, bastionGroupName, workerInstanceProfileArn } = fleet;
  const reportingTo = async (logGroup: string | undefined) =>
    logGroup === undefined ? [] : await reportingMachines(aws.logs, logGroup);
  const [machines, reporting, mirroring] = await Promise.all([
    machinesIn(aws.ec2, fleet.vpcId),
    reportingTo(logGroups.bastion),
    reportingTo(logGroups.registryMirror),
  ]);
  return {
    // One that is being replaced is in the group of before.
    bastions: machines.filter(
      ({ id, tags }) => tags["aws:autoscaling:groupName"] === bastionGroupName || reporting.includes(id),
    ),
    mirrors: machines.filter(({ id }) => mirroring.includes(id)),
    workers: machines.filter(({ instanceProfileArn }) => instanceProfileArn === workerInstanceProfileArn),
  };
}

async function machinesIn(client: EC2Client, vpcId: string): Promise<Machine[]> {
  const pages = paginateDescribeInstances(
    { client },
    {
      Filters: [
        { Name: "vpc-id", Values: [vpcId] },
        {
          Name: "instance-state-name",
          Values: ["pending", "running", "shutting-down", "stopping", "stopped"],
        },
      ],
    },
  );
  const machines: Machine[] = [];
  for await (const { Reservations = [] } of pages) {
    machines.push(...Reservations.flatMap(({ Instances = [] }) => Instances.map(machineOf)));
  }
  return machines.sort((a, b) => a.launched.getTime() - b.launched.getTime());
}

function machineOf(instance: Instance): Machine {
  const tags = (instance.Tags ?? []).map(({ Key = "", Value = "" }): [string, string] => [Key, Value]);
  return {
    id: instance.InstanceId ?? "",
    instanceType: instance.InstanceType ?? "",
    spot: instance.InstanceLifecycle === "spot",
    zone: instance.Placement?.AvailabilityZone ?? "",
    state: instance.State?.Name ?? "",
    launched: instance.LaunchTime ?? new Date(0),
    keyName: instance.KeyName,
    instanceProfileArn: instance.IamInstanceProfile?.Arn,
    tags: Object.fromEntries(tags),
  };
}
