import { AutoScalingClient, paginateDescribeAutoScalingGroups } from "@aws-sdk/client-auto-scaling";
import { CloudWatchLogsClient, paginateDescribeLogGroups } from "@aws-sdk/client-cloudwatch-logs";
import {
  DescribeVolumesCommand,
  EC2Client,
  paginateDescribeInstances,
  paginateDescribeInternetGateways,
  paginateDescribeLaunchTemplates,
  paginateDescribeNatGateways,
  paginateDescribeNetworkInterfaces,
  paginateDescribeRouteTables,
  paginateDescribeSecurityGroups,
  paginateDescribeSubnets,
  paginateDescribeVpcEndpoints,
  paginateDescribeVpcs,
  DescribeAddressesCommand,
  DescribeKeyPairsCommand,
  DescribeSpotInstanceRequestsCommand,
  type Instance,
} from "@aws-sdk/client-ec2";
import { EventBridgeClient, ListRulesCommand } from "@aws-sdk/client-eventbridge";
import {
  GetPolicyCommand,
  GetPolicyVersionCommand,
  GetRolePolicyCommand,
  IAMClient,
  paginateListAccessKeys,
  paginateListInstanceProfiles,
  paginateListPolicies,
  paginateListRoles,
  paginateListUsers,
} from "@aws-sdk/client-iam";
import { LambdaClient, paginateListFunctions } from "@aws-sdk/client-lambda";
import { paginateListHostedZones, Route53Client } from "@aws-sdk/client-route-53";
import { ListBucketsCommand, S3Client } from "@aws-sdk/client-s3";
import {
  GetParametersCommand,
  paginateDescribeParameters,
  paginateGetParametersByPath,
  SSMClient,
  type Parameter,
} from "@aws-sdk/client-ssm";
import { z } from "zod";
import { readPublishedText } from "../helpers/published-text";
import { jsonCall, queryCall } from "../tools/emulator";

const describedAlarm = z.looseObject({
  AlarmName: z.string(),
  AlarmDescription: z.string().exactOptional(),
  AlarmActions: z.array(z.string()),
  OKActions: z.array(z.string()),
});
export type DescribedAlarm = z.output<typeof describedAlarm>;

/** Everything that may cost money, open a door or take a name, by kind; each kind sorted. */
export type Inventory = Record<string, string[]>;

/** What exists in the emulator's account, asked from it directly. */
export class Account {
  readonly autoScaling: AutoScalingClient;
  readonly ec2: EC2Client;
  readonly iam: IAMClient;
  readonly s3: S3Client;
  readonly ssm: SSMClient;
  readonly route53: Route53Client;
  readonly logs: CloudWatchLogsClient;
  readonly lambda: LambdaClient;
  readonly events: EventBridgeClient;

  constructor(
    private readonly emulator: string,
    private readonly region: string,
  ) {
    const client = {
      endpoint: emulator,
      region,
      credentials: { accessKeyId: "emulator", secretAccessKey: "emulator" },
    };
    this.autoScaling = new AutoScalingClient(client);
    this.ec2 = new EC2Client(client);
    this.iam = new IAMClient(client);
    this.s3 = new S3Client({ ...client, forcePathStyle: true });
    this.ssm = new SSMClient(client);
    this.route53 = new Route53Client(client);
    this.logs = new CloudWatchLogsClient(client);
    this.lambda = new LambdaClient(client);
    this.events = new EventBridgeClient(client);
  }

  /** Alarms as CloudWatch describes them. */
  async alarms(): Promise<DescribedAlarm[]> {
    const answer = await this.cloudWatch("DescribeAlarms");
    return z.object({ MetricAlarms: z.array(describedAlarm) }).parse(answer).MetricAlarms;
  }

  /** Names of dashboards. */
  async dashboards(): Promise<string[]> {
    const answer = await this.cloudWatch("ListDashboards");
    return z
      .object({ DashboardEntries: z.array(z.object({ DashboardName: z.string() })) })
      .parse(answer)
      .DashboardEntries.map(({ DashboardName }) => DashboardName);
  }

  /** ARNs of SNS topics. */
  topics(): Promise<string[]> {
    return this.notifications("ListTopics", "TopicArn");
  }

  /** Where SNS sends to, e.g. mail addresses. */
  subscribers(): Promise<string[]> {
    return this.notifications("ListSubscriptions", "Endpoint");
  }

  private cloudWatch(action: string): Promise<unknown> {
    const target = `GraniteServiceVersion20100801.${action}`;
    return jsonCall(this.emulator, this.region, { service: "monitoring", target }, {});
  }

