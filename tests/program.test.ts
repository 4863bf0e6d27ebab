import { readFileSync } from "fs";
import { join } from "path";
import * as pulumi from "@pulumi/pulumi";
import { parse } from "yaml";
import { asHeld } from "./helpers/stack-file";
import { programAt } from "./helpers/load";
import { readPublishedText } from "./helpers/published-text";
import { record, valueOf, type Recording } from "./helpers/record";

const planted = {
  runnerTokens: { default: "glrt-planted-default", build: "glrt-planted-build", test: "glrt-planted-test" },
  dockerHub: { username: "someone", password: "planted-docker-hub-password" },
};

/** The whole program on a committed stack file, with planted secrets. */
function run(
  stack: "dev" | "prod",
  change: Record<string, unknown> = {},
  onOutputs: (outputs: unknown) => unknown = () => undefined,
): Promise<Recording> {
  const file = parse(readFileSync(join(__dirname, "..", `Pulumi.${stack}.yaml`), "utf8")) as {
    config: Record<string, unknown>;
  };
  const { default: dev, build, test } = planted.runnerTokens;
  const runnerTokens = stack === "dev" ? { default: dev } : { build, test };
  const secrets = {
    "gitlab-runner-fleet:runnerTokens": runnerTokens,
    "gitlab-runner-fleet:dockerHub": planted.dockerHub,
  };
  const program = programAt("index");
  return record(
    () => {
      const outputs = program();
      onOutputs(outputs);
      return outputs;
    },
    asHeld({ ...file.config, ...secrets, ...change }),
    Object.keys(secrets),
  );
}

/** Where a value that is marked secret stands, and its text. */
function secretsIn(value: unknown, path: string): [path: string, text: string][] {
  if (typeof value !== "object" || value === null) return [];
  if ("4dabf18193072939515e22adb298388d" in value) return [[path, JSON.stringify(value)]];
  return Object.entries(value).flatMap(([key, item]) => secretsIn(item, `${path}.${key}`));
}

const withoutSecrets = (_: string, value: unknown): unknown =>
  typeof value === "object" && value !== null && "4dabf18193072939515e22adb298388d" in value
    ? "hidden"
    : value;

describe.each(["dev", "prod"] as const)("the program on Pulumi.%s.yaml", (stack) => {
  let made: Recording;

  beforeAll(async () => {
    made = await run(stack);
  });

  it("holds planted secrets in values of SecureStrings only, and there marked as secret", () => {
    const custom = made.resources.filter(({ custom }) => custom);
    expect(
      JSON.stringify(
        made.resources.map(({ inputs }) => inputs),
        withoutSecrets,
      ),
    ).not.toContain("planted");
    const holders = custom.flatMap(({ type, name, inputs }) =>
      secretsIn(inputs, `${type} ${name}`).filter(([, text]) => text.includes("planted")),
    );
    const runners = stack === "dev" ? ["default"] : ["build", "test"];
    expect(holders.map(([path]) => path).sort()).toEqual(
      [
        ...runners.map((runner) => `aws:ssm/parameter:Parameter bastion-runner-token-${runner}.value`),
        ...(stack === "dev" ? ["aws:ssm/parameter:Parameter cache-credentials.value"] : []),
        "aws:ssm/parameter:Parameter registry-mirror-docker-hub-password.value",
        "aws:ssm/parameter:Parameter registry-mirror-http-secret-parameter.value",
      ].sort(),
    );
  });

  it("warns of nothing", () => {
    expect(made.warnings).toEqual([]);
  });

  it("marks everything of the fleet with its id, workers included", () => {
    const untagged = made.resources.filter(
      ({ inputs }) =>
        "tags" in inputs &&
        !/"fleet-id":"0a1b2c3d"|"key":"fleet-id"[^}]*"value":"0a1b2c3d"/.test(JSON.stringify(inputs["tags"])),
    );
    expect(untagged.map(({ name }) => name)).toEqual([]);
    expect(
      String(made.resource("aws:ssm/parameter:Parameter", "bastion-config.toml").inputs["insecureValue"]),
    ).toMatch(/fleet-id,0a1b2c3d|^H4sI/);
  });
});

