import { DescribeVolumesCommand } from "@aws-sdk/client-ec2";
import { Emulator } from "../tools/emulator";
import { describeWith, program } from "../tools/programs";
import { Account, type Inventory } from "./account";
import { EngineStack } from "./project";

const token = "glrt-planted-token-of-the-engine-test";

describeWith("the life of the stack dev", [program("pulumi"), program("moto_server")], () => {
  let emulator: Emulator;
  let account: Account;
  let stack: EngineStack;
  let before: Inventory;

  beforeAll(async () => {
    emulator = await Emulator.start();
    account = new Account(emulator.url, "eu-west-1");
    before = await account.inventory();
    stack = await EngineStack.init("dev", { emulator: emulator.url });
  });

  afterAll(async () => {
    stack.remove();
    await emulator.stop();
  });

  it("begins with the tokens that are missing, and makes nothing", async () => {
    const { code, stdout } = await stack.run("up", "--yes", "--skip-preview");
    expect(code).not.toBe(0);
    expect(stdout).toContain(
      "runnerTokens.default: is missing: pulumi config set --secret --path 'runnerTokens.default' <token>",
    );
    expect(await account.inventory()).toEqual(before);
    await stack.must("config", "set", "--secret", "--path", "runnerTokens.default", token);
  });

  it("comes up", async () => {
    await stack.up();
    expect((await account.inventory())["parameters"]).toEqual([
      "/gitlab-runner-fleet/dev/bastion/aws-credentials",
      "/gitlab-runner-fleet/dev/bastion/config.toml",
      "/gitlab-runner-fleet/dev/bastion/drain",
      "/gitlab-runner-fleet/dev/bastion/runner-token/default",
      "/gitlab-runner-fleet/dev/bastion/worker-user-data",
      "/gitlab-runner-fleet/dev/registry-mirror/http-secret",
      "/gitlab-runner-fleet/dev/workers/image-amd64",
    ]);
  });

  it("keeps the logs of its machines below their paths", async () => {
    expect((await account.inventory())["logGroups"]).toEqual([
      expect.stringMatching(/^\/aws\/lambda\/sweep-function-[0-9a-f]{7}$/),
      "/gitlab-runner-fleet/dev/bastion",
      "/gitlab-runner-fleet/dev/registry-mirror",
    ]);
  });

  it("has a bastion that is all that the former instance was", async () => {
    const [bastion, ...others] = await account.instancesOf(await stack.idOf("bastion-group"));
    expect(others).toEqual([]);
    expect(bastion).toMatchObject({
      InstanceId: (await stack.outputs())["bastionInstanceId"],
      InstanceType: "t2.micro",
      PublicIpAddress: expect.stringMatching(/^[\d.]+$/) as string,
      IamInstanceProfile: {
        Arn: expect.stringMatching(/:instance-profile\/bastion-profile-/) as string,
      },
      SecurityGroups: [{ GroupId: await stack.idOf("bastion-security-group") }],
      MetadataOptions: { HttpTokens: "required", HttpPutResponseHopLimit: 1, HttpEndpoint: "enabled" },
    });
    const fleetId = (await stack.state()).find(({ urn }) => urn.endsWith("::fleet"))?.outputs["hex"];
    expect(bastion?.Tags).toEqual(
      expect.arrayContaining([
        { Key: "Name", Value: "bastion" },
        { Key: "fleet-id", Value: fleetId },
      ]),
    );
    const VolumeIds = (bastion?.BlockDeviceMappings ?? []).map(({ Ebs }) => Ebs?.VolumeId ?? "");
    const { Volumes = [] } = await account.ec2.send(new DescribeVolumesCommand({ VolumeIds }));
    expect(Volumes).toMatchObject([{ Encrypted: true, Size: 10, VolumeType: "gp3" }]);
    expect(Volumes[0]?.Tags).toEqual(
      expect.arrayContaining([
        { Key: "Name", Value: "bastion" },
        { Key: "fleet-id", Value: fleetId },
      ]),
    );
  });

  it("has the outputs that other stacks rely on, and no secret among them", async () => {
    const outputs = JSON.stringify(await stack.outputs())
      .replace(/(vpc|subnet|i|sg)-[0-9a-f]{17}/g, "$1-ID")
      .replace(/-[0-9a-f]{7}"/g, '-SUFFIX"');
    expect(JSON.parse(outputs)).toEqual({
      vpcId: "vpc-ID",
      publicSubnetIds: ["subnet-ID", "subnet-ID"],
      privateSubnetIds: [],
      bastionInstanceId: "i-ID",
      bastionGroupName: "bastion-group-SUFFIX",
      bastionSecurityGroupId: "sg-ID",
      workerSecurityGroupId: "sg-ID",
      workerSecurityGroupName: "workers-security-group-SUFFIX",
      workerRoleArn: "arn:aws:iam::123456789012:role/workers-role-SUFFIX",
      workerInstanceProfileArn: "arn:aws:iam::123456789012:instance-profile/workers-profile-SUFFIX",
      cacheBucketName: "cache-bucket-SUFFIX",
      cacheBucketArn: "arn:aws:s3:::cache-bucket-SUFFIX",
      cachePolicyArn: "arn:aws:iam::123456789012:policy/cache-policy-SUFFIX",
      registryMirrorUrl: "http://registry-mirror.dev.gitlab-runner-fleet.internal:6000",
      layerCacheRegistry: "registry-mirror.dev.gitlab-runner-fleet.internal:5000",
      runnerConfigParameterName: "/gitlab-runner-fleet/dev/bastion/config.toml",
      fleetPolicyArn: "arn:aws:iam::123456789012:policy/bastion-fleet-policy-SUFFIX",
      alarmTopicArn: "arn:aws:sns:eu-west-1:123456789012:observability-topic-SUFFIX",
      dashboardName: "gitlab-runner-fleet-dev",
      sweepFunctionName: "sweep-function-SUFFIX",
    });
  });

  it("changes nothing without a change", async () => {
    await stack.must("preview", "--expect-no-changes");
  });

  it("changes nothing after a refresh, but for what the emulator forgets", async () => {
    await stack.must("refresh", "--yes", "--skip-preview");
    // It does not return the description of a rule between two groups.
    const isEmulators = (change: string) => /^update (workers-to|bastion)-[a-z-]+: description$/.test(change);
    expect((await stack.plannedChanges()).filter((change) => !isEmulators(change))).toEqual([]);
  });

  it("goes, and leaves nothing behind", async () => {
    await stack.destroy();
    expect(await account.inventory()).toEqual(before);
  });
});
