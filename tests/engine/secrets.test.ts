import { DescribeInstanceAttributeCommand } from "@aws-sdk/client-ec2";
import { paginateListPolicies } from "@aws-sdk/client-iam";
import { readdirSync, readFileSync } from "fs";
import { join } from "path";
import { gunzipSync } from "zlib";
import { cacheCredentials, runnersWithCaches, tokensWithCaches } from "../helpers/caches";
import { Emulator } from "../tools/emulator";
import { describeWith, program } from "../tools/programs";
import { Account, all } from "./account";
import { EngineStack } from "./project";

const token = "glrt-planted-token";
const password = "dckr_pat_planted-password";

describeWith("the secrets of a stack", [program("pulumi"), program("moto_server")], () => {
  let emulator: Emulator;
  let account: Account;
  let stack: EngineStack;
  /** What the commands printed, by command. */
  const printed: Record<string, string> = {};
  /** Every secret there is, the generated ones too. */
  let secrets: Record<string, string>;

  const secretsIn = (text: string) =>
    Object.keys(secrets).filter((name) => text.includes(secrets[name] ?? ""));

  beforeAll(async () => {
    emulator = await Emulator.start();
    account = new Account(emulator.url, "eu-west-1");
    stack = await EngineStack.init("dev", { emulator: emulator.url }, { default: token });
    await stack.must("config", "set", "--path", "dockerHub.username", "someone");
    await stack.must("config", "set", "--secret", "--path", "dockerHub.password", password);
    const runners = runnersWithCaches.slice(1);
    stack.configure({
      "gitlab-runner-fleet:runners": [{ name: "default" }, ...runners],
      "gitlab-runner-fleet:registryMirror": { tls: true, protectedRefWriters: ["default"] },
    });
    for (const { name } of runners) {
      await stack.setSecret(`runnerTokens["${name}"]`, tokensWithCaches[name] ?? "");
      for (const [key, value] of Object.entries(cacheCredentials[name] ?? {}))
        await stack.setSecret(`cacheCredentials["${name}"].${key}`, value);
    }
    printed["preview"] = await stack.must("preview", "--diff", "--show-config");
    printed["preview --json"] = await stack.must("preview", "--json");
    printed["up"] = await stack.up("--diff");
    printed["stack output"] = await stack.must("stack", "output", "--json");
    printed["stack export"] = await stack.must("stack", "export");
    printed["config"] = await stack.must("config", "--json");

    const values = Object.fromEntries(
      (await account.parameters("/gitlab-runner-fleet/dev")).map(({ Name, Value }) => [
        Name ?? "",
        Value ?? "",
      ]),
    );
    const [, secretKey = ""] =
      /aws_secret_access_key = (\S+)/.exec(
        values["/gitlab-runner-fleet/dev/bastion/aws-credentials"] ?? "",
      ) ?? [];
    secrets = {
      token,
      password,
      "secret access key": secretKey,
      "HTTP secret": values["/gitlab-runner-fleet/dev/registry-mirror/http-secret"] ?? "",
      "layer cache password": values["/gitlab-runner-fleet/dev/registry-mirror/layer-cache-password"] ?? "",
      "private key of the registries":
        values["/gitlab-runner-fleet/dev/registry-mirror/private-key"]?.split("\n")[1] ?? "",
      // A part that no escaping changes.
      "MinIO access key": cacheCredentials["in-minio"]?.["accessKey"] ?? "",
      "MinIO secret key": "u0041 $HOME ${HOME} `id`",
      "Google private key": cacheCredentials["in.gcs"]?.["privateKey"]?.split("\n")[1] ?? "",
      "Azure account key": cacheCredentials["in-azure"]?.["accountKey"] ?? "",
    };
  });

  afterAll(async () => {
    stack.remove();
    await emulator.stop();
  });

  it("are all known to this test", () => {
    expect(Object.values(secrets).map(({ length }) => length >= 16)).toEqual(
      Array.from({ length: 10 }, () => true),
    );
    expect(secretsIn(JSON.stringify(secrets))).toEqual(Object.keys(secrets));
  });

  it.each(["preview", "preview --json", "up", "stack output", "stack export", "config"])(
    "are not in what `pulumi %s` prints",
    (command) => {
      expect(printed[command]?.length).toBeGreaterThan(100);
      expect(secretsIn(printed[command] ?? "")).toEqual([]);
    },
  );

  it("are in no file of the state and of its backups, and not in the stack file", () => {
    const files = readdirSync(stack.folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
    expect(files.filter((file) => file.includes("/.pulumi/stacks/"))).not.toEqual([]);
    const held = files.map((file) => [file, ...secretsIn(readFileSync(file, "latin1"))]);
    expect(held.filter(({ length }) => length > 1)).toEqual([]);
  });

  it("are in no instance's user data", async () => {
    const instances = await account.instances();
    expect(instances).toHaveLength(2);
    for (const { InstanceId } of instances) {
      const { UserData } = await account.ec2.send(
        new DescribeInstanceAttributeCommand({ InstanceId, Attribute: "userData" }),
      );
      const userData = gunzipSync(Buffer.from(UserData?.Value ?? "", "base64")).toString();
      expect(userData).toContain("#cloud-config");
      expect(secretsIn(userData)).toEqual([]);
    }
  });

  it("are in no policy and in no tag", async () => {
    const policies = await all(
      paginateListPolicies({ client: account.iam }, { Scope: "Local" }),
      ({ Policies }) => Policies,
    );
    expect(policies).toHaveLength(2);
    for (const { Arn = "" } of policies) {
      expect(secretsIn(await account.policyDocument(Arn))).toEqual([]);
    }
    expect(secretsIn(JSON.stringify(await account.instances()))).toEqual([]);
  });

  it("are in SecureString parameters, one in each, and in no other parameter", async () => {
    const parameters = await account.parameters("/gitlab-runner-fleet");
    const holders = parameters
      .map(({ Name = "", Type = "", Value = "" }) => [
        Name.replace("/gitlab-runner-fleet/dev/", ""),
        Type,
        ...secretsIn(Value),
      ])
      .filter(({ length }) => length > 2);
    expect(holders.sort()).toEqual([
      ["bastion/aws-credentials", "SecureString", "secret access key"],
      ["bastion/cache-credentials/in-azure/accountKey", "SecureString", "Azure account key"],
      ["bastion/cache-credentials/in-minio/accessKey", "SecureString", "MinIO access key"],
      ["bastion/cache-credentials/in-minio/secretKey", "SecureString", "MinIO secret key"],
      ["bastion/cache-credentials/in.gcs/privateKey", "SecureString", "Google private key"],
      ["bastion/layer-cache-password", "SecureString", "layer cache password"],
      ["bastion/runner-token/default", "SecureString", "token"],
      ["registry-mirror/docker-hub-password", "SecureString", "password"],
      ["registry-mirror/http-secret", "SecureString", "HTTP secret"],
      ["registry-mirror/layer-cache-password", "SecureString", "layer cache password"],
      ["registry-mirror/private-key", "SecureString", "private key of the registries"],
    ]);
  });
});
