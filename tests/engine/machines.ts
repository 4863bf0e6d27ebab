import { CreateLogStreamCommand, PutLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { CreateKeyPairCommand, DescribeImagesCommand, RunInstancesCommand } from "@aws-sdk/client-ec2";
import type { Account } from "./account";

/** A machine as docker-machine makes it: a key pair, and an instance that uses it. */
export interface MachineArgs {
  /** Name of the machine and of its key pair. */
  name: string;
  /** Instance profile. */
  profile: string;
  subnetId: string;
  tags: Record<string, string>;
}

/** Makes what docker-machine makes. Returns the instance's id. */
export async function makeMachine(account: Account, args: MachineArgs): Promise<string> {
  await account.ec2.send(new CreateKeyPairCommand({ KeyName: args.name }));
  const { Images: [image] = [] } = await account.ec2.send(
    new DescribeImagesCommand({ Owners: ["099720109477"] }),
  );
  const { Instances: [instance] = [] } = await account.ec2.send(
    new RunInstancesCommand({
      ImageId: image?.ImageId,
      InstanceType: "t3.medium",
      MinCount: 1,
      MaxCount: 1,
      KeyName: args.name,
      NetworkInterfaces: [{ DeviceIndex: 0, SubnetId: args.subnetId }],
      IamInstanceProfile: { Name: args.profile },
      TagSpecifications: [
        {
          ResourceType: "instance",
          Tags: Object.entries({ Name: args.name, ...args.tags }).map(([Key, Value]) => ({ Key, Value })),
        },
      ],
    }),
  );
  if (instance?.InstanceId === undefined) throw new Error(`${args.name} was not made`);
  return instance.InstanceId;
}

/** Reports in a bastion's name. */
export async function report(
  account: Account,
  logGroupName: string,
  bastion: string,
  { at, state = "running", machines = [] }: { at: Date; state?: string; machines?: string[] },
): Promise<void> {
  const stream = { logGroupName, logStreamName: `${bastion}.report` };
  await account.logs.send(new CreateLogStreamCommand(stream)).catch((error: unknown) => {
    if (!(error instanceof Error) || error.name !== "ResourceAlreadyExistsException") throw error;
  });
  const message = JSON.stringify({
    state,
    configuration: "ok",
    machines: machines.map((name) => ({ name, job: null })),
  });
  await account.logs.send(
    new PutLogEventsCommand({ ...stream, logEvents: [{ timestamp: at.getTime(), message }] }),
  );
}
