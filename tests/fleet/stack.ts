import {
  CreateAutoScalingGroupCommand,
  CreateLaunchConfigurationCommand,
  DescribeAutoScalingGroupsCommand,
} from "@aws-sdk/client-auto-scaling";
import { CreateLogGroupCommand } from "@aws-sdk/client-cloudwatch-logs";
import {
  AddRoleToInstanceProfileCommand,
  AttachRolePolicyCommand,
  AttachUserPolicyCommand,
  CreateAccessKeyCommand,
  CreateInstanceProfileCommand,
  CreatePolicyCommand,
  CreateRoleCommand,
  CreateUserCommand,
  PutRolePolicyCommand,
} from "@aws-sdk/client-iam";
import {
  CreateSecurityGroupCommand,
  CreateSubnetCommand,
  CreateVpcCommand,
  DescribeImagesCommand,
} from "@aws-sdk/client-ec2";
import { CreateBucketCommand } from "@aws-sdk/client-s3";
import { PutParameterCommand } from "@aws-sdk/client-ssm";
import { gunzipSync } from "fflate";
import { z } from "zod";
import { committedSettings, type StackSettings } from "../../cli/local/workspace";
import { runProgram } from "../../cli/program";
import type { Account } from "../engine/account";
import { programAt } from "../helpers/load";

type Properties = Record<string, unknown>;

/** A resource as the program sees it. */
interface Made {
  id: string;
  state: Properties;
}

const region = "eu-west-1";
const table = (value: unknown) => z.record(z.string(), z.unknown()).parse(value);
const text = (value: unknown) => z.string().parse(value);

/**
 * The program of this project, brought up in an emulator of AWS without an engine, which takes a second: what docker-machine, GitLab
 * Runner and the machines' scripts use is really made (network, group, roles, user with key and policies, bucket, parameters), and of all
 * else there is but a record.
 */
export class FleetStack {
  static readonly path = "/gitlab-runner-fleet/dev";
  static readonly bastionAddress = "10.0.0.10";
  static readonly successorAddress = "10.0.0.11";
  static readonly mirrorAddress = "10.0.0.20";

  /** Name of the group that keeps a bastion running. */
  bastionGroup = "";
  /** Its instance. */
  bastionId = "";
  private readonly made = new Map<string, Made>();
  private inputs = new Map<string, Properties>();

  constructor(private readonly account: Account) {}

  /** @param settings they come before those of the committed stack `dev` */
  async up(settings: StackSettings): Promise<void> {
    const values = { ...committedSettings("dev"), ...settings };
    this.inputs = new Map();
    await runProgram(programAt("index"), {
      project: "gitlab-runner-fleet",
      stack: "dev",
      values: Object.fromEntries(
        Object.entries(values).map(([key, value]) => [
          key,
          typeof value === "string" ? value : JSON.stringify(value),
        ]),
      ),
      secretKeys: ["gitlab-runner-fleet:runnerTokens"],
      onResource: () => undefined,
      mocks: {
        newResource: ({ type, name, inputs, custom }) =>
          this.make(type, name, table(inputs), custom ?? false),
        call: ({ token, inputs }) => this.call(token, table(inputs)),
      },
    });
  }

  /** What the program says of a resource. */
  inputsOf(type: string, name: string): Properties {
    const found = this.inputs.get(`${type} ${name}`);
    if (!found) throw new Error(`the program has no ${type} ${name}`);
    return found;
  }

  /** What came of it. */
  outputOf(type: string, name: string, output: string): string {
    return text(this.made.get(`${type} ${name}`)?.state[output]);
  }

  /** Its id. */
  idOf(type: string, name: string): string {
    return text(this.made.get(`${type} ${name}`)?.id);
  }

  /** The bastion's user data, as cloud-init unpacks it. */
  bastionUserData(): string {
    const { userData } = this.inputsOf("aws:ec2/launchTemplate:LaunchTemplate", "bastion-launch-template");
    const bytes = Buffer.from(text(userData), "base64");
    return bytes[0] === 0x1f ? Buffer.from(gunzipSync(bytes)).toString() : bytes.toString();
  }

