import { Emulator } from "../tools/emulator";
import { describeWith, program } from "../tools/programs";
import { Account } from "./account";
import { EngineStack } from "./project";

const path = "/gitlab-runner-fleet/dev/bastion";

describeWith("a change of a living stack", [program("pulumi"), program("moto_server")], () => {
  let emulator: Emulator;
  let account: Account;
  let stack: EngineStack;
  let instances: string[];

  const instanceIds = async () =>
    (await account.instances()).map(({ InstanceId }) => InstanceId ?? "").sort();
  const published = (part: string) => account.published(`${path}/${part}`);
  const set = (key: string, value: string) =>
    stack.must("config", "set", "--path", `runners[0].${key}`, value);

  beforeAll(async () => {
    emulator = await Emulator.start();
    account = new Account(emulator.url, "eu-west-1");
    stack = await EngineStack.init("dev", { emulator: emulator.url }, { default: "glrt-first" });
    await stack.up();
    instances = await instanceIds();
    expect(instances).toHaveLength(2);
  });

  afterEach(async () => {
    expect(await instanceIds()).toEqual(instances);
  });

  afterAll(async () => {
    stack.remove();
    await emulator.stop();
  });

  it.each([
    ["limit", "limit", "5", "limit = 5"],
    ["idle time", "machine.idleTime", "1200", "IdleTime = 1200"],
    ["spot price", "workers.spot.maxPrice", "0.05", '"amazonec2-spot-price=0.05"'],
    ["job environment", "environment.CI_FLEET", "dev", '"CI_FLEET=dev"'],
    ["image of jobs", "docker.image", "alpine:3.21", 'image = "alpine:3.21"'],
  ])("of a runner's %s publishes config.toml, and touches nothing else", async (_, key, value, line) => {
    expect(await published("config.toml")).not.toContain(line);
    await set(key, value);
    expect(await stack.applied()).toEqual(["update bastion-config.toml"]);
    expect(await published("config.toml")).toContain(line);
  });

  it("of the schedule publishes config.toml, and touches nothing else", async () => {
    await set("autoscaling[0].periods[0]", "* * 7-18 * * mon-fri *");
    await set("autoscaling[0].idleCount", "2");
    await set("autoscaling[0].idleTime", "1800");
    expect(await stack.applied()).toEqual(["update bastion-config.toml"]);
    expect(await published("config.toml")).toContain("[[runners.machine.autoscaling]]");
  });

  it("of the workers' instance type lets the runner manager start that type first, and no other", async () => {
    await set("workers.instanceType", "c6i.large");
    expect((await stack.applied()).sort()).toEqual([
      "update bastion-config.toml",
      "update bastion-fleet-policy",
    ]);
    expect(await published("config.toml")).toContain('"amazonec2-instance-type=c6i.large"');
  });

  it("of a token publishes the token, and config.toml stays", async () => {
    await stack.must("config", "set", "--secret", "--path", "runnerTokens.default", "glrt-second");
    expect(await stack.applied()).toEqual(["update bastion-runner-token-default"]);
    expect(await published("runner-token/default")).toBe("glrt-second");
  });

  it("to a second runner publishes its token before the config.toml that names it", async () => {
    await stack.must("config", "set", "--path", "runners[1].name", "second");
    await stack.must("config", "set", "--path", "runners[1].workers.instanceType", "c6i.large");
    await stack.must("config", "set", "--secret", "--path", "runnerTokens.second", "glrt-of-the-second");
    expect(await stack.applied()).toEqual([
      "create bastion-runner-token-second",
      "update bastion-config.toml",
    ]);
    expect(await published("config.toml")).toContain('token = "@@runner-token/second@@"');
  });

  it("back to one runner publishes config.toml before the token goes", async () => {
    await stack.must("config", "rm", "--path", "runners[1]");
    await stack.must("config", "rm", "--path", "runnerTokens.second");
    expect(await stack.applied()).toEqual([
      "update bastion-config.toml",
      "delete bastion-runner-token-second",
    ]);
    expect(await published("runner-token/second")).toBeUndefined();
  });

  it("of the cache's access key publishes the new one before the old one goes", async () => {
    expect(await stack.applied("--replace", "**cache-access-key")).toEqual([
      "create-replacement cache-access-key",
      "replace cache-access-key",
      "update cache-credentials",
      "delete-replaced cache-access-key",
    ]);
  });

  it("of the cache's expiry touches the bucket's rule only", async () => {
    await stack.must("config", "set", "--path", "cache.expirationDays", "7");
    expect(await stack.applied()).toEqual(["update cache-expiry"]);
  });

  it("of the last runner's cache to another place removes the bucket at the end, and keeps the IAM user", async () => {
    await set("cache.type", "minio");
    await set("cache.serverAddress", "minio.example.com:9000");
    await set("cache.bucketName", "runner-cache");
    for (const key of ["accessKey", "secretKey"])
      await stack.setSecret(`cacheCredentials.default.${key}`, key);
    const steps = await stack.applied();
    expect(steps.slice(0, 3).sort()).toEqual([
      "create bastion-cache-credentials-default-accessKey",
      "create bastion-cache-credentials-default-secretKey",
      "update bastion-config.toml",
    ]);
    expect(steps.slice(3).sort()).toEqual([
      "delete cache-bucket",
      "delete cache-encryption",
      "delete cache-expiry",
      "delete cache-policy",
      "delete cache-public-access",
      "delete cache-tls-only",
      "delete cache-user-policy",
    ]);
    expect(await published("config.toml")).toContain('ServerAddress = "minio.example.com:9000"');
    expect(await published("cache-credentials/default/secretKey")).toBe("secretKey");
  });
});
