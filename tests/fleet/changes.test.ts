import { describeWith } from "../tools/programs";
import { Fleet, type FleetSettings } from "./fleet";
import { endOf, eventually, machineOf } from "./gitlab";
import { note } from "./leftovers";
import { anyRunner, fleetRequirements } from "./requirements";

jest.setTimeout(300_000);

const everySecond = "* * * * * * *";
const never = "* * * 1 1 * 2099";

/** A runner with a working day, which it is now, or is not. */
function scheduled(isPeak: boolean): FleetSettings {
  const peak = { periods: [isPeak ? everySecond : never], idleCount: 1, idleTime: 5 };
  const machine = { idleCount: 0, idleTime: 2, maxBuilds: 100 };
  return { runners: [{ ...anyRunner, name: "default", machine, autoscaling: [peak] }] };
}

describeWith("Changes of a fleet that runs", fleetRequirements, () => {
  let fleet: Fleet;
  let runnerProcess: string;

  const processOfRunner = async () =>
    (await fleet.bastion.machine.run(["pgrep", "--exact", "gitlab-runner"])).stdout.trim();
  const used = (token: string) => fleet.gitlab.asked.get(token) ?? 0;

  beforeAll(async () => {
    fleet = await Fleet.start(scheduled(true));
    runnerProcess = await processOfRunner();
  });

  afterAll(async () => {
    await fleet.stop();
  });

  it("peak: a machine waits before there is any job, and takes the first in a moment", async () => {
    const isIdle = () => fleet.bastion.log().includes("Machine created");
    expect(await eventually(isIdle, 90)).toBe(true);
    expect(fleet.gitlab.jobs).toEqual([]);

    const job = fleet.gitlab.queue({ script: ["true"] });
    expect(await fleet.gitlab.end(job)).toBe("success");
    expect((endOf(job)?.at ?? 0) - job.queuedAt).toBeLessThan(15_000);
    expect(machineOf(job)).toMatch(/^runner-default-t-/);
  });

  it("a change of the schedule while a job runs: the job finishes, off-peak leaves no machine", async () => {
    const job = fleet.gitlab.queue({ script: ["echo begun", "sleep 15", "echo finished"] });
    await fleet.gitlab.said(job, "$ sleep 15");

    expect(await fleet.configure(scheduled(false))).toContain("fleet-sync: new config.toml");
    expect(await fleet.gitlab.end(job)).toBe("success");
    expect(job.trace).toMatch(/^\S+ \S+ finished/m);
    expect(await eventually(() => fleet.workers.now.length === 0, 60)).toBe(true);
    expect(await processOfRunner()).toBe(runnerProcess);
  });

  it("the peak that comes back fills the pool again", async () => {
    const before = fleet.workers.all.length;
    await fleet.configure(scheduled(true));

    expect(await eventually(() => fleet.workers.all.length === before + 1, 30)).toBe(true);
    expect(await processOfRunner()).toBe(runnerProcess);
  });

  it("a token that is rotated while a job runs: the job finishes, the new one is in force", async () => {
    const job = fleet.gitlab.queue({ script: ["echo begun", "sleep 12", "echo finished"] });
    await fleet.gitlab.said(job, "$ sleep 12");
    const machine = machineOf(job);
    await fleet.configure(scheduled(true), { default: "glrt-rotated-token" });

    const rotatedAt = Date.now();
    expect(await eventually(() => used("glrt-rotated-token") > 0, 150)).toBe(true);
    note("token rotated", { asksAfter: Date.now() - rotatedAt });
    fleet.gitlab.reject("glrt-default-token");
    expect(await fleet.gitlab.end(job)).toBe("success");
    expect(job.reports).toHaveLength(2);
    const before = used("glrt-default-token");
    const next = fleet.gitlab.queue({ script: ["true"] });
    expect(await fleet.gitlab.end(next)).toBe("success");
    expect(next.takenBy).toBe("glrt-rotated-token");
    expect(used("glrt-default-token")).toBe(before);
    expect(await processOfRunner()).toBe(runnerProcess);
    // GitLab Runner looks after the machines of the tokens in its file only, the bastion's timer after the others.
    const tidied = await fleet.bastion.tidy();
    expect(tidied).toContain(`fleet-tidy: removes ${machine}: no runner is called like it`);
    const names = fleet.workers.now.map(({ instance }) => instance.name);
    expect(names.filter((name) => name.startsWith("runner-default-t"))).toEqual([]);
  });
});
