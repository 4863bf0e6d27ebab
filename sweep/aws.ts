import {
  AutoScalingClient,
  paginateDescribeAutoScalingGroups,
  UpdateAutoScalingGroupCommand,
} from "@aws-sdk/client-auto-scaling";
import { CloudWatchLogsClient } from "@aws-sdk/client-cloudwatch-logs";
import {
  CancelSpotInstanceRequestsCommand,
  DeleteKeyPairCommand,
  DescribeKeyPairsCommand,
  EC2Client,
  paginateDescribeInstances,
  paginateDescribeSpotInstanceRequests,
  TerminateInstancesCommand,
  type Filter,
  type Instance as Ec2Instance,
} from "@aws-sdk/client-ec2";
import { EventBridgeClient, ListRuleNamesByTargetCommand } from "@aws-sdk/client-eventbridge";
import { GetParameterCommand, ParameterNotFound, PutParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { clock, type Clock } from "./clock";
import { bastionsOf, isKeyPairOf, type Removal } from "./decide";
import { drainOrderText, readDrainOrder, type DrainOrder, type StandingOrder } from "./drain-order";
import { lastReportEvent } from "./last-report";
import { parseReport } from "./report";
import type { Settings } from "./settings";
import type { Instance, KeyPair, Report, Snapshot, SpotRequest } from "./snapshot";

/** What the sweep reads and does in AWS. */
export class FleetAws {
  private readonly ec2 = new EC2Client();
  private readonly logs = new CloudWatchLogsClient();
  private readonly ssm = new SSMClient();
  private readonly autoScaling = new AutoScalingClient();
  private readonly events = new EventBridgeClient();

  constructor(
    private readonly settings: Settings,
    private readonly time: Pick<Clock, "now"> = clock,
  ) {}

  /** What there is now. */
  async look(): Promise<Snapshot> {
    const { fleetId, workerProfileArn, spot } = this.settings;
    const at = this.time.now();
    // Before the instances: what came afterwards is in none of the lists.
    const keyPairs = await this.keyPairs();
    const spotRequests = spot ? await this.spotRequests() : [];
    const found = new Map<string, Instance>();
    const read = async (name: string, values: string[], more: Filter[] = []) => {
      for (const instance of await this.instances(name, values, more)) found.set(instance.id, instance);
    };
    await read("iam-instance-profile.arn", [workerProfileArn]);
    await read("tag:fleet-id", [fleetId], [{ Name: "tag-key", Values: ["aws:autoscaling:groupName"] }]);
    const named = [
      ...[...found.values()].map(({ tags }) => tags["fleet-bastion"]),
      ...spotRequests.map(({ instanceId }) => instanceId),
    ].filter((id) => id !== undefined && !found.has(id));
    await read(
      "instance-id",
      [...new Set(named)].filter((id) => id !== undefined),
    );
    await read(
      "key-name",
      keyPairs.map(({ name }) => name).filter((name) => isKeyPairOf(fleetId, name)),
    );

    const instances = [...found.values()];
    const snapshot = { at, fleetId, workerProfileArn, instances, keyPairs, spotRequests };
    const reports = new Map<string, Report>();
    for (const { id } of bastionsOf({ ...snapshot, reports })) {
      const report = await this.lastReport(id);
      if (report) reports.set(id, report);
    }
    return { ...snapshot, reports };
  }

  /** Removes one thing; what is gone already is no error. */
  async remove({ kind, id }: Removal): Promise<void> {
    switch (kind) {
      case "instance":
        await this.ec2.send(new TerminateInstancesCommand({ InstanceIds: [id] }));
        return;
      case "key-pair":
        await this.ec2.send(new DeleteKeyPairCommand({ KeyName: id }));
        return;
      case "spot-request":
        await this.ec2.send(new CancelSpotInstanceRequestsCommand({ SpotInstanceRequestIds: [id] }));
    }
  }

  /** Who shall drain; undefined when the parameter is gone, and nobody can be told. */
  async drainOrder(): Promise<StandingOrder | undefined> {
    try {
      const { Parameter } = await this.ssm.send(
        new GetParameterCommand({ Name: this.settings.drainParameter }),
      );
      return readDrainOrder(Parameter);
    } catch (error) {
      if (error instanceof ParameterNotFound) return undefined;
      throw error;
    }
  }

  /** Tells bastions to drain; those that are not named take jobs again. */
  async orderDrain(order: DrainOrder): Promise<void> {
    await this.ssm.send(
      new PutParameterCommand({
        Name: this.settings.drainParameter,
        Value: drainOrderText(order),
        Overwrite: true,
      }),
    );
  }

  /** Names of the fleet's Auto Scaling groups. */
  async groups(): Promise<string[]> {
    const Filters = [{ Name: "tag:fleet-id", Values: [this.settings.fleetId] }];
    const groups = await all(
      paginateDescribeAutoScalingGroups({ client: this.autoScaling }, { Filters }),
      ({ AutoScalingGroups }) => AutoScalingGroups,
    );
    return groups.flatMap(({ AutoScalingGroupName }) => AutoScalingGroupName ?? []);
  }

  /** Lets a group have no instance any more. */
  async emptyGroup(group: string): Promise<void> {
    await this.autoScaling.send(
      new UpdateAutoScalingGroupCommand({ AutoScalingGroupName: group, MinSize: 0, DesiredCapacity: 0 }),
    );
  }

  /** Whether the sweep still has a schedule: it is the last that is made with a fleet, and the first that goes with it. */
  async isScheduled(): Promise<boolean> {
    const { RuleNames = [] } = await this.events.send(
      new ListRuleNamesByTargetCommand({ TargetArn: this.settings.functionArn }),
    );
    return RuleNames.length > 0;
  }

  private async instances(name: string, values: string[], more: Filter[]): Promise<Instance[]> {
    const found: Ec2Instance[] = [];
    // A filter has at most 200 values.
    for (let i = 0; i < values.length; i += 200) {
      const Filters = [{ Name: name, Values: values.slice(i, i + 200) }, ...more];
      const reservations = await all(
        paginateDescribeInstances({ client: this.ec2 }, { Filters }),
        ({ Reservations }) => Reservations,
      );
      found.push(...reservations.flatMap(({ Instances = [] }) => Instances));
    }
    return found.map(instanceOf);
  }

  private async keyPairs(): Promise<KeyPair[]> {
    const { KeyPairs = [] } = await this.ec2.send(
      new DescribeKeyPairsCommand({
        Filters: [{ Name: "key-name", Values: [`runner-*-${this.settings.fleetId}-*`] }],
      }),
    );
    return KeyPairs.flatMap(({ KeyName, CreateTime }) =>
      KeyName !== undefined && CreateTime ? [{ name: KeyName, createdAt: CreateTime }] : [],
    );
  }

  private async spotRequests(): Promise<SpotRequest[]> {
    const { workerProfileArn } = this.settings;
    const requests = await all(
      paginateDescribeSpotInstanceRequests(
        { client: this.ec2 },
        { Filters: [{ Name: "state", Values: ["open", "active"] }] },
      ),
      ({ SpotInstanceRequests }) => SpotInstanceRequests,
    );
    return requests.map(({ SpotInstanceRequestId, State, CreateTime, InstanceId, LaunchSpecification }) => {
      const { Arn, Name } = LaunchSpecification?.IamInstanceProfile ?? {};
      const profileArn = Arn ?? (workerProfileArn.split("/").at(-1) === Name ? workerProfileArn : undefined);
      return {
        id: SpotInstanceRequestId ?? "",
        state: State ?? "",
        createdAt: CreateTime ?? new Date(),
        ...(profileArn !== undefined && { profileArn }),
        ...(InstanceId !== undefined && { instanceId: InstanceId }),
      };
    });
  }

  private async lastReport(bastion: string): Promise<Report | undefined> {
    const last = await lastReportEvent(this.logs, this.settings.bastionLogGroup, bastion, this.time.now());
    return last && parseReport(last.message ?? "", new Date(last.timestamp ?? 0));
  }
}

function instanceOf(instance: Ec2Instance): Instance {
  const { InstanceId, State, LaunchTime, IamInstanceProfile, KeyName, Tags = [] } = instance;
  return {
    id: InstanceId ?? "",
    state: State?.Name ?? "",
    launchedAt: LaunchTime ?? new Date(),
    ...(IamInstanceProfile?.Arn !== undefined && { profileArn: IamInstanceProfile.Arn }),
    ...(KeyName !== undefined && { keyName: KeyName }),
    tags: Object.fromEntries(Tags.map(({ Key = "", Value = "" }) => [Key, Value])),
  };
}

async function all<Page, Item>(
  pages: AsyncIterable<Page>,
  itemsOf: (page: Page) => Item[] | undefined,
): Promise<Item[]> {
  const items: Item[] = [];
  for await (const page of pages) items.push(...(itemsOf(page) ?? []));
  return items;
}