  /** The group's instance, which is another one when the former was terminated. */
  async findBastion(): Promise<void> {
    const AutoScalingGroupNames = [this.bastionGroup];
    const groups = await this.account.autoScaling.send(
      new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames }),
    );
    this.bastionId = groups.AutoScalingGroups?.[0]?.Instances?.at(-1)?.InstanceId ?? "";
  }

  /** Another group beside the former, as a replacement makes it. */
  async makeSuccessor(): Promise<void> {
    const group = ["aws:autoscaling/group:Group", "bastion-group"] as const;
    await this.makeBastionGroup(`${this.idOf(...group)}-2`, this.inputsOf(...group));
  }

  private async make(type: string, name: string, inputs: Properties, custom: boolean): Promise<Made> {
    const key = `${type} ${name}`;
    const plain = table(unwrapped(inputs));
    this.inputs.set(key, plain);
    const before = this.made.get(key);
    // Their names are their own; everything else stays as it was made.
    if (before && type !== "aws:ssm/parameter:Parameter") return before;
    const physicalName = text(plain["name"] ?? `${name}-0a1b2c3`);
    const { id, ...more } = await this.create(type, physicalName, plain);
    const made = {
      id: id ?? (custom ? `${name}-id` : ""),
      state: { arn: `arn:of:${name}`, name: physicalName, bucket: physicalName, ...plain, ...more },
    };
    this.made.set(key, made);
    return made;
  }

  private async create(
    type: string,
    name: string,
    inputs: Properties,
  ): Promise<Properties & { id?: string }> {
    const { ec2, iam, s3, ssm } = this.account;
    switch (type) {
      case "awsx:ec2:Vpc":
        return await this.makeVpc();
      case "aws:ec2/securityGroup:SecurityGroup": {
        const group = { GroupName: name, Description: name, VpcId: text(inputs["vpcId"]) };
        return { id: (await ec2.send(new CreateSecurityGroupCommand(group))).GroupId ?? "" };
      }
      case "aws:iam/role:Role": {
        const AssumeRolePolicyDocument = text(inputs["assumeRolePolicy"]);
        const { Role } = await iam.send(new CreateRoleCommand({ RoleName: name, AssumeRolePolicyDocument }));
        return { id: name, arn: Role?.Arn };
      }
      case "aws:iam/rolePolicy:RolePolicy": {
        const policy = { RoleName: text(inputs["role"]), PolicyName: name };
        await iam.send(new PutRolePolicyCommand({ ...policy, PolicyDocument: text(inputs["policy"]) }));
        return {};
      }
      case "aws:iam/instanceProfile:InstanceProfile": {
        const made = await iam.send(new CreateInstanceProfileCommand({ InstanceProfileName: name }));
        const role = { InstanceProfileName: name, RoleName: text(inputs["role"]) };
        await iam.send(new AddRoleToInstanceProfileCommand(role));
        return { id: name, arn: made.InstanceProfile?.Arn };
      }
      case "aws:iam/user:User": {
        const { User } = await iam.send(new CreateUserCommand({ UserName: name }));
        return { id: name, arn: User?.Arn };
      }
      case "aws:iam/accessKey:AccessKey": {
        const { AccessKey } = await iam.send(new CreateAccessKeyCommand({ UserName: text(inputs["user"]) }));
        return { id: AccessKey?.AccessKeyId ?? "", secret: AccessKey?.SecretAccessKey };
      }
      case "aws:iam/policy:Policy": {
        const policy = { PolicyName: name, PolicyDocument: text(inputs["policy"]) };
        const { Policy } = await iam.send(new CreatePolicyCommand(policy));
        return { id: Policy?.Arn ?? "", arn: Policy?.Arn };
      }
      case "aws:iam/userPolicyAttachment:UserPolicyAttachment": {
        const attached = { UserName: text(inputs["user"]), PolicyArn: text(inputs["policyArn"]) };
        await iam.send(new AttachUserPolicyCommand(attached));
        return {};
      }
      case "aws:iam/rolePolicyAttachment:RolePolicyAttachment": {
        const attached = { RoleName: text(inputs["role"]), PolicyArn: text(inputs["policyArn"]) };
        await iam.send(new AttachRolePolicyCommand(attached));
        return {};
      }
      case "aws:s3/bucket:Bucket": {
        const CreateBucketConfiguration = { LocationConstraint: region } as const;
        await s3.send(new CreateBucketCommand({ Bucket: name, CreateBucketConfiguration }));
        return { id: name, arn: `arn:aws:s3:::${name}` };
      }
      case "aws:ssm/parameter:Parameter": {
        const Value = text(inputs["value"] ?? inputs["insecureValue"]);
        const Type = z.enum(["String", "SecureString"]).parse(inputs["type"]);
        await ssm.send(new PutParameterCommand({ Name: name, Value, Type, Overwrite: true }));
        return { id: name };
      }
      case "aws:cloudwatch/logGroup:LogGroup":
        await this.account.logs.send(new CreateLogGroupCommand({ logGroupName: name }));
        return { id: name };
      case "aws:autoscaling/group:Group":
        await this.makeBastionGroup(name, inputs);
        return { id: name };
      case "aws:ec2/instance:Instance":
        return { privateIp: FleetStack.mirrorAddress };
      case "random:index/randomPassword:RandomPassword":
        return { result: "http-secret" };
      case "random:index/randomBytes:RandomBytes":
        return { base64: Buffer.alloc(32, name).toString("base64") };
      case "random:index/randomId:RandomId":
        return { hex: "0a1b2c3d" };
      default:
        return {};
    }
  }

  private async makeBastionGroup(name: string, inputs: Properties): Promise<void> {
    const { autoScaling } = this.account;
    const tags = z.array(z.object({ key: z.string(), value: z.string() })).parse(inputs["tags"]);
    const machine = { ImageId: "ami-0a24040000000a64a", InstanceType: "t2.micro" };
    await autoScaling.send(
      new CreateLaunchConfigurationCommand({ LaunchConfigurationName: name, ...machine }),
    );
    await autoScaling.send(
      new CreateAutoScalingGroupCommand({
        AutoScalingGroupName: name,
        LaunchConfigurationName: name,
        ...{ MinSize: 1, MaxSize: 1, DesiredCapacity: 1 },
        VPCZoneIdentifier: z.array(z.string()).parse(inputs["vpcZoneIdentifiers"])[0],
        Tags: tags.map(({ key, value }) => ({ Key: key, Value: value, PropagateAtLaunch: true })),
      }),
    );
    this.bastionGroup = name;
    await this.findBastion();
  }

  private async makeVpc(): Promise<Properties & { id: string }> {
    const { ec2 } = this.account;
    const { Vpc } = await ec2.send(new CreateVpcCommand({ CidrBlock: "10.0.0.0/16" }));
    const subnets = ["a", "b"].map(async (letter, i) => {
      const CidrBlock = `10.0.${16 * (i + 1)}.0/20`;
      const place = { VpcId: Vpc?.VpcId, AvailabilityZone: `${region}${letter}` };
      return (await ec2.send(new CreateSubnetCommand({ ...place, CidrBlock }))).Subnet?.SubnetId ?? "";
    });
    const publicSubnetIds = await Promise.all(subnets);
    const vpcId = Vpc?.VpcId ?? "";
    return { id: vpcId, vpcId, publicSubnetIds, privateSubnetIds: [], routeTables: [] };
  }

  private async call(token: string, inputs: Properties): Promise<Properties> {
    switch (token) {
      case "aws:index/getCallerIdentity:getCallerIdentity":
        return { accountId: "123456789012" };
      case "aws:index/getPartition:getPartition":
        return { partition: "aws" };
      case "aws:ec2/getInstances:getInstances":
        return { ids: [this.bastionId] };
      case "aws:ssm/getParameter:getParameter": {
        const images = await this.account.ec2.send(new DescribeImagesCommand({ Owners: ["099720109477"] }));
        return { insecureValue: images.Images?.[0]?.ImageId };
      }
      default:
        throw new Error(`${token} of ${JSON.stringify(inputs)} is not known here`);
    }
  }
}

/** The value of a secret is in its mark. */
function unwrapped(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unwrapped);
  if (typeof value !== "object" || value === null) return value;
  if ("4dabf18193072939515e22adb298388d" in value && "value" in value) return unwrapped(value.value);
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, unwrapped(one)]));
}
