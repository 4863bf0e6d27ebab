import { readFileSync } from "fs";
import { join } from "path";
import * as pulumi from "@pulumi/pulumi";
import fc from "fast-check";
import { parse } from "yaml";
import { fleetSchema } from "../components/config-schema";
import { valueOf } from "./helpers/record";
import { goodConfig, problemsIn, understood } from "./helpers/stack-file";

const yaml = (file: string): unknown => parse(readFileSync(join(__dirname, "..", file), "utf8"));

const table = (value: unknown, key: string): Record<string, unknown> => {
  const found: unknown = typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined;
  return typeof found === "object" && found !== null ? { ...found } : {};
};

describe("a stack file", () => {
  it("needs a region, a runner's name and its token, and has a default for everything else", () => {
    expect(understood(goodConfig).config).toEqual({
      region: "eu-west-1",
      tags: {},
      gitlabUrl: "https://gitlab.com",
      concurrent: 10,
      checkInterval: 3,
      shutdownTimeout: 600,
      credentials: "iam-user",
      network: {},
      cache: { expirationDays: 30, forceDestroy: false },
      registryMirror: {
        enabled: true,
        instanceType: "t3.small",
        volumeSize: 50,
        upstreams: [],
        mirrorShare: 40,
        layerCacheShare: 45,
        layerCacheMaxAge: 14,
        tls: false,
        protectedRefWriters: [],
      },
      bastion: { instanceType: "t2.micro", rootVolumeSize: 10, swapSize: 1, drainTimeout: 3600 },
      logs: { retentionDays: 30 },
      alarms: {},
      runners: [
        {
          name: "default",
          limit: 10,
          requestConcurrency: 2,
          environment: {},
          docker: { image: "alpine:3.22", privileged: false, volumes: [], extra: {} },
          machine: {
            name: "worker-%s",
            idleCount: 0,
            idleTime: 600,
            maxBuilds: 20,
            maxGrowthRate: 5,
            extra: {},
          },
          autoscaling: [],
          cache: { type: "s3", shared: false, extra: {} },
          workers: {
            instanceType: "t3.medium",
            rootVolumeSize: 20,
            fallbacks: [],
            tags: {},
            extraOptions: [],
          },
          extra: {},
        },
      ],
      extra: {},
    });
  });

  it("gives each privileged job a machine of its own, unless it says otherwise", () => {
    const builds = (more: object) =>
      understood({ ...goodConfig, runners: [{ name: "default", docker: { privileged: true }, ...more }] })
        .config.runners[0]?.machine.maxBuilds;
    expect(builds({})).toBe(1);
    expect(builds({ machine: { maxBuilds: 10 } })).toBe(10);
  });

  it("lets a runner's workers go before those of the stack, key by key, and tag by tag", () => {
    const { config } = understood({
      ...goodConfig,
      workers: { instanceType: "m6i.large", rootVolumeSize: 40, tags: { team: "ci", kind: "any" }, spot: {} },
      runners: [{ name: "default", workers: { instanceType: "c7g.large", tags: { kind: "arm" } } }],
    });
    expect(config.runners[0]?.workers).toEqual({
      instanceType: "c7g.large",
      rootVolumeSize: 40,
      tags: { team: "ci", kind: "arm" },
      spot: {},
      fallbacks: [],
      extraOptions: [],
    });
  });

  it("lets a runner go back to on-demand machines where the stack has spot ones", () => {
    const { config } = understood({
      ...goodConfig,
      workers: { spot: { maxPrice: "0.05" } },
      runners: [{ name: "default", workers: { spot: null } }],
    });
    expect(config.runners[0]?.workers).not.toHaveProperty("spot");
  });

  it("completes a fallback with what the first choice is", () => {
    const { config } = understood({
      ...goodConfig,
      workers: { instanceType: "m6i.large", spot: { maxPrice: "0.05" } },
      runners: [
        {
          name: "default",
          workers: {
            fallbacks: [{ instanceType: "m5.large" }, { spot: {} }, { instanceType: "m5.large", spot: null }],
          },
        },
      ],
    });
    expect(config.runners[0]?.workers.fallbacks).toEqual([
      { instanceType: "m5.large", spot: { maxPrice: "0.05" } },
      { instanceType: "m6i.large", spot: {} },
      { instanceType: "m5.large" },
    ]);
  });

  it("lets a runner have other fallbacks than the stack, or none", () => {
    const { config } = understood({
      ...goodConfig,
      workers: { spot: {}, fallbacks: [{ spot: null }] },
      runners: [{ name: "default" }, { name: "spot", workers: { fallbacks: [] } }],
      runnerTokens: { default: "glrt-x", spot: "glrt-y" },
    });
    expect(config.runners.map(({ workers }) => workers.fallbacks)).toEqual([
      [{ instanceType: "t3.medium" }],
      [],
    ]);
  });

  it("may have runners that are warm at different times, with few jobs at once", () => {
    const warm = (period: string) => [{ periods: [period], idleCount: 4, idleTime: 60 }];
    const runners = [
      { name: "default", autoscaling: warm("* * 0-11 * * * *") },
      { name: "night", autoscaling: warm("* * 12-23 * * * *") },
    ];
    const runnerTokens = { default: "glrt-x", night: "glrt-y" };
    expect(problemsIn({ ...goodConfig, concurrent: 4, runners, runnerTokens })).toEqual([]);
  });

  it("passes the provider's default tags on to what they do not reach", () => {
    const { config } = understood({ ...goodConfig, "aws:defaultTags": { tags: { team: "ci" } } });
    expect(config.tags).toEqual({ team: "ci" });
  });

  it("names an existing VPC by its id", () => {
    const network = { vpcId: "vpc-0a1b2c3d", subnetIds: ["subnet-0a1b2c3d"], privateSubnets: true };
    expect(understood({ ...goodConfig, network }).config.network).toEqual({ existing: network });
  });

  it("names an existing VPC by the stack that has it", () => {
    const network = {
      stack: "organization/network/dev",
      privateSubnets: true,
      s3WriteAccounts: ["210987654321"],
    };
    expect(understood({ ...goodConfig, network }).config.network).toEqual({
      existing: { stack: "organization/network/dev", privateSubnets: true },
      s3WriteAccounts: ["210987654321"],
    });
  });

  it("keeps tokens, the Docker Hub password and the secrets of caches as secrets of Pulumi's", async () => {
    const { secrets } = understood({
      ...goodConfig,
      runners: [
        { name: "default", cache: { type: "azure", accountName: "account", containerName: "container" } },
      ],
      dockerHub: { username: "someone", password: "planted" },
      cacheCredentials: { default: { accountKey: "planted" } },
    });
    const { default: token } = secrets.runnerTokens;
    const accountKey = secrets.cacheCredentials["default"]?.["accountKey"];
    if (!token || !secrets.dockerHub || !accountKey) throw new Error("a secret is missing");
    await expect(pulumi.isSecret(accountKey)).resolves.toBe(true);
    await expect(pulumi.isSecret(token)).resolves.toBe(true);
    await expect(pulumi.isSecret(secrets.dockerHub.password)).resolves.toBe(true);
    await expect(valueOf(token)).resolves.toBe("glrt-token");
  });

  it("may hold secrets in their own tables only", () => {
    expect(
      problemsIn(goodConfig, [
        "gitlab-runner-fleet:runners",
        "gitlab-runner-fleet:runnerTokens",
        "aws:secretKey",
      ]),
    ).toEqual([
      "runners: holds a secret, and would be readable in config.toml; secrets go into runnerTokens, dockerHub and cacheCredentials only, and those of jobs into GitLab's CI/CD variables",
    ]);
  });

  it("never gives a secret away in an error", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const planted = `planted${text}`;
        const problems = problemsIn({
          ...goodConfig,
          runnerTokens: { default: `${planted} `, other: planted },
        });
        expect(problems.length).toBeGreaterThan(1);
        expect(problems.join("\n")).not.toContain("planted");
      }),
    );
  });
});

