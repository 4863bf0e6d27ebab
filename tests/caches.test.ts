import * as pulumi from "@pulumi/pulumi";
import { parse } from "smol-toml";
import { configToml } from "../components/config-toml";
import { cacheCredentials, runnersWithCaches, secretParts, tokensWithCaches } from "./helpers/caches";
import { programAt } from "./helpers/load";
import { record, valueOf, type Recording } from "./helpers/record";
import { asHeld, secretTables, understood } from "./helpers/stack-file";

const parameter = "aws:ssm/parameter:Parameter";

const stackFile = {
  "aws:region": "eu-west-1",
  runners: runnersWithCaches,
  runnerTokens: tokensWithCaches,
  cacheCredentials,
};

/** The same without the runner whose cache is the fleet's own bucket. */
const elsewhere = {
  ...stackFile,
  runners: runnersWithCaches.slice(1),
  runnerTokens: Object.fromEntries(Object.entries(tokensWithCaches).slice(1)),
};

/** The whole program, which takes seconds. */
async function run(config: Record<string, unknown>): Promise<{ made: Recording; outputs: unknown }> {
  const program = programAt("index");
  let outputs: Promise<unknown> = Promise.resolve();
  const made = await record(
    () => {
      outputs = valueOf(pulumi.output(program()));
    },
    asHeld(config),
    secretTables,
  );
  return { made, outputs: await outputs };
}

describe("a runner's cache", () => {
  const { config } = understood(stackFile);
  const facts = { machineOptions: [] };
  const sections = () => {
    const { runners } = parse(configToml(config, { ...facts, cacheBucketName: "the-bucket" }));
    return (Array.isArray(runners) ? runners : []).map((runner): unknown =>
      Reflect.get(Object(runner), "cache"),
    );
  };

  it("is the fleet's own bucket, unless it says otherwise", () => {
    expect(sections()[0]).toEqual({
      Type: "s3",
      Shared: true,
      s3: {
        BucketName: "the-bucket",
        BucketLocation: "eu-west-1",
        AuthenticationType: "iam",
        DualStack: false,
      },
    });
  });

  it("may be a bucket of another server that speaks S3", () => {
    expect(sections()[1]).toEqual({
      Type: "s3",
      Path: "ci",
      Shared: false,
      s3: {
        ServerAddress: "minio.example.com:9000",
        BucketName: "runner-cache",
        BucketLocation: "us-east-1",
        Insecure: false,
        AuthenticationType: "access-key",
        AccessKey: "@@cache-credentials/in-minio/accessKey@@",
        SecretKey: "@@cache-credentials/in-minio/secretKey@@",
      },
    });
  });

  it("may be a bucket in Google Cloud Storage", () => {
    expect(sections()[2]).toEqual({
      Type: "gcs",
      Shared: false,
      gcs: {
        BucketName: "runner-cache",
        AccessID: "cache@project.iam.gserviceaccount.com",
        PrivateKey: "@@cache-credentials/in.gcs/privateKey@@",
      },
    });
  });

  it("may be a container in Azure Blob Storage", () => {
    expect(sections()[3]).toEqual({
      Type: "azure",
      Shared: false,
      azure: {
        AccountName: "runnercache",
        AccountKey: "@@cache-credentials/in-azure/accountKey@@",
        ContainerName: "runner-cache",
        StorageDomain: "blob.core.chinacloudapi.cn",
      },
    });
  });

  it("takes further keys in every kind", () => {
    const { config } = understood({
      ...elsewhere,
      runners: elsewhere.runners.map((runner) => ({
        ...runner,
        cache: {
          ...runner.cache,
          extra: { MaxUploadedArchiveSize: 1000, s3: { PathStyle: true } },
        },
      })),
    });
    const { runners } = parse(configToml(config, { ...facts, cacheBucketName: undefined }));
    expect(runners).toMatchObject(
      elsewhere.runners.map(() => ({ cache: { MaxUploadedArchiveSize: 1000, s3: { PathStyle: true } } })),
    );
  });
});

