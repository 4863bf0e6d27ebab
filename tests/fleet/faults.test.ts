import { TerminateInstancesCommand } from "@aws-sdk/client-ec2";
import { describeWith } from "../tools/programs";
import { Fleet, type FleetSettings } from "./fleet";
import { endOf, eventually } from "./gitlab";
import { dead, leftovers, note, sweepLater, tidyLater, unowned } from "./leftovers";
import { anyRunner, fleetRequirements } from "./requirements";

jest.setTimeout(300_000);

const settings: FleetSettings = {
  checkInterval: 1,
  runners: [{ ...anyRunner, name: "default", machine: { idleTime: 600, maxBuilds: 100 } }],
};

describeWith("A fleet with a fault", fleetRequirements, () => {
  let fleet: Fleet;

  beforeAll(async () => {
    fleet = await Fleet.start(settings);
  });

  afterAll(async () => {
    await fleet.stop();
  });

  const job = (script: string[]) => fleet.gitlab.queue({ script });
  const succeeds = async () => fleet.gitlab.end(job(["true"]), 120);
  const kill = (pattern: string) => fleet.bastion.machine.run(["pkill", "-KILL", "--full", pattern]);

  it("a worker that dies in the middle of a job: it fails once, and the next job gets another machine", async () => {
    const running = job(["echo begun", "sleep 600"]);
    await fleet.gitlab.said(running, "$ sleep 600");
    const [worker] = fleet.workers.now;
    const died = Date.now();
    const InstanceIds = [worker?.instance.id ?? ""];
    await fleet.account.ec2.send(new TerminateInstancesCommand({ InstanceIds }));
    await fleet.workers.end(InstanceIds[0] ?? "");

    const end = await fleet.gitlab.end(running, 200);
    note("worker dies", {
      end,
      after: (endOf(running)?.at ?? 0) - died,
      reports: running.reports,
      tail: running.trace.slice(-600),
      ...(await leftovers(fleet)),
    });
    expect(end).toBe("failed");
    expect(running.reports).toHaveLength(2);
    const next = job(["true"]);
    expect(await fleet.gitlab.end(next, 120)).toBe("success");
    expect(next.reports).toHaveLength(2);
    expect(fleet.workers.all).toHaveLength(2);
    note("worker dies, later", { took: (endOf(next)?.at ?? 0) - next.queuedAt, ...(await leftovers(fleet)) });
  });

  it("docker-machine that is killed in the middle of a create: the job gets another machine", async () => {
    const busy = job(["sleep 40"]);
    await fleet.gitlab.said(busy, "$ sleep 40");
    const before = fleet.aws.callsOf("ec2:RunInstances").length;
    const waiting = job(["true"]);
    expect(await eventually(() => fleet.aws.callsOf("ec2:RunInstances").length > before, 60)).toBe(true);
    await kill("docker-machine .*create");

    const end = await fleet.gitlab.end(waiting, 150);
    note("docker-machine killed", {
      end,
      took: (endOf(waiting)?.at ?? 0) - waiting.queuedAt,
      reports: waiting.reports,
      ...(await leftovers(fleet)),
    });
    expect(end).toBe("success");
    expect(waiting.reports).toHaveLength(2);
    await fleet.gitlab.end(busy);
    // What it has not written down yet, docker-machine does not remove.
    const swept = await sweepLater(fleet);
    note("docker-machine killed, swept", { swept, ...(await leftovers(fleet)) });
    expect(await unowned(fleet)).toEqual([]);
  });

  it("SSM that fails for ten minutes: the fleet goes on with what it has, then takes what was published meanwhile", async () => {
    const read = (file: string) => fleet.bastion.machine.read(file);
    const before = read("/etc/gitlab-runner/config.toml");
    const running = job(["sleep 20"]);
    await fleet.gitlab.said(running, "$ sleep 20");
    const fault = { status: 500, code: "InternalServerError", message: "down" };
    fleet.aws.faults.answerAlways([{ action: "ssm GetParametersByPath", fault }]);
    const syncs = [await fleet.configure({ ...settings, concurrent: 8 }).catch(String)];
    const next = job(["true"]);
    while (syncs.length < 10) syncs.push(await fleet.bastion.sync().catch(String));
    const ends = [await fleet.gitlab.end(running), await fleet.gitlab.end(next)];
    const status = read("/run/fleet/sync-status");
    note("SSM fails", { syncs: syncs.length, last: syncs.at(-1), ends, status, ...(await leftovers(fleet)) });
    expect(syncs).toEqual(syncs.map((): unknown => expect.stringContaining("InternalServerError")));
    expect(status).toMatch(/^failed: .*InternalServerError/);
    expect(ends).toEqual(["success", "success"]);
    expect([running.reports.length, next.reports.length]).toEqual([2, 2]);
    expect(read("/etc/gitlab-runner/config.toml")).toBe(before);

    fleet.aws.faults.heal();
    expect(await fleet.bastion.sync()).toContain("fleet-sync: new config.toml");
    expect(read("/run/fleet/sync-status")).toMatch(/^ok /);
    expect(read("/etc/gitlab-runner/config.toml")).toContain("concurrent = 8");
  });

  it("EC2 that answers 500 for a minute: jobs fail as the system's failure, once, and the next one runs", async () => {
    const fault = { status: 500, code: "InternalError", message: "An internal error has occurred" };
    const actions =
      "RunInstances DescribeInstances DescribeSubnets DescribeKeyPairs DescribeSecurityGroups ImportKeyPair DeleteKeyPair TerminateInstances StopInstances";
    fleet.aws.faults.answerAlways(actions.split(" ").map((action) => ({ action: `ec2 ${action}`, fault })));
    // One more than there are machines.
    const jobs = Array.from({ length: fleet.workers.now.length + 1 }, () => job(["sleep 30"]));
    await new Promise((resolve) => setTimeout(resolve, 60_000));
    const calls = fleet.aws.calls.filter(({ status }) => status === 500).length;
    fleet.aws.faults.heal();

    for (const one of jobs) await fleet.gitlab.end(one, 150);
    const ends = jobs.map(endOf);
    note("EC2 500", { ends, calls, ...(await leftovers(fleet)) });
    // GitLab Runner tries three times within seconds, and gives up: `retry: runner_system_failure` in a project helps.
    const reasons = ends.filter((end) => end?.state === "failed").map((end) => end?.failureReason);
    expect(reasons).toContain("runner_system_failure");
    expect(reasons).toEqual(reasons.map(() => "runner_system_failure"));
    expect(jobs.map(({ reports }) => reports.length)).toEqual(jobs.map(() => 2));
    expect(await succeeds()).toBe("success");
  });

  it("gitlab-runner that is killed: jobs are not reported again, and the next one runs", async () => {
    const jobs = Array.from({ length: fleet.workers.now.length + 2 }, () => job(["sleep 90"]));
    const before = fleet.aws.callsOf("ec2:RunInstances").length;
    expect(await eventually(() => fleet.aws.callsOf("ec2:RunInstances").length > before, 60)).toBe(true);
    expect(await eventually(() => jobs.some(({ trace }) => trace.includes("$ sleep")), 90)).toBe(true);
    const another = job(["true"]);
    const made = fleet.aws.callsOf("ec2:RunInstances").length;
    expect(await eventually(() => fleet.aws.callsOf("ec2:RunInstances").length > made, 30)).toBe(true);
    await fleet.bastion.machine.run(["pkill", "-KILL", "--exact", "gitlab-runner"]);
    note("gitlab-runner killed", await leftovers(fleet));
    await new Promise((resolve) => setTimeout(resolve, 20_000));
    note("gitlab-runner killed, 20 s later", await leftovers(fleet));

    const next = job(["true"]);
    const end = await fleet.gitlab.end(next, 150);
    note("gitlab-runner killed, later", {
      end,
      took: (endOf(next)?.at ?? 0) - next.queuedAt,
      jobs: [...jobs, another].map(({ reports }) => reports.map(({ state }) => state).join(" ")),
      ...(await leftovers(fleet)),
    });
    expect(end).toBe("success");
    expect(Math.max(...[...jobs, another].map(({ reports }) => reports.length))).toBe(1);
  });

  it("leaves nothing that nobody owns, once the bastion's timer and the sweep have been there", async () => {
    const tidied = await tidyLater(fleet);
    const swept = await sweepLater(fleet);
    note("faults, tidied and swept", { tidied, swept, ...(await leftovers(fleet)) });
    expect([await dead(fleet), await unowned(fleet)]).toEqual([[], []]);
  });
});
