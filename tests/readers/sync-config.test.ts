import { createHash } from "crypto";
import * as fs from "fs";
import { gunzipSync, gzipSync } from "fflate";
import { parse } from "smol-toml";
import { configToml as renderFleet } from "../../components/config-toml";
import { publishedText } from "../../components/published-text";
import { freeAddress } from "../../cli/local/emulator";
import { cacheCredentials, runnersWithCaches, secretParts, tokensWithCaches } from "../helpers/caches";
import { understood } from "../helpers/stack-file";
import { Emulator } from "../tools/emulator";
import type { HttpServer } from "../tools/http-server";
import { startInstanceMetadata } from "../tools/instance-metadata";
import { describeWith, program, requireProgram, requireThrowawayMachine } from "../tools/programs";
import { replaceSystemctl, systemctlCalls } from "../tools/systemctl";
import { ThrowawayMachine, type CommandResult } from "../tools/throwaway-machine";
import { examples } from "./examples";

jest.setTimeout(120_000);

const region = "eu-west-1";
const parameterPath = "/gitlab-runner-fleet/test/bastion";
const configToml = "/etc/gitlab-runner/config.toml";
const workerUserData = "/etc/gitlab-runner/worker-user-data";
const awsCredentials = "/etc/gitlab-runner/aws-credentials";
const syncStatus = "/run/fleet/sync-status";
const draining = "/run/fleet/draining";
const instanceId = "i-0123456789abcdef0";
const token = "glrt-t3_recognisable.01.secret";
const secretKey = "recognisable/secret+key";

/** A config.toml that only differs in one number, as it is published. */
function published(limit: number, more = ""): string {
  return `concurrent = 4

[[runners]]
name = "default"
url = "https://gitlab.example.com/"
token = "@@runner-token/default@@"
executor = "docker+machine"
limit = ${limit}
${more}
[runners.docker]
image = "alpine:3"

[runners.machine]
IdleCount = 0
IdleTime = 600
MachineDriver = "amazonec2"
MachineName = "worker-%s"
`;
}

const installed = (limit: number, withToken = token) =>
  published(limit).replace("@@runner-token/default@@", withToken);

