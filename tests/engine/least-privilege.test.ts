import {
  AuthorizeSecurityGroupIngressCommand,
  CreateLaunchTemplateCommand,
  CreateSecurityGroupCommand,
  DescribeInstancesCommand,
  EC2Client,
} from "@aws-sdk/client-ec2";
import {
  AttachUserPolicyCommand,
  CreateAccessKeyCommand,
  CreateUserCommand,
  DeleteUserPolicyCommand,
  GetInstanceProfileCommand,
  GetUserCommand,
  IAMClient,
  PutUserPolicyCommand,
} from "@aws-sdk/client-iam";
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteBucketPolicyCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutBucketPolicyCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { GetParameterCommand, GetParametersByPathCommand, SSMClient } from "@aws-sdk/client-ssm";
import { AssumeRoleCommand, STSClient } from "@aws-sdk/client-sts";
import { parse as parseToml } from "smol-toml";
import { z } from "zod";
import { committedSettings } from "../../cli/local/workspace";
import { policyJson } from "../../components/iam";
import { Emulator } from "../tools/emulator";
import { describeWith, program } from "../tools/programs";
import { Account } from "./account";
import { DockerMachine, type ApiCall } from "./docker-machine";
import { AttachedPolicies, type AccessRequest } from "./policy-simulator";
import { EngineStack } from "./project";
import { accessRequests, type CallScope } from "./worker-calls";

const region = "eu-west-1";
const accountId = "123456789012";
const parameterPath = "/gitlab-runner-fleet/dev";
const iam = (resource: string) => `arn:aws:iam::${accountId}:${resource}`;
const ec2 = (resource: string) => `arn:aws:ec2:${region}:${accountId}:${resource}`;
const ssm = (path: string) => `arn:aws:ssm:${region}:${accountId}:parameter${path}`;
const administrator = "arn:aws:iam::aws:policy/AdministratorAccess";

const runnerConfig = z.object({
  runners: z
    .object({
      name: z.string(),
      machine: z.object({ MachineName: z.string(), MachineOptions: z.string().array() }),
    })
    .array(),
});
const runnerSettings = z.looseObject({ workers: z.looseObject({}) }).array();

/** The committed runner, which asks for spot machines, and one like it that asks for machines on demand. */
function bothKinds(): Record<string, unknown>[] {
  const [spot] = runnerSettings.parse(committedSettings("dev")["gitlab-runner-fleet:runners"]);
  if (spot === undefined) throw new Error("dev has no runner");
  return [
    { ...spot, name: "spot" },
    { ...spot, name: "on-demand", workers: { ...spot.workers, spot: undefined, instanceType: "c6i.large" } },
  ];
}

/** The clients of somebody who has a key. */
function clientsOf(endpoint: string, credentials: Credentials) {
  const client = { endpoint, region, credentials, maxAttempts: 1 };
  return {
    ec2: new EC2Client(client),
    iam: new IAMClient(client),
    s3: new S3Client({ ...client, forcePathStyle: true }),
    ssm: new SSMClient(client),
  };
}
type Clients = ReturnType<typeof clientsOf>;
interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

const programs = [program("pulumi"), program("moto_server"), program("docker-machine")];