describe("the secrets of caches", () => {
  let made: Recording;

  beforeAll(async () => {
    ({ made } = await run(stackFile));
  }, 30_000);

  it("stand in a SecureString each, marked as secret, and nowhere else", () => {
    const holders = made.resources
      .filter(({ inputs }) => secretParts.some((part) => JSON.stringify(inputs).includes(part)))
      .map(({ type, inputs }) => [type, inputs["name"], inputs["type"]]);
    const names = [
      "aws-credentials",
      "cache-credentials/in-azure/accountKey",
      "cache-credentials/in-minio/accessKey",
      "cache-credentials/in-minio/secretKey",
      "cache-credentials/in.gcs/privateKey",
      ...Object.keys(tokensWithCaches).map((runner) => `runner-token/${runner}`),
    ].map((name) => `/gitlab-runner-fleet/test/bastion/${name}`);
    const mirror = "/gitlab-runner-fleet/test/registry-mirror/http-secret";
    expect(holders.sort()).toEqual(
      [...names, mirror].map((name) => [parameter, name, "SecureString"]).sort(),
    );
    expect(made.resource(parameter, "bastion-cache-credentials-in.gcs-privateKey").inputs["value"]).toEqual({
      "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
      value: cacheCredentials["in.gcs"]?.["privateKey"],
    });
  });

  it("are there before the bastion boots", () => {
    const { dependsOn } = made.resource("aws:autoscaling/group:Group", "bastion-group").options;
    const names = (Array.isArray(dependsOn) ? dependsOn : []).map((resource: unknown) =>
      String(Reflect.get(Object(resource), "__name")),
    );
    expect(names.filter((name) => name.startsWith("bastion-cache-credentials")).sort()).toEqual([
      "bastion-cache-credentials-in-azure-accountKey",
      "bastion-cache-credentials-in-minio-accessKey",
      "bastion-cache-credentials-in-minio-secretKey",
      "bastion-cache-credentials-in.gcs-privateKey",
    ]);
  });
});

describe("a fleet whose runners all have their cache elsewhere", () => {
  let all: Awaited<ReturnType<typeof run>>;
  let none: typeof all;

  beforeAll(async () => {
    all = await run(stackFile);
    none = await run(elsewhere);
  }, 30_000);

  const namesOf = (made: Recording) => made.resources.filter(({ custom }) => custom).map(({ name }) => name);

  it("has no bucket, and no permission for one; its IAM user is the same", () => {
    expect(none.made.resources.filter(({ type }) => type.startsWith("aws:s3/"))).toEqual([]);
    const gone = namesOf(all.made).filter((name) => !namesOf(none.made).includes(name));
    expect(gone.sort()).toEqual([
      "bastion-runner-token-in-s3",
      "cache-bucket",
      "cache-encryption",
      "cache-expiry",
      "cache-policy",
      "cache-public-access",
      "cache-tls-only",
      "cache-user-policy",
    ]);
    expect(JSON.stringify(none.made.resources.map(({ inputs }) => inputs))).not.toMatch(
      /CacheObjects|cache-policy/,
    );
  });

  it("has nothing of a cache at all without an IAM user", async () => {
    const { made } = await run({ ...elsewhere, credentials: "instance-profile" });
    expect(namesOf(made).filter((name) => name.startsWith("cache-"))).toEqual([]);
    expect(made.ofType("aws:iam/rolePolicyAttachment:RolePolicyAttachment").map(({ name }) => name)).toEqual([
      "bastion-role-fleet-policy",
    ]);
  });

  it("puts out everything but the bucket and its policy", () => {
    const keys = (outputs: unknown) => (typeof outputs === "object" ? Object.keys({ ...outputs }) : []);
    expect(keys(all.outputs).filter((key) => !keys(none.outputs).includes(key))).toEqual([
      "cacheBucketName",
      "cacheBucketArn",
      "cachePolicyArn",
    ]);
  });
});
