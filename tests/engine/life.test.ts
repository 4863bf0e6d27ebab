import { Emulator } from "../tools/emulator";
import { describeWith, program } from "../tools/programs";
import { EngineStack } from "./project";

const token = "glrt-planted-token-of-the-engine-test";

describeWith("the stack dev on the real engine", [program("pulumi"), program("moto_server")], () => {
  let emulator: Emulator;
  let stack: EngineStack;

  beforeAll(async () => {
    emulator = await Emulator.start();
    stack = new EngineStack("dev", "dev", emulator.url);
    await stack.must("stack", "init", "dev");
  });

  afterAll(async () => {
    stack.remove();
    await emulator.stop();
  });

  const parameterNames = async () => {
    const answer = JSON.stringify(await emulator.ssm("eu-west-1", "DescribeParameters", { MaxResults: 50 }));
    return [...answer.matchAll(/"Name":"(\/gitlab-runner-fleet\/[^"]+)"/g)].map(([, name]) => name).sort();
  };

  it("says which tokens are missing, and makes nothing", async () => {
    const { code, stdout } = await stack.run("preview");
    expect(code).not.toBe(0);
    expect(stdout).toContain(
      "runnerTokens.default: is missing: pulumi config set --secret --path 'runnerTokens.default' <token>",
    );
    await stack.must("config", "set", "--secret", "--path", "runnerTokens.default", token);
  });

  it("previews everything", async () => {
    expect(await stack.must("preview")).toMatch(/\+ \d+ to create/);
  });

  it("comes up", async () => {
    await stack.must("up", "--yes", "--skip-preview");
    expect(await parameterNames()).toEqual([
      "/gitlab-runner-fleet/dev/bastion/aws-credentials",
      "/gitlab-runner-fleet/dev/bastion/config.toml",
      "/gitlab-runner-fleet/dev/bastion/runner-token/default",
      "/gitlab-runner-fleet/dev/bastion/worker-user-data",
      "/gitlab-runner-fleet/dev/registry-mirror/http-secret",
      "/gitlab-runner-fleet/dev/workers/image-amd64",
    ]);
  });

  it("has the outputs that other stacks rely on, and no secret among them", async () => {
    const outputs = (await stack.must("stack", "output", "--json"))
      .replace(/(vpc|subnet|i|sg)-[0-9a-f]{17}/g, "$1-ID")
      .replace(/-[0-9a-f]{7}"/g, '-SUFFIX"');
    expect(JSON.parse(outputs)).toEqual({
      vpcId: "vpc-ID",
      publicSubnetIds: ["subnet-ID", "subnet-ID"],
      privateSubnetIds: [],
      bastionInstanceId: "i-ID",
      bastionSecurityGroupId: "sg-ID",
      workerSecurityGroupId: "sg-ID",
      workerSecurityGroupName: "workers-security-group-SUFFIX",
      workerRoleArn: "arn:aws:iam::123456789012:role/workers-role-SUFFIX",
      cacheBucketName: "cache-bucket-SUFFIX",
      cacheBucketArn: "arn:aws:s3:::cache-bucket-SUFFIX",
      cachePolicyArn: "arn:aws:iam::123456789012:policy/cache-policy-SUFFIX",
      registryMirrorUrl: "http://registry-mirror.dev.gitlab-runner-fleet.internal:6000",
      layerCacheRegistry: "registry-mirror.dev.gitlab-runner-fleet.internal:5000",
      runnerConfigParameterName: "/gitlab-runner-fleet/dev/bastion/config.toml",
      fleetPolicyArn: "arn:aws:iam::123456789012:policy/bastion-fleet-policy-SUFFIX",
    });
  });

  it("holds no secret in clear in its state, nor in what the emulator was given but for SecureStrings", async () => {
    expect(await stack.must("stack", "export")).not.toContain(token);
    const userData = await emulator.query("eu-west-1", "ec2", "2016-11-15", { Action: "DescribeInstances" });
    expect(userData).not.toContain(token);
    const parameters = (await emulator.ssm("eu-west-1", "GetParametersByPath", {
      Path: "/gitlab-runner-fleet",
      Recursive: true,
    })) as { Parameters: { Name: string; Type: string; Value: string }[] };
    const holders = parameters.Parameters.filter(({ Value }) => Value.includes(token));
    expect(holders.map(({ Name, Type }) => [Name, Type])).toEqual([
      ["/gitlab-runner-fleet/dev/bastion/runner-token/default", "SecureString"],
    ]);
  });

  it("changes nothing without a change", async () => {
    await stack.must("preview", "--expect-no-changes");
  });

  it("publishes a new limit without touching anything else", async () => {
    await stack.must("config", "set", "--path", "runners[0].limit", "5");
    expect(await stack.plannedChanges()).toEqual(["update bastion-config.toml: insecureValue, value"]);
    await stack.must("up", "--yes", "--skip-preview");
  });

  it("rotates the access key: the new one is published before the old one goes", async () => {
    const steps = await stack.must("up", "--yes", "--skip-preview", "--replace", "**cache-access-key");
    const order = [
      "cache-access-key created replacement",
      "cache-credentials updated",
      "cache-access-key deleted original",
    ].map((step) => steps.indexOf(step));
    expect(order).toEqual([...order].sort((a, b) => a - b));
    expect(order).not.toContain(-1);
  });

  it("changes nothing after a refresh, but for what the emulator forgets", async () => {
    await stack.must("refresh", "--yes", "--skip-preview");
    // It does not return the description of a rule between two groups.
    const isEmulators = (change: string) => /^update (workers-to|bastion)-[a-z-]+: description$/.test(change);
    expect((await stack.plannedChanges()).filter((change) => !isEmulators(change))).toEqual([]);
  });

  it("goes, and leaves nothing behind", async () => {
    await stack.must("destroy", "--yes", "--skip-preview");
    expect(await parameterNames()).toEqual([]);
    const instances = await emulator.query("eu-west-1", "ec2", "2016-11-15", {
      Action: "DescribeInstances",
      "Filter.1.Name": "instance-state-name",
      "Filter.1.Value.1": "running",
      "Filter.1.Value.2": "stopped",
    });
    expect(instances).not.toContain("<instanceId>");
    for (const [action, sign] of [
      ["DescribeVolumes", "<volumeId>"],
      ["DescribeVpcEndpoints", "<state>available</state>"],
    ] as const) {
      expect(await emulator.query("eu-west-1", "ec2", "2016-11-15", { Action: action })).not.toContain(sign);
    }
    for (const [action, sign] of [
      ["ListUsers", "<UserName>"],
      ["ListInstanceProfiles", "<InstanceProfileName>"],
    ] as const) {
      expect(await emulator.query("us-east-1", "iam", "2010-05-08", { Action: action })).not.toContain(sign);
    }
  });
});
