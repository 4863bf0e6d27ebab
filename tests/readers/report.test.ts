import * as fs from "fs";
import type { IncomingMessage } from "http";
import { Emulator } from "../tools/emulator";
import { startHttpServer, type HttpServer } from "../tools/http-server";
import { startInstanceMetadata } from "../tools/instance-metadata";
import { describeWith, program, requireProgram, requireThrowawayMachine } from "../tools/programs";
import { ThrowawayMachine, type CommandResult } from "../tools/throwaway-machine";
import { CloudWatch } from "./cloudwatch";
import { examples } from "./examples";
import { anyCredentials } from "./machine-parts";

jest.setTimeout(240_000);

const instanceId = "i-0123456789abcdef0";
const logGroup = "/gitlab-runner-fleet/test/bastion";
const config = "/etc/gitlab-runner/config.toml";
const log = "/var/log/gitlab-runner.log";
const sha256 = "0123456789abcdef".repeat(4);

const configToml = (gitlabUrl: string, machineOptions: string) => `concurrent = 3
check_interval = 1
listen_address = "127.0.0.1:9252"

[[runners]]
name = "default"
url = "${gitlabUrl}"
token = "glrt-t3_Rejected1.planted"
executor = "docker+machine"
environment = [ "A=b" ]
[runners.docker]
image = "alpine:3"
[runners.machine]
IdleCount = 1
IdleTime = 600
MaxGrowthRate = 1
MachineDriver = "none"
MachineName = "0a1b2c3d-worker-%s"
MachineOptions = [ "${machineOptions}" ]

[[runners]]
name = "other"
url = "${gitlabUrl}/"
token = "glrt-Accepted1.planted"
executor = "shell"
`;

const job = {
  id: 123,
  token: "job-token",
  job_info: {
    name: "test",
    stage: "test",
    project_id: 1,
    project_name: "project",
    time_in_queue_seconds: 7.5,
  },
  git_info: { repo_url: "http://127.0.0.1:1/x.git", ref: "main", sha: "0".repeat(40), refspecs: [] },
  runner_info: { timeout: 3600 },
  variables: [],
  steps: [{ name: "script", script: ["true"], timeout: 3600, when: "on_success" }],
};

/** A GitLab that rejects one runner's token, and has one job for the other. */
class StandInGitLab {
  /** Status for the runner `default`. */
  answer = 204;
  jobs = 1;
  readonly verified: URLSearchParams[] = [];

  constructor(private readonly days: () => (number | null)[]) {}

  readonly handle = (request: IncomingMessage, respond: (status: number, body: object) => void): void => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      if (request.url === "/api/v4/runners/verify") {
        const days = this.days()[this.verified.push(new URLSearchParams(body)) - 1] ?? null;
        const expires =
          days === null ? null : new Date(Date.now() + days * 86_400_000 + 3_600_000).toISOString();
        respond(200, { id: 1, token_expires_at: expires });
      } else if (request.url !== "/api/v4/jobs/request") {
        respond(request.method === "PATCH" ? 202 : 200, {});
      } else if (body.includes("Rejected1")) {
        respond(this.answer, {});
      } else {
        respond(this.jobs-- > 0 ? 201 : 204, job);
      }
    });
  };
}

const requirements = [
  requireThrowawayMachine,
  ...["moto_server", "gitlab-runner", "docker-machine"].map(program),
];