  /** What stands in an element of SNS's answer. */
  private async notifications(action: string, element: string): Promise<string[]> {
    const api = { service: "sns", version: "2010-03-31" };
    const answer = await queryCall(this.emulator, this.region, api, { Action: action });
    return [...answer.matchAll(new RegExp(`<${element}>([^<]*)</${element}>`, "g"))].map(
      ([, text = ""]) => text,
    );
  }

  /** Instances that are not terminated. */
  async instances(): Promise<Instance[]> {
    const pages = paginateDescribeInstances({ client: this.ec2 }, {});
    const found = await all(pages, ({ Reservations = [] }) =>
      Reservations.flatMap(({ Instances = [] }) => Instances),
    );
    return found.filter(({ State }) => State?.Name !== "terminated");
  }

  /** Instances of an Auto Scaling group that are not terminated. */
  async instancesOf(group: string): Promise<Instance[]> {
    return (await this.instances()).filter(({ Tags = [] }) =>
      Tags.some(({ Key, Value }) => Key === "aws:autoscaling:groupName" && Value === group),
    );
  }

  /** Subnets of the VPC that an account comes with. */
  async defaultSubnets(): Promise<string[]> {
    const Filters = [{ Name: "default-for-az", Values: ["true"] }];
    return await names(paginateDescribeSubnets({ client: this.ec2 }, { Filters }), ({ Subnets }) =>
      Subnets?.map(({ SubnetId }) => SubnetId),
    );
  }

  /** Parameters below a path, decrypted. */
  parameters(path: string): Promise<Parameter[]> {
    const pages = paginateGetParametersByPath(
      { client: this.ssm },
      { Path: path, Recursive: true, WithDecryption: true },
    );
    return all(pages, ({ Parameters }) => Parameters);
  }

  /** The text that a parameter publishes for the bastion, or undefined when there is no such parameter. */
  async published(name: string): Promise<string | undefined> {
    const { Parameters = [] } = await this.ssm.send(
      new GetParametersCommand({ Names: [name], WithDecryption: true }),
    );
    const value = Parameters[0]?.Value;
    return value === undefined ? undefined : readPublishedText(value);
  }

  /** The text of a managed policy, in the version that is in force. */
  async policyDocument(PolicyArn: string): Promise<string> {
    const { Policy } = await this.iam.send(new GetPolicyCommand({ PolicyArn }));
    const VersionId = Policy?.DefaultVersionId;
    const { PolicyVersion } = await this.iam.send(new GetPolicyVersionCommand({ PolicyArn, VersionId }));
    return decodeURIComponent(PolicyVersion?.Document ?? "");
  }

  /** The text of a policy that is a role's own. */
  async rolePolicyDocument(RoleName: string, PolicyName: string): Promise<string> {
    const { PolicyDocument } = await this.iam.send(new GetRolePolicyCommand({ RoleName, PolicyName }));
    return decodeURIComponent(PolicyDocument ?? "");
  }

