import { describeWith } from "../tools/programs";
import { Fleet } from "./fleet";
import { endOf, eventually, machineOf, type Job } from "./gitlab";
import { anyRunner, fleetRequirements } from "./requirements";
import { stepsOf, tableOf } from "./steps";

jest.setTimeout(180_000);

describeWith("A fleet's jobs", fleetRequirements, () => {
  let fleet: Fleet;
  let first: Job;

  beforeAll(async () => {
    const machine = { idleTime: 600, maxBuilds: 3 };
    fleet = await Fleet.start({ runners: [{ ...anyRunner, name: "default", machine }] });
  });

  afterAll(async () => {
    await fleet.stop();
  });

  it("run in a container on a machine that comes by itself, and their logs arrive", async () => {
    first = fleet.gitlab.queue({ script: ["echo hello from $(cat /etc/hostname)"] });

    expect(await fleet.gitlab.end(first)).toBe("success");
    expect(first.trace).toMatch(/hello from runner-default-t-project-1-concurrent-0/);
    expect(first.reports.map(({ state }) => state)).toEqual(["running", "success"]);
    const [worker] = fleet.workers.all;
    if (!worker) throw new Error("there is no worker");
    process.stdout.write(
      `\nA job on a new machine:\n${tableOf(stepsOf(fleet, first, worker, worker.commands))}\n`,
    );
  });

  it("fail when their script does", async () => {
    const failing = fleet.gitlab.queue({ script: ["echo before", "exit 3", "echo after"] });

    expect(await fleet.gitlab.end(failing)).toBe("failed");
    expect(endOf(failing)?.failureReason).toBe("script_failure");
    expect(failing.trace).toContain("Job failed: exit code 3");
    expect(failing.trace).not.toMatch(/^\S+ \S+ after/m);
  });

  it("use a machine again until it had MaxBuilds of them", async () => {
    const third = fleet.gitlab.queue({ script: ["true"] });
    await fleet.gitlab.end(third);

    expect(machineOf(third)).toBe(machineOf(first));
    expect(fleet.aws.callsOf("ec2:RunInstances")).toHaveLength(1);
    const isRetired = () => fleet.aws.callsOf("ec2:TerminateInstances").length === 1;
    expect(await eventually(isRetired, 30)).toBe(true);
    expect(await eventually(() => fleet.workers.now.length === 0, 10)).toBe(true);
    expect(await eventually(() => fleet.aws.callsOf("ec2:DeleteKeyPair").length === 1, 10)).toBe(true);
    expect(fleet.gitlab.jobs.map(({ reports }) => reports.length)).toEqual([2, 2, 2]);
  });
});
