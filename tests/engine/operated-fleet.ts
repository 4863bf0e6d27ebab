import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "fs";
import { tmpdir } from "os";
import { delimiter, join } from "path";
import {
  CreateLogGroupCommand,
  CreateLogStreamCommand,
  PutLogEventsCommand,
} from "@aws-sdk/client-cloudwatch-logs";
import {
  CreateSubnetCommand,
  CreateVpcCommand,
  RunInstancesCommand,
  type RunInstancesCommandInput,
} from "@aws-sdk/client-ec2";
import { CreateInstanceProfileCommand } from "@aws-sdk/client-iam";
import { PutParameterCommand } from "@aws-sdk/client-ssm";
import { projectFolder } from "../../cli/local/workspace";
import { Account } from "./account";

const region = "eu-west-1";
const profileArn = (name: string): string => `arn:aws:iam::123456789012:instance-profile/${name}`;

/** Answers as Pulumi does for one stack with the outputs and the configuration in its folder. */
const pulumi = `#!/bin/sh
case "$*" in
"stack output --json "*" --stack dev" | "config --json "*" --stack dev") exec cat "$(dirname "$0")/$1.json" ;;
*) echo "error: no stack named 'other' found" >&2; exit 255 ;;
esac
`;

/** A fleet in the emulator as it is after a while, with a stand-in for Pulumi that tells of it. */
export class OperatedFleet {
  readonly folder = mkdtempSync(join(tmpdir(), "fleet-operated-"));
  /** The stack's, as `npm run fleet` reads them. */
  readonly outputs = {
    vpcId: "",
    workerInstanceProfileArn: profileArn("workers"),
    bastionGroupName: "bastion-group-4d1c2aa",
    runnerConfigParameterName: "/fleet/dev/bastion/config.toml",
    sweepFunctionName: "sweep-function-91b0e3c",
    registryMirrorUrl: "http://registry-mirror.dev.fleet.internal:6000",
  };
  private subnetId = "";

  private constructor(
    readonly account: Account,
    private readonly emulator: string,
  ) {}

  static async make(emulator: string, sweep: string): Promise<OperatedFleet> {
    const fleet = new OperatedFleet(new Account(emulator, region), emulator);
    const { ec2, iam } = fleet.account;
    const { Vpc } = await ec2.send(new CreateVpcCommand({ CidrBlock: "10.9.0.0/16" }));
    fleet.outputs.vpcId = Vpc?.VpcId ?? "";
    const { Subnet } = await ec2.send(
      new CreateSubnetCommand({
        VpcId: fleet.outputs.vpcId,
        CidrBlock: "10.9.0.0/20",
        AvailabilityZone: `${region}b`,
      }),
    );
    fleet.subnetId = Subnet?.SubnetId ?? "";
    for (const InstanceProfileName of ["workers", "workers-of-others"]) {
      await iam.send(new CreateInstanceProfileCommand({ InstanceProfileName }));
    }
    fleet.tellPulumi(fleet.outputs, sweep);
    writeFileSync(join(fleet.folder, "pulumi"), pulumi);
    chmodSync(join(fleet.folder, "pulumi"), 0o755);
    return fleet;
  }

  /**
   * Says what the stack puts out.
   * @param sweep where Lambda is
   */
  tellPulumi(outputs: object, sweep: string): void {
    const { emulator } = this;
    const endpoints = [{ ec2: emulator, ssm: emulator, logs: emulator, lambda: sweep }];
    const config = {
      "aws:region": { value: region, secret: false },
      "aws:endpoints": { value: JSON.stringify(endpoints), secret: false },
    };
    writeFileSync(join(this.folder, "stack.json"), JSON.stringify(outputs));
    writeFileSync(join(this.folder, "config.json"), JSON.stringify(config));
  }

  /** How `npm run fleet` is started: program, arguments, and where. */
  command(args: string[], credentials = true) {
    const environment = Object.entries(process.env).filter(([name]) => !name.startsWith("AWS_"));
    return {
      program: process.execPath,
      args: ["-r", "ts-node/register", "cli/fleet.ts", ...args],
      place: {
        cwd: projectFolder,
        env: {
          ...Object.fromEntries(environment),
          PATH: [this.folder, process.env["PATH"]].join(delimiter),
          HOME: this.folder,
          AWS_EC2_METADATA_DISABLED: "true",
          ...(credentials && { AWS_ACCESS_KEY_ID: "emulator", AWS_SECRET_ACCESS_KEY: "emulator" }),
        },
      },
    };
  }

  /** Starts the fleet's bastion. Returns its id. */
  bastion(): Promise<string> {
    return this.run({ tags: { "aws:autoscaling:groupName": this.outputs.bastionGroupName } });
  }

  /** Starts what no fleet knows. Returns its id. */
  stranger(): Promise<string> {
    return this.run({ tags: {} });
  }

  /** Starts a worker, as docker-machine does. Returns its id. */
  worker(name: string, bastion: string | undefined, more: { spot?: boolean; profile?: string } = {}) {
    const { spot = false, profile = "workers" } = more;
    return this.run({
      tags: bastion === undefined ? {} : { "fleet-bastion": bastion },
      KeyName: name,
      IamInstanceProfile: { Arn: profileArn(profile) },
      ...(spot && { InstanceMarketOptions: { MarketType: "spot" } }),
    });
  }

  /** Publishes `config.toml`. */
  async publish(text: string): Promise<void> {
    await this.account.ssm.send(
      new PutParameterCommand({
        Name: this.outputs.runnerConfigParameterName,
        Value: text,
        Type: "String",
        Overwrite: true,
      }),
    );
  }

  /** Makes a log group. */
  async logGroup(logGroupName: string): Promise<void> {
    await this.account.logs.send(new CreateLogGroupCommand({ logGroupName }));
  }

  /** Logs lines with the time of each, in milliseconds. */
  async log(
    logGroupName: string,
    logStreamName: string,
    ...logEvents: { timestamp: number; message: string }[]
  ): Promise<void> {
    const stream = { logGroupName, logStreamName };
    try {
      await this.account.logs.send(new CreateLogStreamCommand(stream));
    } catch (error) {
      if (!(error instanceof Error) || error.name !== "ResourceAlreadyExistsException") throw error;
    }
    await this.account.logs.send(new PutLogEventsCommand({ ...stream, logEvents }));
  }

  /** What a machine says of itself now. */
  report(logGroup: string, id: string, report: object): Promise<void> {
    return this.log(logGroup, `${id}.report`, { timestamp: Date.now(), message: JSON.stringify(report) });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }

  private async run({
    tags,
    ...more
  }: Partial<RunInstancesCommandInput> & { tags: Record<string, string> }): Promise<string> {
    const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
    const { Instances = [] } = await this.account.ec2.send(
      new RunInstancesCommand({
        ImageId: "ami-0a24040000000a64a",
        InstanceType: "t3.small",
        MinCount: 1,
        MaxCount: 1,
        SubnetId: this.subnetId,
        ...(Tags.length > 0 && { TagSpecifications: [{ ResourceType: "instance", Tags }] }),
        ...more,
      }),
    );
    return Instances[0]?.InstanceId ?? "";
  }
}