describe("the program", () => {
  it("puts out what other stacks rely on", async () => {
    let outputs: pulumi.Output<unknown> | undefined;
    await run("dev", {}, (made) => (outputs = pulumi.output(made)));
    if (!outputs) throw new Error("there are no outputs");
    await expect(valueOf(outputs)).resolves.toEqual({
      vpcId: "vpc-of-network",
      publicSubnetIds: ["subnet-public-1", "subnet-public-2"],
      privateSubnetIds: [],
      bastionInstanceId: "instance-of-bastion-group-physical",
      bastionGroupName: "bastion-group-physical",
      bastionSecurityGroupId: "bastion-security-group-id",
      workerSecurityGroupId: "workers-security-group-id",
      workerSecurityGroupName: "workers-security-group-physical",
      workerRoleArn: "arn:of:workers-role",
      workerInstanceProfileArn: "arn:of:workers-profile",
      cacheBucketName: "cache-bucket-physical",
      cacheBucketArn: "arn:of:cache-bucket",
      cachePolicyArn: "arn:of:cache-policy",
      registryMirrorUrl: "http://registry-mirror.test.gitlab-runner-fleet.internal:6000",
      layerCacheRegistry: "registry-mirror.test.gitlab-runner-fleet.internal:5000",
      runnerConfigParameterName: "/gitlab-runner-fleet/test/bastion/config.toml",
      fleetPolicyArn: "arn:of:bastion-fleet-policy",
      alarmTopicArn: "arn:of:observability-topic",
      dashboardName: "gitlab-runner-fleet-test",
      sweepFunctionName: "sweep-function-physical",
    });
  });

  it("lets workers use the registry mirror", async () => {
    const made = await run("dev");
    const mirror = "registry-mirror.test.gitlab-runner-fleet.internal";
    const config = String(
      made.resource("aws:ssm/parameter:Parameter", "bastion-config.toml").inputs["insecureValue"],
    );
    expect(config).toContain(`"engine-registry-mirror=http://${mirror}:6000"`);
    expect(config).toContain(`"FLEET_LAYER_CACHE=${mirror}:5000"`);
    const rules = made.ofType("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule");
    expect(
      rules.filter(({ inputs }) => inputs["securityGroupId"] === "registry-mirror-security-group-id"),
    ).toHaveLength(2);
  });

  it("can do without the registry mirror", async () => {
    const made = await run("dev", { registryMirror: { enabled: false } });
    expect(made.resources.filter(({ name }) => name.startsWith("registry-mirror"))).toEqual([]);
    const config = String(
      made.resource("aws:ssm/parameter:Parameter", "bastion-config.toml").inputs["insecureValue"],
    );
    expect(config).not.toMatch(/mirror|FLEET_|daemon\.json/);
    expect(made.warnings).toEqual([]);
  });

  it("gives the layer cache's password to the runners that may write protected refs, and to no other", async () => {
    const runners = [{ name: "default" }, { name: "release" }];
    const made = await run("dev", {
      runners,
      runnerTokens: { default: "glrt-one", release: "glrt-two" },
      registryMirror: { protectedRefWriters: ["release"] },
    });
    const parameter = (name: string) => made.resource("aws:ssm/parameter:Parameter", name).inputs;
    const [, first, second] = readPublishedText(
      String(parameter("bastion-config.toml")["insecureValue"]),
    ).split("[[runners]]");
    expect(first).not.toContain("FLEET_LAYER_CACHE_PASSWORD");
    expect(second).toContain('"FLEET_LAYER_CACHE_PASSWORD=@@layer-cache-password@@"');
    expect(parameter("bastion-layer-cache-password")).toEqual({
      ...parameter("registry-mirror-layer-cache-password-parameter"),
      name: "/gitlab-runner-fleet/test/bastion/layer-cache-password",
    });
  });

  it("can live in an existing VPC", async () => {
    const network = { vpcId: "vpc-0a1b2c3d", subnetIds: ["subnet-0a1b2c3d"], privateSubnets: true };
    const made = await run("dev", { "gitlab-runner-fleet:network": network });
    expect(made.ofType("awsx:ec2:Vpc")).toEqual([]);
    const config = String(
      made.resource("aws:ssm/parameter:Parameter", "bastion-config.toml").inputs["insecureValue"],
    );
    expect(config).toContain('"amazonec2-subnet-id=subnet-0a1b2c3d"');
    expect(config).toContain('"amazonec2-zone=c"');
    expect(config).toContain('"amazonec2-private-address-only=true"');
  });
});