describeWith(
  "sync-config.sh",
  [requireThrowawayMachine, program("moto_server"), program("gitlab-runner")],
  () => {
    let emulator: Emulator;
    let metadata: HttpServer;
    let machine: ThrowawayMachine;

    const publish = async (name: string, value: string, type = "String") =>
      emulator.ssm(region, "PutParameter", {
        Name: `${parameterPath}/${name}`,
        Value: value,
        Type: type,
        Overwrite: true,
      });
    const withdraw = async (name: string) =>
      emulator.ssm(region, "DeleteParameter", { Name: `${parameterPath}/${name}` });

    const environment = () => ({
      AWS_ENDPOINT_URL_SSM: emulator.url,
      AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata.url,
    });
    const sync = async (more: Record<string, string> = {}): Promise<CommandResult> =>
      machine.run(["/opt/fleet/sync-config.sh"], { ...environment(), ...more });
    const status = () => machine.read(syncStatus);
    const identity = (name: string) => {
      const { ino, mtimeMs, mode } = fs.statSync(machine.outside(name));
      return { ino, mtimeMs, mode: mode & 0o777 };
    };
    const secretsIn = (text: string) => [token, secretKey].filter((secret) => text.includes(secret));

    beforeAll(async () => {
      emulator = await Emulator.start();
      // The role that the bastion has, as the emulator knows it.
      const iam = async (input: Record<string, string>) => emulator.query(region, "iam", "2010-05-08", input);
      await iam({ Action: "CreateRole", RoleName: "bastion", AssumeRolePolicyDocument: "{}" });
      const answer = await emulator.query(region, "sts", "2011-06-15", {
        Action: "AssumeRole",
        RoleArn: "arn:aws:iam::123456789012:role/bastion",
        RoleSessionName: "instance",
      });
      const value = (name: string) => new RegExp(`<${name}>(.*)</${name}>`).exec(answer)?.[1] ?? "";
      metadata = await startInstanceMetadata("bastion", {
        AccessKeyId: value("AccessKeyId"),
        SecretAccessKey: value("SecretAccessKey"),
        Token: value("SessionToken"),
      });
    });

    afterAll(async () => {
      await metadata.stop();
      await emulator.stop();
    });

    beforeEach(async () => {
      machine = await ThrowawayMachine.start();
      machine.writeFilesOf(examples.bastion);
      replaceSystemctl(machine);
      machine.write("/var/lib/cloud/data/instance-id", `${instanceId}\n`);
      fs.symlinkSync(requireProgram("gitlab-runner"), machine.outside("/usr/local/bin/gitlab-runner"));
      await publish("config.toml", published(10));
      await publish("worker-user-data", "#cloud-config\n{}\n");
      await publish("runner-token/default", token, "SecureString");
    });

    afterEach(async () => {
      await machine.stop();
      await emulator.ssm(region, "DeleteParameters", {
        Names: [
          "config.toml",
          "worker-user-data",
          "aws-credentials",
          "drain",
          "runner-token/default",
          "cache-credentials/default/secretKey",
        ].map((name) => `${parameterPath}/${name}`),
      });
    });

    it("writes everything at the first boot, for root only, and says which config.toml it is", async () => {
      await publish("aws-credentials", `[default]\naws_secret_access_key = ${secretKey}\n`, "SecureString");

      expect(await sync()).toEqual({
        status: 0,
        stdout:
          "fleet-sync: new aws-credentials\nfleet-sync: new worker-user-data\nfleet-sync: new config.toml\n",
        stderr: "",
      });
      expect(machine.read(configToml)).toBe(installed(10));
      expect(Buffer.from(gunzipSync(fs.readFileSync(machine.outside(workerUserData)))).toString()).toBe(
        "#cloud-config\n{}\n",
      );
      expect(machine.read(awsCredentials)).toBe(`[default]\naws_secret_access_key = ${secretKey}\n`);
      for (const name of [configToml, workerUserData, awsCredentials]) {
        expect(identity(name).mode).toBe(0o600);
      }
      expect(identity("/etc/gitlab-runner").mode).toBe(0o700);
      expect(fs.readdirSync(machine.outside("/etc/gitlab-runner")).sort()).toEqual([
        "aws-credentials",
        "config.toml",
        "worker-user-data",
      ]);
      expect(fs.readdirSync(machine.outside("/run/fleet")).sort()).toEqual(["sync-status", "sync.lock"]);
      expect(status()).toBe(`ok ${createHash("sha256").update(published(10)).digest("hex")}\n`);
    });

    it("touches nothing when nothing has changed", async () => {
      await sync();
      const before = [identity(configToml), identity(workerUserData)];

      expect(await sync()).toEqual({ status: 0, stdout: "", stderr: "" });
      expect([identity(configToml), identity(workerUserData)]).toEqual(before);
    });

    it("brings a changed config.toml, and only that", async () => {
      await sync();
      const before = identity(workerUserData);
      await publish("config.toml", published(20));

      expect(await sync()).toEqual({ status: 0, stdout: "fleet-sync: new config.toml\n", stderr: "" });
      expect(machine.read(configToml)).toBe(installed(20));
      expect(identity(workerUserData)).toEqual(before);
    });

    it("brings one that is newer than the former in GitLab Runner's eyes also when the clock was set back", async () => {
      await sync();
      await machine.run(["touch", "--date", "1 hour", configToml]);
      const before = identity(configToml).mtimeMs;
      await publish("config.toml", published(21));

      expect((await sync()).stdout).toBe("fleet-sync: new config.toml\n");
      expect(machine.read(configToml)).toBe(installed(21));
      expect(identity(configToml).mtimeMs).toBeGreaterThan(before);
    });

    it("brings a rotated token", async () => {
      await sync();
      await publish("runner-token/default", "glrt-rotated", "SecureString");

      expect((await sync()).status).toBe(0);
      expect(machine.read(configToml)).toBe(installed(10, "glrt-rotated"));
    });

    it("puts the machine's own id where config.toml asks for it", async () => {
      await publish("config.toml", published(10, "# made by @@instance-id@@\n"));
      // A parameter of that name means nothing.
      await publish("instance-id", "i-other");

      expect((await sync()).status).toBe(0);
      expect(machine.read(configToml)).toBe(
        installed(10).replace("limit = 10\n", `limit = 10\n# made by ${instanceId}\n`),
      );
      await withdraw("instance-id");
    });

    describe("lets the bastion drain", () => {
      const stop = "--no-block stop gitlab-runner.service";
      const start = "--no-block start gitlab-runner.service";

      it.each([
        ["by the operator", instanceId],
        ["because it goes", `leaving:${instanceId}`],
      ])(
        "once, as soon as it is named %s, and lets it take jobs again when it no longer is",
        async (_, word) => {
          await publish("drain", "none");
          await sync();
          expect(systemctlCalls(machine)).toEqual([]);

          await publish("drain", `i-0123456789abcdef01 ${word} leaving:i-1`);
          expect(await sync()).toEqual({
            status: 0,
            stdout: "fleet-sync: takes no more jobs\n",
            stderr: "",
          });
          expect(systemctlCalls(machine)).toEqual([stop]);
          expect(machine.exists(draining)).toBe(true);
          expect(await sync()).toEqual({ status: 0, stdout: "", stderr: "" });
          expect(systemctlCalls(machine)).toEqual([]);

          await publish("drain", "none");
          expect((await sync()).stdout).toBe("fleet-sync: takes jobs again\n");
          expect(systemctlCalls(machine)).toEqual([start]);
          expect(machine.exists(draining)).toBe(false);
          expect(await sync()).toEqual({ status: 0, stdout: "", stderr: "" });
          expect(systemctlCalls(machine)).toEqual([]);
        },
      );

      it("not when another one is named, or nothing is said", async () => {
        const others = ["i-0123456789abcdef01", "i-0123456789abcdef", "xi-0123456789abcdef0"];
        for (const named of [...others, "leaving:i-0123456789abcdef01", `staying:${instanceId}`]) {
          await publish("drain", named);
          await sync();
        }
        await withdraw("drain");
        await sync();
        expect(systemctlCalls(machine)).toEqual([]);
        expect(machine.exists(draining)).toBe(false);
      });

      it("though its config.toml is rejected", async () => {
        await publish("config.toml", "concurrent = = 4\n");
        await publish("drain", instanceId);

        expect((await sync()).status).toBe(1);
        expect(systemctlCalls(machine)).toEqual([stop]);
      });

      it("and goes on with that while SSM is out of reach", async () => {
        await publish("drain", instanceId);
        await sync();
        systemctlCalls(machine);

        expect((await sync({ AWS_ENDPOINT_URL_SSM: await freeAddress() })).status).toBe(1);
        expect(systemctlCalls(machine)).toEqual([]);
        expect(machine.exists(draining)).toBe(true);
      });

      it("and does not take the word for a secret", async () => {
        await publish("drain", "invalid");
        await publish("config.toml", published(10, 'unhealthy_interval = "soon"'));

        await sync();
        expect(status()).toMatch(/^failed: gitlab-runner rejects config.toml: FATAL: .* invalid duration/);
      });
    });

    it("unpacks a long config.toml", async () => {
      const long = `${published(10)}${"# a comment that makes this longer than one parameter of the standard tier\n".repeat(80)}`;
      await publish("config.toml", publishedText(long));

      expect((await sync()).status).toBe(0);
      expect(machine.read(configToml)).toBe(long.replace("@@runner-token/default@@", token));
    });

    describe("with a cache of every kind", () => {
      const secrets = Object.entries(cacheCredentials).flatMap(([runner, values]) =>
        Object.entries(values).map(([key, value]) => [`cache-credentials/${runner}/${key}`, value] as const),
      );
      const tokens = Object.entries(tokensWithCaches).map(
        ([runner, value]) => [`runner-token/${runner}`, value] as const,
      );

      beforeEach(async () => {
        const { config } = understood({
          "aws:region": region,
          runners: runnersWithCaches,
          runnerTokens: tokensWithCaches,
          cacheCredentials,
        });
        const facts = { fleetId: "0a1b2c3d", machineOptions: [], cacheBucketName: "the-bucket" };
        await publish("config.toml", publishedText(renderFleet(config, facts)));
        for (const [name, value] of [...tokens, ...secrets]) await publish(name, value, "SecureString");
      });

      afterEach(async () => {
        await emulator.ssm(region, "DeleteParameters", {
          Names: [...tokens, ...secrets].map(([name]) => `${parameterPath}/${name}`),
        });
      });

      it("puts its secrets in as they are, whatever characters they have, and gitlab-runner accepts them", async () => {
        expect(await sync()).toEqual({
          status: 0,
          stdout: "fleet-sync: new worker-user-data\nfleet-sync: new config.toml\n",
          stderr: "",
        });
        expect(parse(machine.read(configToml))).toMatchObject({
          runners: [
            { token: tokensWithCaches["in-s3"], cache: { Type: "s3", s3: { AuthenticationType: "iam" } } },
            {
              token: tokensWithCaches["in-minio"],
              cache: {
                Type: "s3",
                s3: {
                  AccessKey: cacheCredentials["in-minio"]?.["accessKey"],
                  SecretKey: cacheCredentials["in-minio"]?.["secretKey"],
                },
              },
            },
            { cache: { Type: "gcs", gcs: { PrivateKey: cacheCredentials["in.gcs"]?.["privateKey"] } } },
            { cache: { Type: "azure", azure: { AccountKey: cacheCredentials["in-azure"]?.["accountKey"] } } },
          ],
        });
        expect(await sync()).toEqual({ status: 0, stdout: "", stderr: "" });
      });

      it("brings a rotated one", async () => {
        await sync();
        await publish("cache-credentials/in-minio/secretKey", "rotated", "SecureString");

        expect((await sync()).stdout).toBe("fleet-sync: new config.toml\n");
        expect(machine.read(configToml)).toContain('SecretKey = "rotated"\n');
      });

      it("keeps the old config.toml, and shows none of them, when one is missing", async () => {
        await sync();
        const before = machine.read(configToml);
        await withdraw("cache-credentials/in.gcs/privateKey");

        const result = await sync();
        expect(status()).toBe(
          "failed: config.toml: there is no parameter for @@cache-credentials/in.gcs/privateKey@@\n",
        );
        expect(machine.read(configToml)).toBe(before);
        expect(
          secretParts.filter((part) => (result.stdout + result.stderr + status()).includes(part)),
        ).toEqual([]);
      });

      it("does not show one that gitlab-runner prints, with its characters escaped", async () => {
        const secret = 'planted "quoted" \\ @ line\nplanted line';
        await publish("cache-credentials/in-minio/secretKey", secret, "SecureString");
        await publish(
          "config.toml",
          published(10, 'unhealthy_interval = "@@cache-credentials/in-minio/secretKey@@"'),
        );

        const result = await sync();
        expect(status()).toMatch(
          /^failed: gitlab-runner rejects config.toml: FATAL: .* invalid duration: "<secret>"\s+$/,
        );
        expect(result.stdout + result.stderr + status()).not.toContain("planted");
      });
    });

    it("removes the credentials when the instance's role is used instead", async () => {
      await publish("aws-credentials", "[default]\n", "SecureString");
      await sync();
      await withdraw("aws-credentials");

      expect((await sync()).status).toBe(0);
      expect(machine.exists(awsCredentials)).toBe(false);
    });

    it("lets gitlab-runner start again, after its running jobs, only when the credentials have changed", async () => {
      const rotate = async (key: string) =>
        publish("aws-credentials", `[default]\naws_access_key_id = ${key}\n`, "SecureString");
      const restart = "--no-block try-restart gitlab-runner.service";
      await rotate("first");
      await sync();
      expect(systemctlCalls(machine)).toEqual([restart]);

      await publish("config.toml", published(20));
      await sync();
      expect(systemctlCalls(machine)).toEqual([]);

      await rotate("second");
      await sync();
      expect(systemctlCalls(machine)).toEqual([restart]);

      await withdraw("aws-credentials");
      await sync();
      expect(systemctlCalls(machine)).toEqual([restart]);
    });

    it("reads more parameters than AWS gives at once", async () => {
      const names = Array.from({ length: 25 }, (_, index) => `runner-token/runner-${index}`);
      for (const name of names) {
        await publish(name, `glrt-${name.replace("/", "-")}`, "SecureString");
      }
      const lines = names.map((name) => `# @@${name}@@\n`).join("");
      await publish("config.toml", published(10) + lines);

      expect((await sync()).status).toBe(0);
      expect(machine.read(configToml)).toBe(
        installed(10) + names.map((name) => `# glrt-${name.replace("/", "-")}\n`).join(""),
      );
      for (const name of names) {
        await withdraw(name);
      }
    });

    describe("keeps the old config.toml and says why when", () => {
      const cases: [string, () => Promise<unknown>, RegExp][] = [
        [
          "gitlab-runner rejects the new one",
          async () => publish("config.toml", published(20, "requst_concurrency = 2\n")),
          /^failed: gitlab-runner rejects config.toml: [^]*requst_concurrency/,
        ],
        [
          "gitlab-runner warns of the new one",
          async () => publish("config.toml", `${published(20)}OffPeakPeriods = ["* * 0-6 * * * *"]\n`),
          /^failed: gitlab-runner rejects config.toml: [^]*OffPeak/,
        ],
        [
          "it is not TOML",
          async () => publish("config.toml", "concurrent = = 4\n"),
          /^failed: gitlab-runner rejects config.toml: /,
        ],
        [
          "there is no such secret",
          async () => publish("config.toml", published(20, "# @@runner-token/other@@\n")),
          /^failed: config.toml: there is no parameter for @@runner-token\/other@@\n$/,
        ],
        [
          "a placeholder is not complete",
          async () => publish("config.toml", published(20, "# @@runner-token/default@\n")),
          /^failed: config.toml: a placeholder is left over\n$/,
        ],
        [
          "a secret would end its string",
          async () => publish("runner-token/default", 'glrt-x"\nconcurrent = 100 #', "SecureString"),
          /^failed: config.toml: a secret has a character that no token has\n$/,
        ],
        [
          "a secret would be expanded",
          async () => publish("runner-token/default", "glrt-$HOME", "SecureString"),
          /^failed: config.toml: a secret has a character that no token has\n$/,
        ],
        [
          "it is damaged",
          async () =>
            publish(
              "config.toml",
              Buffer.from(gzipSync(Buffer.from(published(20))))
                .toString("base64")
                .slice(0, 80),
            ),
          /^failed: \/gitlab-runner-fleet\/test\/bastion\/config.toml is not gzip in base64\n$/,
        ],
        [
          "it is withdrawn",
          async () => withdraw("config.toml"),
          /^failed: there is no parameter \/gitlab-runner-fleet\/test\/bastion\/config.toml\n$/,
        ],
        [
          "the workers' user data is withdrawn",
          async () => Promise.all([publish("config.toml", published(20)), withdraw("worker-user-data")]),
          /^failed: there is no parameter \/gitlab-runner-fleet\/test\/bastion\/worker-user-data\n$/,
        ],
      ];

      it.each(cases)("%s", async (_, change, reason) => {
        await sync();
        const before = identity(configToml);
        await change();

        const result = await sync();
        expect(result.status).toBe(1);
        expect(status()).toMatch(reason);
        expect(result.stderr).toContain(`fleet-sync: ${status()}`);
        expect(secretsIn(result.stdout + result.stderr + status())).toEqual([]);
        expect(identity(configToml)).toEqual(before);
        expect(machine.read(configToml)).toBe(installed(10));
      });

      it("SSM is out of reach, and goes on when it is back", async () => {
        await sync();
        await publish("config.toml", published(20));

        const result = await sync({ AWS_ENDPOINT_URL_SSM: await freeAddress() });
        expect(result.status).toBe(1);
        expect(status()).toMatch(
          /^failed: curl: .*Couldn't connect to server read-parameters: cannot read \/gitlab-runner-fleet\/test\/bastion as bastion: \n$/,
        );
        expect(machine.read(configToml)).toBe(installed(10));

        expect((await sync()).status).toBe(0);
        expect(machine.read(configToml)).toBe(installed(20));
        expect(status()).toMatch(/^ok /);
      });
    });

    it("puts rotated credentials in place even when config.toml is rejected", async () => {
      await sync();
      await publish("config.toml", "concurrent = = 4\n");
      await publish("aws-credentials", "[default]\n", "SecureString");

      expect((await sync()).status).toBe(1);
      expect(machine.read(awsCredentials)).toBe("[default]\n");
    });

    it("does not show a token that gitlab-runner prints", async () => {
      await publish("config.toml", published(10, 'unhealthy_interval = "@@runner-token/default@@"'));

      const result = await sync();
      expect(result.status).toBe(1);
      expect(status()).toMatch(
        /^failed: gitlab-runner rejects config.toml: FATAL: .* invalid duration: "<secret>"/,
      );
      expect(secretsIn(result.stdout + result.stderr + status())).toEqual([]);
    });

    it("leaves a complete old or new config.toml wherever it is killed", async () => {
      await sync();
      // Each program that the script runs first kills everything when its turn has come.
      const programs = [
        "base64",
        "cat",
        "cmp",
        "curl",
        "cut",
        "flock",
        "gitlab-runner",
        "grep",
        "head",
        "install",
        "jq",
        "mkdir",
        "mv",
      ];
      for (const name of [...programs, "rm", "sha256sum", "stat", "sync"]) {
        const real = (await machine.run(["bash", "-c", `type -P ${name}`])).stdout.trim();
        machine.write(
          `/opt/killer/${name}`,
          `#!/bin/bash\necho >>/tmp/steps\n[[ $(wc -l </tmp/steps) != "$KILL_AT" ]] || kill -9 -1\nexec ${real} "$@"\n`,
          0o755,
        );
      }
      const killedAt = async (step: number) => {
        machine.write("/tmp/steps", "");
        const PATH = "/opt/killer:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        return await sync({ PATH, KILL_AT: step.toString() });
      };

      const seen = new Set<string>();
      let steps = 0;
      for (let finished = false; !finished; steps++) {
        await publish("config.toml", published(100 + steps));
        const before = machine.read(configToml);

        finished = (await killedAt(steps + 1)).status === 0;
        const after = machine.read(configToml);
        expect([before, installed(100 + steps)]).toContain(after);
        expect(identity(configToml).mode).toBe(0o600);
        seen.add(after === before ? "old" : "new");
      }
      expect(steps).toBeGreaterThan(20);
      expect([...seen].sort()).toEqual(["new", "old"]);
      expect((await sync()).status).toBe(0);
      expect(fs.readdirSync(machine.outside("/etc/gitlab-runner")).sort()).toEqual([
        "config.toml",
        "worker-user-data",
      ]);
    });

    it("shows no secret in any process's arguments or environment", async () => {
      await publish("aws-credentials", `[default]\naws_secret_access_key = ${secretKey}\n`, "SecureString");
      await publish("cache-credentials/default/secretKey", secretKey, "SecureString");
      await publish("config.toml", published(10, "# @@cache-credentials/default/secretKey@@\n"));
      const seen = new Set<string>();
      const running = sync();
      const isRunning = async () =>
        Promise.race([
          running.then(() => false),
          new Promise<boolean>((resolve) => setImmediate(resolve, true)),
        ]);
      while (await isRunning()) {
        for (const pid of fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
          for (const name of ["cmdline", "environ"]) {
            try {
              seen.add(fs.readFileSync(`/proc/${pid}/${name}`, "utf8"));
            } catch {
              // It has ended.
            }
          }
        }
      }
      expect((await running).status).toBe(0);

      const everything = [...seen].join("\n");
      expect(everything).toContain("--aws-sigv4");
      expect(secretsIn(everything)).toEqual([]);
      const { SecretAccessKey, Token } = await roleCredentials();
      expect([SecretAccessKey, Token].filter((secret) => everything.includes(secret))).toEqual([]);
    });

    it("waits for another one that is running", async () => {
      const [first, second] = await Promise.all([sync(), sync()]);

      expect([first.status, second.status]).toEqual([0, 0]);
      expect(first.stdout + second.stdout).toBe(
        "fleet-sync: new worker-user-data\nfleet-sync: new config.toml\n",
      );
    });

    describe("with access control on", () => {
      const allow = async (resource: string) =>
        emulator.query(region, "iam", "2010-05-08", {
          Action: "PutRolePolicy",
          RoleName: "bastion",
          PolicyName: "parameters",
          PolicyDocument: JSON.stringify({
            Version: "2012-10-17",
            Statement: [{ Effect: "Allow", Action: "ssm:GetParametersByPath", Resource: resource }],
          }),
        });

      const enforced = async () => {
        await emulator.enforceAccess(true);
        try {
          return await sync();
        } finally {
          await emulator.enforceAccess(false);
        }
      };

      it("signs its requests, and needs to read its own path only", async () => {
        await allow(`arn:aws:ssm:${region}:123456789012:parameter${parameterPath}`);

        expect((await enforced()).status).toBe(0);
        expect(machine.read(configToml)).toBe(installed(10));
      });

      it("says so when its role may not read the path", async () => {
        await allow(`arn:aws:ssm:${region}:123456789012:parameter/gitlab-runner-fleet/test/registry-mirror`);

        expect((await enforced()).status).toBe(1);
        expect(status()).toMatch(
          /^failed: .*read-parameters: cannot read \/gitlab-runner-fleet\/test\/bastion as bastion: .*AccessDenied/,
        );
      });
    });

    /** What the role's credentials are, from where the script has them. */
    async function roleCredentials(): Promise<{ SecretAccessKey: string; Token: string }> {
      const token = await fetch(`${metadata.url}/latest/api/token`, {
        method: "PUT",
        headers: { "X-aws-ec2-metadata-token-ttl-seconds": "60" },
      });
      const answer = await fetch(`${metadata.url}/latest/meta-data/iam/security-credentials/bastion`, {
        headers: { "X-aws-ec2-metadata-token": await token.text() },
      });
      return (await answer.json()) as { SecretAccessKey: string; Token: string };
    }
  },
);