describeWith("least privilege on the stack dev", programs, () => {
  let emulator: Emulator;
  let account: Account;
  let stack: EngineStack;
  let fleet: Clients;
  let bastion: Clients;
  let fleetPolicies: AttachedPolicies;
  let rolePolicies: Record<"bastion" | "registry-mirror" | "workers", AttachedPolicies>;
  let scope: CallScope;
  let bucket: string;
  let userName: string;
  const calls: Record<string, { create: ApiCall[]; remove: ApiCall[] }> = {};

  beforeAll(async () => {
    emulator = await Emulator.start();
    account = new Account(emulator.url, region);
    stack = await EngineStack.init(
      "dev",
      { emulator: emulator.url },
      { spot: "glrt-1", "on-demand": "glrt-2" },
    );
    stack.configure({ "gitlab-runner-fleet:runners": bothKinds() });
    await stack.up();

    const textOf = async (part: string) =>
      (await account.published(`${parameterPath}/bastion/${part}`)) ?? "";
    const credentials = await textOf("aws-credentials");
    fleet = clientsOf(emulator.url, credentialsIn(credentials));
    const user = await fleet.iam.send(new GetUserCommand({}));
    userName = user.User?.UserName ?? "";
    fleetPolicies = await AttachedPolicies.ofUser(account, user.User?.Arn ?? "");
    const state = await stack.state();
    const outputOf = (name: string, output: string) =>
      String(state.find(({ urn }) => urn.endsWith(`::${name}`))?.outputs[output]);
    const roleArn = (name: string) => outputOf(`${name}-role`, "arn");
    rolePolicies = {
      bastion: await AttachedPolicies.ofRole(account, roleArn("bastion")),
      "registry-mirror": await AttachedPolicies.ofRole(account, roleArn("registry-mirror")),
      workers: await AttachedPolicies.ofRole(account, roleArn("workers")),
    };
    bastion = clientsOf(emulator.url, await assume(roleArn("bastion")));
    bucket = outputOf("cache-bucket", "bucket");

    const { runners } = runnerConfig.parse(parseToml(await textOf("config.toml")));
    const dockerMachine = await DockerMachine.start(emulator.url, {
      credentials,
      workerUserData: await textOf("worker-user-data"),
    });
    scope = { region, accountId, roleArns: await rolesInProfiles(), profileArns: {} };
    try {
      await asTheEmulatorReadsThem(async () => {
        for (const { name, machine } of runners) {
          const machineName = `runner-abcdefghi-${machine.MachineName.replace("%s", "1790000000-0123abcd")}`;
          const create = await dockerMachine.create(machineName, machine.MachineOptions);
          await emulator.enforceAccess(false);
          for (const { InstanceId = "", IamInstanceProfile } of await account.instances()) {
            scope.profileArns[InstanceId] = IamInstanceProfile?.Arn ?? "";
          }
          await emulator.enforceAccess(true);
          calls[name] = { create, remove: await dockerMachine.remove(machineName) };
        }
      });
    } finally {
      await dockerMachine.close();
    }
  });

  afterAll(async () => {
    stack.remove();
    await emulator.stop();
  });

  const assume = async (RoleArn: string): Promise<Credentials> => {
    const credentials = { accessKeyId: "emulator", secretAccessKey: "emulator" };
    const sts = new STSClient({ endpoint: emulator.url, region, credentials });
    const assumed = await sts.send(new AssumeRoleCommand({ RoleArn, RoleSessionName: "test" }));
    const { AccessKeyId = "", SecretAccessKey = "", SessionToken = "" } = assumed.Credentials ?? {};
    return { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken: SessionToken };
  };

  const rolesInProfiles = async () => {
    const { instanceProfiles = [] } = await account.inventory();
    const found = await Promise.all(
      instanceProfiles.map(async (InstanceProfileName) => {
        const answer = await account.iam.send(new GetInstanceProfileCommand({ InstanceProfileName }));
        return [InstanceProfileName, answer.InstanceProfile?.Roles?.[0]?.Arn ?? ""] as const;
      }),
    );
    return { ...Object.fromEntries(found), foreign: iam("role/foreign") };
  };

  /** The emulator's access control knows no resource of EC2 but `*`: it gets the same actions on that. */
  const asTheEmulatorReadsThem = async (work: () => Promise<void>) => {
    const policy = { UserName: userName, PolicyName: "as-the-emulator-reads-them" };
    const Action = fleetPolicies.permissions
      .map(({ action }) => action)
      .filter((action) => action.startsWith("ec2:"));
    const PolicyDocument = policyJson({ Sid: "Actions", Effect: "Allow", Action, Resource: "*" });
    await account.iam.send(new PutUserPolicyCommand({ ...policy, PolicyDocument }));
    await emulator.enforceAccess(true);
    try {
      await work();
    } finally {
      await emulator.enforceAccess(false);
      await account.iam.send(new DeleteUserPolicyCommand(policy));
    }
  };

  const callsOf = (kind: string) => calls[kind] ?? { create: [], remove: [] };
  const allCalls = () => Object.values(calls).flatMap(({ create, remove }) => [...create, ...remove]);
  const cacheRequests = (): AccessRequest[] => [
    { action: "s3:PutObject", resource: `arn:aws:s3:::${bucket}/runner/project/1/cache` },
    { action: "s3:GetObject", resource: `arn:aws:s3:::${bucket}/runner/project/1/cache` },
    { action: "s3:ListBucket", resource: `arn:aws:s3:::${bucket}` },
  ];
  const allRequests = () => [
    ...allCalls().flatMap((call) => accessRequests(call, scope)),
    ...cacheRequests(),
  ];
  const deniedOf = async (requests: AccessRequest[]) => {
    const decided = await Promise.all(
      requests.map(async (request) => ({ request, by: await fleetPolicies.decide(request) })),
    );
    return decided.filter(({ by }) => by.length === 0).map(({ request }) => request);
  };

  describe("docker-machine, with the fleet's key and the options in config.toml", () => {
    const remove = [
      "ec2:DescribeInstances",
      "ec2:StopInstances",
      "ec2:TerminateInstances",
      "ec2:DeleteKeyPair",
    ];

    it.each([
      ["on-demand", ["ec2:RunInstances", "ec2:DescribeInstances"]],
      ["spot", ["ec2:RunInstances", "ec2:CreateTags", "ec2:DescribeInstances"]],
    ])("makes these calls for the runner %s", (kind, launch) => {
      const actions = (made: ApiCall[]) => [...new Set(made.map(({ action }) => action))];
      expect(actions(callsOf(kind).create)).toEqual([
        "ec2:DescribeSubnets",
        "ec2:DescribeKeyPairs",
        "ec2:ImportKeyPair",
        "ec2:DescribeSecurityGroups",
        ...launch,
      ]);
      expect(actions(callsOf(kind).remove)).toEqual(remove);
    });

    it("is refused nothing by the emulator, which checks its signatures and actions", () => {
      const failed = allCalls().filter(({ status }) => status !== 200);
      // There is no such key pair yet.
      expect([...new Set(failed.map(({ action, status }) => `${action} ${status}`))]).toEqual([
        "ec2:DescribeKeyPairs 400",
      ]);
    });

    it("is allowed each call by the policies as attached, with its real parameters", async () => {
      const requests = allCalls().flatMap((call) => accessRequests(call, scope));
      expect(requests.length).toBeGreaterThan(allCalls().length);
      expect(await deniedOf(requests)).toEqual([]);
    });
  });

  describe("the policies as attached", () => {
    it("allow nothing without need", async () => {
      const allowed = await Promise.all(
        allRequests().map(async (request) => ({ ...request, by: await fleetPolicies.decide(request) })),
      );
      const unused = fleetPolicies.permissions.filter(
        ({ sid, action, resource }) =>
          !allowed.some(
            (request) => request.by.includes(sid) && request.action === action && matches(resource, request),
          ),
      );
      expect(unused).toEqual([
        {
          // By the first spot request of an account.
          sid: "FirstSpotRequest",
          action: "iam:CreateServiceLinkedRole",
          resource: iam("role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot"),
        },
      ]);
    });

    it("let a worker do nothing", () => {
      expect(rolePolicies.workers.statements).toEqual([]);
    });
  });

  describe("enforced by the emulator", () => {
    const object = { Key: "runner/project/1/cache" };
    const foreign = { Bucket: "foreign", Key: "object" };
    const ownPath = { Path: `${parameterPath}/bastion` };

    beforeAll(async () => {
      // The emulator reads the bucket's policy, which demands TLS, without the condition: nobody may do anything.
      await account.s3.send(new DeleteBucketPolicyCommand({ Bucket: bucket }));
      const CreateBucketConfiguration = { LocationConstraint: region } as const;
      await account.s3.send(new CreateBucketCommand({ Bucket: foreign.Bucket, CreateBucketConfiguration }));
      await account.s3.send(new PutObjectCommand({ ...foreign, Body: "foreign" }));
      await emulator.enforceAccess(true);
    });

    afterAll(() => emulator.enforceAccess(false));

    it("the fleet's key stores, finds and loads an object of the cache", async () => {
      await fleet.s3.send(new PutObjectCommand({ Bucket: bucket, ...object, Body: "layers" }));
      const { ContentLength } = await fleet.s3.send(new HeadObjectCommand({ Bucket: bucket, ...object }));
      expect(ContentLength).toBe(6);
      const { Body } = await fleet.s3.send(new GetObjectCommand({ Bucket: bucket, ...object }));
      expect(await Body?.transformToString()).toBe("layers");
    });

    it("a cache miss is a miss, and no refusal", async () => {
      const missing = { Bucket: bucket, Key: "runner/project/1/missing" };
      await expect(fleet.s3.send(new GetObjectCommand(missing))).rejects.toMatchObject({ name: "NoSuchKey" });
      // AWS says 404 only to those who may list the bucket.
      const { KeyCount } = await fleet.s3.send(new ListObjectsV2Command({ Bucket: bucket }));
      expect(KeyCount).toBe(1);
    });

    it("the bastion's role reads the bastion's own parameters", async () => {
      const { Parameters = [] } = await bastion.ssm.send(new GetParametersByPathCommand(ownPath));
      expect(Parameters.length).toBeGreaterThan(0);
    });

    it.each<[string, (clients: Clients) => Promise<unknown>]>([
      ["delete the bucket", ({ s3 }) => s3.send(new DeleteBucketCommand({ Bucket: bucket }))],
      [
        "change the bucket's policy",
        ({ s3 }) => s3.send(new PutBucketPolicyCommand({ Bucket: bucket, Policy: "{}" })),
      ],
      [
        "delete an object of the cache",
        ({ s3 }) => s3.send(new DeleteObjectCommand({ Bucket: bucket, ...object })),
      ],
      ["list another bucket", ({ s3 }) => s3.send(new ListObjectsV2Command({ Bucket: foreign.Bucket }))],
      ["read another bucket's object", ({ s3 }) => s3.send(new GetObjectCommand(foreign))],
      ["write to another bucket", ({ s3 }) => s3.send(new PutObjectCommand({ ...foreign, Body: "x" }))],
      ["delete another bucket's object", ({ s3 }) => s3.send(new DeleteObjectCommand(foreign))],
      ["see which buckets there are", ({ s3 }) => s3.send(new ListBucketsCommand())],
      ["make a user", ({ iam }) => iam.send(new CreateUserCommand({ UserName: "another" }))],
      ["make a key of its own user", ({ iam }) => iam.send(new CreateAccessKeyCommand())],
      [
        "attach a policy to its own user",
        ({ iam }) => iam.send(new AttachUserPolicyCommand({ UserName: userName, PolicyArn: administrator })),
      ],
      [
        "write a policy for its own user",
        ({ iam }) =>
          iam.send(new PutUserPolicyCommand({ UserName: userName, PolicyName: "all", PolicyDocument: "{}" })),
      ],
      [
        "make a launch template",
        ({ ec2 }) =>
          ec2.send(new CreateLaunchTemplateCommand({ LaunchTemplateName: "any", LaunchTemplateData: {} })),
      ],
      [
        "make a security group",
        ({ ec2 }) => ec2.send(new CreateSecurityGroupCommand({ GroupName: "any", Description: "any" })),
      ],
      [
        "open a port",
        ({ ec2 }) =>
          ec2.send(new AuthorizeSecurityGroupIngressCommand({ GroupName: "default", IpProtocol: "-1" })),
      ],
      ["read the bastion's parameters", ({ ssm }) => ssm.send(new GetParametersByPathCommand(ownPath))],
      [
        "read a runner's token",
        ({ ssm }) =>
          ssm.send(new GetParameterCommand({ Name: `${parameterPath}/bastion/runner-token/spot` })),
      ],
    ])("the fleet's key may not %s", async (_, call) => {
      expect(await answerTo(call(fleet))).toBe("AccessDenied");
    });

    it.each<[string, (clients: Clients) => Promise<unknown>]>([
      ["another stack's bastion", ({ ssm }) => ssm.send(pathOf("/gitlab-runner-fleet/prod/bastion"))],
      ["the registry mirror", ({ ssm }) => ssm.send(pathOf(`${parameterPath}/registry-mirror`))],
      ["all stacks", ({ ssm }) => ssm.send(pathOf("/gitlab-runner-fleet"))],
    ])("the bastion's role may not read the parameters of %s", async (_, call) => {
      expect(await answerTo(call(bastion))).toBe("AccessDenied");
    });

    it("the bastion's role may not do the fleet's work, which has a key of its own", async () => {
      expect(await answerTo(bastion.ec2.send(new DescribeInstancesCommand()))).toBe("AccessDenied");
      const cached = bastion.s3.send(new GetObjectCommand({ Bucket: bucket, ...object }));
      expect(await answerTo(cached)).toBe("AccessDenied");
    });
  });

  describe("evaluated from the policies as attached", () => {
    type Parameters = Record<string, string | undefined>;
    const instanceOf = "ec2:RunInstances instance/new";
    const onForeignInstance = (action: string): AccessRequest => ({
      action,
      resource: ec2("instance/i-1"),
      context: { "ec2:InstanceProfile": iam("instance-profile/foreign") },
    });
    const onWorker = (action: string): AccessRequest => {
      const [[id, profile] = ["", ""]] = Object.entries(scope.profileArns).slice(-1);
      return { action, resource: ec2(`instance/${id}`), context: { "ec2:InstanceProfile": profile } };
    };
    const foreignKeyPair = "runner-abcdefghi-00000000-worker-1790000000-0123abcd";
    const onKeyPair = (action: string, name = "admin"): AccessRequest => ({
      action,
      resource: ec2(`key-pair/${name}`),
    });

    it.each<[string, Parameters, string[]]>([
      ["of another type", { InstanceType: "p5.48xlarge" }, [instanceOf]],
      ["without IMDSv2", { "MetadataOptions.HttpTokens": "optional" }, [instanceOf]],
      [
        "that leaves IMDS to the account's default",
        { "MetadataOptions.HttpTokens": undefined },
        [instanceOf],
      ],
      ["without a profile", { "IamInstanceProfile.Name": undefined }, [instanceOf]],
      [
        "with another profile",
        { "IamInstanceProfile.Name": "foreign" },
        [instanceOf, "iam:PassRole role/foreign"],
      ],
      [
        "with an unencrypted volume",
        { "BlockDeviceMapping.1.Ebs.Encrypted": undefined },
        ["ec2:RunInstances volume/new"],
      ],
      [
        "with a further volume, unencrypted",
        { "BlockDeviceMapping.2.DeviceName": "/dev/sdb", "BlockDeviceMapping.2.Ebs.Encrypted": "false" },
        ["ec2:RunInstances volume/new"],
      ],
      [
        "with somebody's snapshot",
        { "BlockDeviceMapping.1.Ebs.SnapshotId": "snap-1" },
        ["ec2:RunInstances snapshot/snap-1"],
      ],
      ["from another image", { ImageId: "ami-1" }, ["ec2:RunInstances image/ami-1"]],
      [
        "in another subnet",
        { "NetworkInterface.1.SubnetId": "subnet-1" },
        ["ec2:RunInstances subnet/subnet-1"],
      ],
      [
        "in another security group",
        { "NetworkInterface.1.SecurityGroupId.1": "sg-1" },
        ["ec2:RunInstances security-group/sg-1"],
      ],
      [
        "in a further security group",
        { "NetworkInterface.1.SecurityGroupId.2": "sg-1" },
        ["ec2:RunInstances security-group/sg-1"],
      ],
      ["with another key pair", { KeyName: "admin" }, ["ec2:RunInstances key-pair/admin"]],
      [
        "with a key pair of another fleet",
        { KeyName: foreignKeyPair },
        [`ec2:RunInstances key-pair/${foreignKeyPair}`],
      ],
      [
        "from a launch template",
        { "LaunchTemplate.LaunchTemplateId": "lt-1" },
        ["ec2:RunInstances launch-template/lt-1"],
      ],
    ])("the fleet's key may not launch an instance %s", async (_, change, denied) => {
      for (const kind of ["spot", "on-demand"]) {
        const launch = callsOf(kind).create.find(({ action }) => action === "ec2:RunInstances");
        const changed = Object.entries({ ...launch?.parameters, ...change }).filter(
          (parameter): parameter is [string, string] => parameter[1] !== undefined,
        );
        const call = { action: "ec2:RunInstances", status: 200, parameters: Object.fromEntries(changed) };
        const found = await deniedOf(accessRequests(call, scope));
        expect(found.map(({ action, resource }) => `${action} ${resource.split(":").at(-1) ?? ""}`)).toEqual(
          denied,
        );
      }
    });

    it.each<[string, () => AccessRequest]>([
      ["terminate a foreign instance", () => onForeignInstance("ec2:TerminateInstances")],
      ["stop a foreign instance", () => onForeignInstance("ec2:StopInstances")],
      ["tag a foreign instance", () => onForeignInstance("ec2:CreateTags")],
      [
        "terminate an instance without a profile",
        () => ({ action: "ec2:TerminateInstances", resource: ec2("instance/i-1") }),
      ],
      ["start a worker again", () => onWorker("ec2:StartInstances")],
      ["change a worker's attributes", () => onWorker("ec2:ModifyInstanceAttribute")],
      ["give a worker another profile", () => onWorker("ec2:AssociateIamInstanceProfile")],
      ["remove a worker's tags", () => onWorker("ec2:DeleteTags")],
      ["tag a volume that exists", () => ({ action: "ec2:CreateTags", resource: ec2("volume/vol-1") })],
      [
        "tag what another call makes",
        () => ({
          action: "ec2:CreateTags",
          resource: ec2("volume/vol-1"),
          context: { "ec2:CreateAction": "CreateVolume" },
        }),
      ],
      [
        "pass another role to EC2",
        () => ({
          action: "iam:PassRole",
          resource: iam("role/foreign"),
          context: { "iam:PassedToService": "ec2.amazonaws.com" },
        }),
      ],
      [
        "pass the workers' role to another service",
        () => ({
          action: "iam:PassRole",
          resource: rolePolicies.workers.principal,
          context: { "iam:PassedToService": "lambda.amazonaws.com" },
        }),
      ],
      [
        "make another service's role",
        () => ({
          action: "iam:CreateServiceLinkedRole",
          resource: iam("role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"),
          context: { "iam:AWSServiceName": "ecs.amazonaws.com" },
        }),
      ],
      ["import a key pair that is no machine's", () => onKeyPair("ec2:ImportKeyPair")],
      ["delete a key pair that is no machine's", () => onKeyPair("ec2:DeleteKeyPair")],
      ["import a key pair of another fleet", () => onKeyPair("ec2:ImportKeyPair", foreignKeyPair)],
      ["delete a key pair of another fleet", () => onKeyPair("ec2:DeleteKeyPair", foreignKeyPair)],
    ])("the fleet's key may not %s", async (_, request) => {
      expect(await fleetPolicies.decide(request())).toEqual([]);
    });

    it.each<["bastion" | "registry-mirror", string, string[]]>([
      ["bastion", "bastion", ["WriteOwnLogs"]],
      ["bastion", "registry-mirror", []],
      ["bastion", "bastion2", []],
      ["registry-mirror", "registry-mirror", ["WriteOwnLogs"]],
      ["registry-mirror", "bastion", []],
    ])("the %s's role writes to the log of %s: %j", async (role, name, by) => {
      const group = `arn:aws:logs:${region}:${accountId}:log-group:${parameterPath}/${name}`;
      for (const action of ["logs:CreateLogStream", "logs:PutLogEvents"]) {
        const request = { action, resource: `${group}:log-stream:i-1` };
        expect(await rolePolicies[role].decide(request)).toEqual(by);
      }
    });

    it.each([
      ["GitLabRunnerFleet", ["ReportMetrics"]],
      ["AWS/EC2", []],
    ])("machines report metrics of the namespace %s: %j", async (namespace, by) => {
      const context = { "cloudwatch:namespace": namespace };
      // Metrics are in no resource but a dataset.
      const resource = `arn:aws:cloudwatch:${region}:${accountId}:dataset/default`;
      const request = { action: "cloudwatch:PutMetricData", resource, context };
      expect(await rolePolicies.bastion.decide(request)).toEqual(by);
      expect(await rolePolicies["registry-mirror"].decide(request)).toEqual(by);
    });

    it.each<["bastion" | "registry-mirror", string, string[]]>([
      ["bastion", `${parameterPath}/bastion`, ["ReadOwnParameters"]],
      ["bastion", "/gitlab-runner-fleet/dev2/bastion", []],
      ["bastion", `${parameterPath}/registry-mirror`, []],
      ["bastion", "/gitlab-runner-fleet", []],
      ["registry-mirror", `${parameterPath}/registry-mirror`, ["ReadOwnParameters"]],
      ["registry-mirror", `${parameterPath}/bastion`, []],
      ["registry-mirror", "/gitlab-runner-fleet/dev2/registry-mirror", []],
    ])("the role %s reads the parameters below %s by %j", async (role, path, by) => {
      const request = { action: "ssm:GetParametersByPath", resource: ssm(path) };
      expect(await rolePolicies[role].decide(request)).toEqual(by);
    });
  });
});

/** The error's code, or that there was none. */
async function answerTo(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return "allowed";
  } catch (error) {
    const { name, $metadata } = refusal.parse(error);
    // The emulator refuses a call of SSM's in XML, which its client cannot read.
    return name === "SyntaxError" && $metadata.httpStatusCode === 403 ? "AccessDenied" : name;
  }
}
const refusal = z.object({ name: z.string(), $metadata: z.object({ httpStatusCode: z.number() }) });

function pathOf(Path: string): GetParametersByPathCommand {
  return new GetParametersByPathCommand({ Path });
}

/** Whether a resource of a policy is the one of a request. */
function matches(pattern: string, { resource }: AccessRequest): boolean {
  const parts = pattern.split("*").map((part) => part.replace(/[.\\^$+?()[\]{}|/-]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`).test(resource);
}

function credentialsIn(file: string): Credentials {
  const valueOf = (key: string) => new RegExp(`^${key} = (.+)$`, "m").exec(file)?.[1] ?? "";
  return { accessKeyId: valueOf("aws_access_key_id"), secretAccessKey: valueOf("aws_secret_access_key") };
}