describeWith("The bastion's report.sh", requirements, () => {
  let emulator: Emulator;
  let metadata: HttpServer;
  let gitlab: StandInGitLab;
  let server: HttpServer;
  let cloudWatch: CloudWatch;
  let machine: ThrowawayMachine;

  const report = async (more: Record<string, string> = {}): Promise<CommandResult> =>
    machine.run(["/opt/fleet/report.sh"], {
      AWS_ENDPOINT_URL: emulator.url,
      AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata.url,
      ...more,
    });
  const lastReport = async () =>
    JSON.parse((await cloudWatch.events(`${instanceId}.report`)).at(-1)?.message ?? "") as Record<
      string,
      unknown
    >;
  const unitIs = (state: string) => {
    machine.write("/run/unit-state", `${state}\n`);
  };
  const startRunner = () => {
    const command = `exec gitlab-runner run --config ${config} --working-directory /root >>${log} 2>&1`;
    machine.spawn(["bash", "-c", command], { HOME: "/root" });
  };
  const until = async (what: RegExp) => {
    for (let i = 0; i < 300; i++) {
      const { stdout } = await machine.run(["curl", "--silent", "http://127.0.0.1:9252/metrics"]);
      if (what.test(stdout)) return;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    throw new Error(`GitLab Runner does not say ${String(what)}: ${machine.read(log)}`);
  };

  beforeAll(async () => {
    emulator = await Emulator.start();
    metadata = await startInstanceMetadata("bastion", anyCredentials);
  });

  afterAll(async () => {
    await metadata.stop();
    await emulator.stop();
  });

  beforeEach(async () => {
    await emulator.reset();
    cloudWatch = new CloudWatch(emulator, logGroup);
    await cloudWatch.makeGroup();
    gitlab = new StandInGitLab(() => [30, 10]);
    server = await startHttpServer((request, response) => {
      gitlab.handle(request, (status, body) => {
        response.writeHead(status, { "Content-Type": "application/json" });
        response.end(status === 204 ? undefined : JSON.stringify(body));
      });
    });
    machine = await ThrowawayMachine.start();
    machine.writeFilesOf(examples.bastion);
    for (const name of ["gitlab-runner", "docker-machine"]) {
      fs.symlinkSync(requireProgram(name), machine.outside(`/usr/local/sbin/${name}`));
    }
    machine.write("/usr/local/sbin/systemctl", "#!/bin/bash\ncat /run/unit-state\n", 0o755);
    machine.write("/usr/local/sbin/journalctl", `#!/bin/bash\ncat ${log}\n`, 0o755);
    machine.write("/var/lib/cloud/data/instance-id", `${instanceId}\n`);
    machine.write(log, "");
    machine.write(config, configToml(server.url, "url=tcp://127.0.0.1:1"));
    machine.write("/run/fleet/sync-status", `ok ${sha256}\n`);
    unitIs("active");
  });

  afterEach(async () => {
    await machine.stop();
    await server.stop();
  });

  it("says what the runner does, and counts what has happened since the last time", async () => {
    startRunner();
    await until(/_actions_total\{action="created".* [1-9]/);
    await until(/job_queue_duration_seconds_count.* 1/);

    expect(await report()).toEqual({ status: 0, stdout: "", stderr: "" });
    expect(await lastReport()).toMatchObject({
      state: "running",
      configuration: `ok ${sha256}`,
      configurationSha256: sha256,
      runner: { BastionReports: 1, TokensRejected: 0, ConfigurationRejected: 0, JobWaitSeconds: 7.5 },
    });
    expect(await cloudWatch.metric("BastionReports")).toBe(1);
    expect(await cloudWatch.metric("MachinesCreated")).toBeGreaterThan(0);
    expect(await cloudWatch.metric("MachineCreationFailures")).toBe(0);
    expect(await cloudWatch.metric("JobWaitSeconds")).toBe(7.5);
    for (const name of [
      "MachinesIdle",
      "MachinesUsed",
      "MachinesCreating",
      "MachinesRemoving",
      "RunningJobs",
    ]) {
      expect(await cloudWatch.metric(name)).toBeGreaterThanOrEqual(0);
    }

    machine.write(config, configToml(server.url, "no-such-option=1"));
    await until(/_actions_total\{action="creation-failed".* [1-9]/);
    await report();
    await report();
    expect(await cloudWatch.metric("MachineCreationFailures")).toBeGreaterThan(0);
    expect((await lastReport())["runner"]).not.toHaveProperty("JobWaitSeconds");
    expect(await cloudWatch.metric("JobWaitSeconds")).toBe(7.5);
  });

  it("counts a token that GitLab rejects, also while GitLab Runner no longer asks, until it is accepted", async () => {
    gitlab.answer = 403;
    startRunner();
    await until(/status="403".* 3/);
    await report();
    await report();
    expect(await lastReport()).toMatchObject({ runner: { TokensRejected: 1 } });

    machine.write(config, configToml(server.url, "url=tcp://127.0.0.1:1").replace("Rejected1", "Replaced1"));
    await until(/gitlab_runner_limit\{runner="Replaced1"/);
    await report();
    expect(await lastReport()).toMatchObject({ runner: { TokensRejected: 0 } });
  });

  it("asks GitLab once an hour when tokens expire, and tells the first of the days", async () => {
    await report();
    await report();
    expect(gitlab.verified.map((form) => form.get("token"))).toEqual([
      "glrt-t3_Rejected1.planted",
      "glrt-Accepted1.planted",
    ]);
    expect(await lastReport()).toMatchObject({ runner: { TokenDaysLeft: 10.04 } });

    await machine.run(["touch", "--date", "-61 minutes", "/run/fleet/token-expiries"]);
    await report();
    await report();
    expect(gitlab.verified).toHaveLength(4);
    expect((await lastReport())["runner"]).not.toHaveProperty("TokenDaysLeft");
  });

  it("shows each machine in the store with its job", async () => {
    const [busy, idle] = ["runner-rejected1-0a1b2c3d-worker-1-a", "runner-rejected1-0a1b2c3d-worker-2-b"];
    for (const name of [busy, idle])
      machine.write(`/root/.docker/machine/machines/${name}/config.json`, "{}");
    const said = (what: string, number: number, name: string) =>
      `\u001b[0;m${what} docker-machine   \u001b[0;m  docker\u001b[0;m=tcp://10.0.0.1:2376 job\u001b[0;m=${number} name\u001b[0;m=${name} now\u001b[0;m=2026\n`;
    machine.write(
      log,
      [
        said("Using existing", 1, idle),
        "Starting multi-runner from /etc/gitlab-runner/config.toml...  builds=0\n",
        said("Created", 7, busy),
        said("Using existing", 8, idle),
        said("Cleaned up", 8, idle),
      ].join(""),
    );
    machine.write(
      "/usr/local/sbin/curl",
      '#!/bin/bash\n[[ "$*" != *9252* ]] || exec echo \'gitlab_runner_limit{runner="Rejected1"} 3\'\nexec /usr/bin/curl "$@"\n',
      0o755,
    );

    await report();
    expect((await lastReport())["machines"]).toEqual([
      { name: busy, job: 7 },
      { name: idle, job: null },
    ]);
  });

  it.each([
    ["active", false, "running", 1],
    ["active", true, "draining", 1],
    ["deactivating", true, "draining", 1],
    ["inactive", true, "drained", 1],
    ["failed", true, "drained", 1],
    ["inactive", false, "stopped", undefined],
    ["activating", false, "stopped", undefined],
  ])(
    "calls a runner that is %s (named to drain: %s) %s, and has a heartbeat unless it is stopped",
    async (unit, marked, state, heartbeat) => {
      unitIs(unit);
      if (marked) machine.write("/run/fleet/draining", "");

      expect((await report()).status).toBe(0);
      expect(await lastReport()).toMatchObject({ state });
      expect(await cloudWatch.metric("BastionReports")).toBe(heartbeat);
    },
  );

  it.each([
    ["failed: gitlab-runner rejects config.toml: FATAL: x", 1],
    ["failed: config.toml: there is no parameter for @@runner-token/default@@", 1],
    ["failed: curl: (7) Failed to connect read-parameters: cannot read /x as bastion:", 0],
  ])("tells a config.toml that is not good from one that could not be read: %s", async (status, rejected) => {
    await report();
    machine.write("/run/fleet/sync-status", `${status}\n`);

    await report();
    expect(await lastReport()).toMatchObject({
      configuration: status,
      configurationSha256: sha256,
      runner: { ConfigurationRejected: rejected },
    });
  });

  it("fails while AWS is out of reach, and reports again when it is back", async () => {
    expect(await report({ AWS_ENDPOINT_URL: "http://127.0.0.1:1" })).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(
        /^report: cannot write to \/gitlab-runner-fleet\/test\/bastion as bastion: /,
      ) as string,
    });
    expect((await report()).status).toBe(0);
  });
});