describe.each(["Pulumi.dev.yaml", "Pulumi.prod.yaml"])("%s", (file) => {
  const config = table(yaml(file), "config");

  it("is in order but for the tokens", () => {
    const own = Object.fromEntries(
      Object.entries(config).map(([key, value]) => [key.replace("gitlab-runner-fleet:", ""), value]),
    );
    const runners = Array.isArray(own["runners"]) ? own["runners"] : [];
    expect(problemsIn(own)).toEqual(
      runners.map((runner: unknown) => {
        const name = String(Reflect.get(Object(runner), "name"));
        return `runnerTokens.${name}: is missing: pulumi config set --secret --path 'runnerTokens.${name}' <token>`;
      }),
    );
    expect(runners.length).toBeGreaterThan(0);
  });

  it("holds no secret", () => {
    expect(JSON.stringify(config)).not.toMatch(/secure|glrt-|runnerTokens/);
  });
});

describe("Pulumi.yaml", () => {
  it("declares the scalar keys, with the defaults that the program has", () => {
    const declared = table(yaml("Pulumi.yaml"), "config");
    const defaults = fleetSchema.parse({ runners: [{ name: "default" }] });
    const scalars = Object.entries(defaults).filter(([, value]) => typeof value !== "object");
    expect(
      Object.fromEntries(Object.keys(declared).map((key) => [key, table(declared, key)["default"]])),
    ).toEqual(Object.fromEntries(scalars));
  });
});
