import fc from "fast-check";
import { parse } from "smol-toml";
import { renderRunnerConfig, type RunnerConfig, type RunnerSection } from "../components/runner-config";

const runner: RunnerSection = {
  name: "default",
  url: "https://gitlab.com",
  token: "@@runner-token/default@@",
  executor: "docker+machine",
  limit: 10,
  request_concurrency: 2,
  environment: [],
  docker: { image: "alpine", privileged: false, disable_cache: true, volumes: [] },
  cache: {
    Type: "s3",
    Shared: false,
    s3: { BucketName: "bucket", BucketLocation: "eu-west-1", AuthenticationType: "iam", DualStack: false },
  },
  machine: {
    IdleCount: 0,
    IdleTime: 600,
    MaxBuilds: 20,
    MaxGrowthRate: 5,
    MachineDriver: "amazonec2",
    MachineName: "worker-%s",
    MachineOptions: [],
  },
};
const config: RunnerConfig = {
  concurrent: 10,
  check_interval: 3,
  listen_address: "127.0.0.1:9252",
  shutdown_timeout: 30,
  machine: { shutdown_drain: { enabled: true } },
  runners: [runner],
};
const withMachine = (machine: Partial<RunnerSection["machine"]>): RunnerConfig => ({
  ...config,
  runners: [{ ...runner, machine: { ...runner.machine, ...machine } }],
});

describe("config.toml", () => {
  it("writes an idle scale factor as a float, because GitLab Runner refuses an integer", () => {
    expect(renderRunnerConfig(withMachine({ IdleScaleFactor: 1 }))).toContain("IdleScaleFactor = 1.0\n");
    expect(renderRunnerConfig(withMachine({ IdleScaleFactor: 0.5 }))).toContain("IdleScaleFactor = 0.5\n");
  });

  it("writes every other number as an integer", () => {
    expect(renderRunnerConfig(config)).not.toMatch(/= \d+\.0\b/);
    expect(renderRunnerConfig(config)).toContain("IdleTime = 600\n");
  });

  it("puts one option a line where a list is long", () => {
    const MachineOptions = [
      "amazonec2-region=eu-west-1",
      "amazonec2-vpc-id=vpc-1",
      "amazonec2-subnet-id=subnet-1",
      `a="b"`,
    ];
    expect(renderRunnerConfig(withMachine({ MachineOptions }))).toContain(
      [
        "MachineOptions = [",
        '  "amazonec2-region=eu-west-1",',
        '  "amazonec2-vpc-id=vpc-1",',
        '  "amazonec2-subnet-id=subnet-1",',
        '  "a=\\"b\\"",',
        "]",
      ].join("\n"),
    );
  });

  it("takes any further key in any section", () => {
    const text = renderRunnerConfig({
      ...config,
      runners: [
        {
          ...runner,
          docker: {
            ...runner.docker,
            extra: { dns: ["10.0.0.2"], sysctls: { "net.core.somaxconn": "1024" } },
          },
          machine: { ...runner.machine, extra: { MaxRemovalAttempts: 10 } },
          extra: { feature_flags: { FF_HASH_CACHE_KEYS: true } },
        },
      ],
      extra: { log_level: "warn", session_server: { session_timeout: 1800 } },
    });
    expect(parse(text)).toMatchObject({
      log_level: "warn",
      session_server: { session_timeout: 1800 },
      runners: [
        {
          docker: { image: "alpine", dns: ["10.0.0.2"], sysctls: { "net.core.somaxconn": "1024" } },
          machine: { MaxRemovalAttempts: 10 },
          feature_flags: { FF_HASH_CACHE_KEYS: true },
        },
      ],
    });
  });

  it("takes further keys of a table that it writes too, and may be told otherwise", () => {
    const text = renderRunnerConfig({
      ...config,
      runners: [
        { ...runner, cache: { ...runner.cache, extra: { s3: { RoleARN: "arn:aws:iam::1:role/cache" } } } },
      ],
      extra: { machine: { shutdown_drain: { enabled: false, concurrency: 5 } } },
    });
    expect(parse(text)).toMatchObject({
      machine: { shutdown_drain: { enabled: false, concurrency: 5 } },
      runners: [
        { cache: { Type: "s3", s3: { BucketName: "bucket", RoleARN: "arn:aws:iam::1:role/cache" } } },
      ],
    });
  });

  it("says the same after a round trip, whatever the texts in it", () => {
    const texts = fc.array(fc.string({ unit: "grapheme", maxLength: 60 }), { maxLength: 8 });
    fc.assert(
      fc.property(texts, fc.string({ unit: "grapheme" }), (MachineOptions, name) => {
        const given: RunnerConfig = {
          ...config,
          runners: [{ ...runner, name, machine: { ...runner.machine, MachineOptions } }],
        };
        expect(parse(renderRunnerConfig(given))).toEqual(given);
      }),
    );
  });
});