  /** All that there is. */
  async inventory(): Promise<Inventory> {
    const ec2 = { client: this.ec2 };
    const iam = { client: this.iam };
    const users = await names(paginateListUsers(iam, {}), ({ Users }) =>
      Users?.map(({ UserName }) => UserName),
    );
    const keys = users.map((UserName) =>
      names(paginateListAccessKeys(iam, { UserName }), ({ AccessKeyMetadata }) =>
        AccessKeyMetadata?.map(({ AccessKeyId }) => AccessKeyId),
      ),
    );
    const inventory: Inventory = {
      instances: (await this.instances()).map(({ InstanceId }) => InstanceId ?? ""),
      groups: await names(
        paginateDescribeAutoScalingGroups({ client: this.autoScaling }, {}),
        ({ AutoScalingGroups }) => AutoScalingGroups?.map(({ AutoScalingGroupName }) => AutoScalingGroupName),
      ),
      launchTemplates: await names(paginateDescribeLaunchTemplates(ec2, {}), ({ LaunchTemplates }) =>
        LaunchTemplates?.map(({ LaunchTemplateId }) => LaunchTemplateId),
      ),
      volumes: present(
        (await this.ec2.send(new DescribeVolumesCommand())).Volumes?.map(({ VolumeId }) => VolumeId),
      ),
      networkInterfaces: await names(paginateDescribeNetworkInterfaces(ec2, {}), (page) =>
        page.NetworkInterfaces?.map(({ NetworkInterfaceId }) => NetworkInterfaceId),
      ),
      addresses: present(
        (await this.ec2.send(new DescribeAddressesCommand())).Addresses?.map(
          ({ AllocationId }) => AllocationId,
        ),
      ),
      keyPairs: present(
        (await this.ec2.send(new DescribeKeyPairsCommand())).KeyPairs?.map(({ KeyName }) => KeyName),
      ),
      spotRequests: present(
        (await this.ec2.send(new DescribeSpotInstanceRequestsCommand())).SpotInstanceRequests?.map(
          ({ SpotInstanceRequestId }) => SpotInstanceRequestId,
        ),
      ),
      vpcs: await names(paginateDescribeVpcs(ec2, {}), ({ Vpcs }) => Vpcs?.map(({ VpcId }) => VpcId)),
      subnets: await names(paginateDescribeSubnets(ec2, {}), ({ Subnets }) =>
        Subnets?.map(({ SubnetId }) => SubnetId),
      ),
      routeTables: await names(paginateDescribeRouteTables(ec2, {}), ({ RouteTables }) =>
        RouteTables?.map(({ RouteTableId }) => RouteTableId),
      ),
      internetGateways: await names(paginateDescribeInternetGateways(ec2, {}), ({ InternetGateways }) =>
        InternetGateways?.map(({ InternetGatewayId }) => InternetGatewayId),
      ),
      natGateways: await names(paginateDescribeNatGateways(ec2, {}), ({ NatGateways }) =>
        NatGateways?.filter(({ State }) => State !== "deleted").map(({ NatGatewayId }) => NatGatewayId),
      ),
      securityGroups: await names(paginateDescribeSecurityGroups(ec2, {}), ({ SecurityGroups }) =>
        SecurityGroups?.map(({ GroupId }) => GroupId),
      ),
      // The emulator goes on listing endpoints that were deleted.
      vpcEndpoints: await names(paginateDescribeVpcEndpoints(ec2, {}), ({ VpcEndpoints }) =>
        VpcEndpoints?.filter(({ State }) => State?.toLowerCase() !== "deleted").map(
          ({ VpcEndpointId }) => VpcEndpointId,
        ),
      ),
      users,
      accessKeys: (await Promise.all(keys)).flat(),
      roles: await names(paginateListRoles(iam, {}), ({ Roles }) => Roles?.map(({ RoleName }) => RoleName)),
      instanceProfiles: await names(paginateListInstanceProfiles(iam, {}), ({ InstanceProfiles }) =>
        InstanceProfiles?.map(({ InstanceProfileName }) => InstanceProfileName),
      ),
      policies: await names(paginateListPolicies(iam, { Scope: "Local" }), ({ Policies }) =>
        Policies?.map(({ Arn }) => Arn),
      ),
      buckets: present((await this.s3.send(new ListBucketsCommand())).Buckets?.map(({ Name }) => Name)),
      // Those below /aws/ are public.
      parameters: await names(paginateDescribeParameters({ client: this.ssm }, {}), ({ Parameters }) =>
        Parameters?.map(({ Name }) => Name).filter((name) => name?.startsWith("/aws/") === false),
      ),
      zones: await names(paginateListHostedZones({ client: this.route53 }, {}), ({ HostedZones }) =>
        HostedZones?.map(({ Name }) => Name),
      ),
      logGroups: await names(paginateDescribeLogGroups({ client: this.logs }, {}), ({ logGroups }) =>
        logGroups?.map(({ logGroupName }) => logGroupName),
      ),
      alarms: (await this.alarms()).map(({ AlarmName }) => AlarmName),
      dashboards: await this.dashboards(),
      topics: await this.topics(),
      subscribers: await this.subscribers(),
      functions: await names(paginateListFunctions({ client: this.lambda }, {}), ({ Functions }) =>
        Functions?.map(({ FunctionName }) => FunctionName),
      ),
      rules: present((await this.events.send(new ListRulesCommand())).Rules?.map(({ Name }) => Name)),
    };
    return Object.fromEntries(Object.entries(inventory).map(([kind, found]) => [kind, found.sort()]));
  }
}

/** All items of a paginated list. */
export async function all<Page, Item>(
  pages: AsyncIterable<Page>,
  itemsOf: (page: Page) => Item[] | undefined,
): Promise<Item[]> {
  const items: Item[] = [];
  for await (const page of pages) items.push(...(itemsOf(page) ?? []));
  return items;
}

async function names<Page>(
  pages: AsyncIterable<Page>,
  namesOf: (page: Page) => (string | undefined)[] | undefined,
): Promise<string[]> {
  return present(await all(pages, namesOf));
}

function present(items: (string | undefined)[] = []): string[] {
  return items.filter((item) => item !== undefined);
}
