import { describeWith } from "../tools/programs";
import { BastionClock } from "./clock";
import { Fleet, type FleetSettings } from "./fleet";
import { endOf, eventually, machineOf, type Job } from "./gitlab";
import { dead, leftovers, note, sweepAt, sweepLater, tidyLater, unowned } from "./leftovers";
import { anyRunner, fleetRequirements } from "./requirements";

jest.setTimeout(300_000);

const settings: FleetSettings = {
  checkInterval: 1,
  runners: [{ ...anyRunner, name: "default", machine: { idleTime: 600, maxBuilds: 100 } }],
};

describeWith("A bastion with a fault", fleetRequirements, () => {
  let fleet: Fleet;

  beforeAll(async () => {
    fleet = await Fleet.start(settings);
  });

  afterAll(async () => {
    await fleet.stop();
  });

  it("reboots with a job running and a machine half made: it takes jobs again by itself", async () => {
    const running = fleet.gitlab.queue({ script: ["sleep 60"] });
    await fleet.gitlab.said(running, "$ sleep 60");
    const before = fleet.aws.callsOf("ec2:RunInstances").length;
    const waiting = fleet.gitlab.queue({ script: ["true"] });
    expect(await eventually(() => fleet.aws.callsOf("ec2:RunInstances").length > before, 60)).toBe(true);
    await fleet.bastion.reboot();
    note("reboot", await leftovers(fleet));

    const rebooted = Date.now();
    const next = fleet.gitlab.queue({ script: ["true"] });
    expect(await fleet.gitlab.end(next, 150)).toBe("success");
    note("reboot, later", {
      took: (endOf(next)?.at ?? 0) - rebooted,
      first: running.reports,
      waiting: waiting.reports,
      ...(await leftovers(fleet)),
    });
    expect([running.reports.length, waiting.reports.length]).toEqual([1, 1]);
  });

  it("has a full disk: a new machine cannot be made, and nothing is changed; with room again all goes on", async () => {
    const full = `
set -e
for folder in /root/.docker /etc/gitlab-runner; do
  cp --archive $folder /run/full && mount -t tmpfs -o size=2m tmpfs $folder && cp --archive /run/full/. $folder && rm -r /run/full
  dd if=/dev/zero of=$folder/fill bs=4k 2>/dev/null || true
done`;
    const { status, stderr } = await fleet.bastion.machine.run(["bash", "-c", full]);
    expect([status, stderr]).toEqual([0, ""]);
    const config = fleet.bastion.machine.read("/etc/gitlab-runner/config.toml");
    const sync = await fleet
      .configure({ ...settings, concurrent: 7 })
      .catch((error: unknown) => String(error));
    expect(fleet.bastion.machine.read("/etc/gitlab-runner/config.toml")).toBe(config);
    const busy = fleet.gitlab.queue({ script: ["sleep 20"] });
    const waiting = fleet.gitlab.queue({ script: ["true"] });
    await new Promise((resolve) => setTimeout(resolve, 20_000));
    note("disk full", { sync, busy: busy.reports, waiting: waiting.reports, ...(await leftovers(fleet)) });

    await fleet.bastion.machine.run(["rm", "/root/.docker/fill", "/etc/gitlab-runner/fill"]);
    const ends = [await fleet.gitlab.end(busy, 150), await fleet.gitlab.end(waiting, 150)];
    note("disk full, later", {
      ends,
      log: fleet.bastion
        .log()
        .match(/.*no space.*/g)
        ?.slice(0, 3),
      ...(await leftovers(fleet)),
    });
    expect(ends).toEqual(["success", "success"]);
    await fleet.bastion.sync();
    expect(fleet.bastion.machine.read("/etc/gitlab-runner/config.toml")).toContain("concurrent = 7");
  });

  it("leaves nothing that nobody owns, once the bastion's timer and the sweep have been there", async () => {
    const tidied = await tidyLater(fleet);
    const swept = await sweepLater(fleet);
    note("bastion's faults, tidied and swept", { tidied, swept, ...(await leftovers(fleet)) });
    expect([await dead(fleet), await unowned(fleet)]).toEqual([[], []]);
  });

  it("has a clock that goes ahead, far ahead, and back: jobs end, machines stay, and new ones come", async () => {
    const clock = await BastionClock.of(fleet.bastion);
    /** While another job runs, one of these needs a new machine. */
    const queueOneMore = () =>
      Array.from({ length: fleet.workers.now.length }, () => fleet.gitlab.queue({ script: ["sleep 5"] }));
    const ends = async (jobs: Job[]) => Promise.all(jobs.map((job) => fleet.gitlab.end(job, 150)));
    const swept = async () => [
      ...(await sweepAt(fleet, Date.now())),
      ...(await sweepAt(fleet, Date.now() + 20 * 60_000)),
    ];
    const running = fleet.gitlab.queue({ script: ["sleep 100"] });
    await fleet.gitlab.said(running, "$ sleep 100");
    const living = () => fleet.workers.now.map(({ instance }) => instance.name);
    const machines = living().length;

    clock.set(4 * 60);
    expect(await clock.now()).toBeGreaterThan(Date.now() + 230_000);
    const ahead = queueOneMore();
    expect(await ends(ahead)).toEqual(ahead.map(() => "success"));
    await fleet.bastion.report();
    const before = living();
    expect([await fleet.bastion.tidy(), await swept(), living()]).toEqual(["", [], before]);

    await fleet.bastion.machine.run(["mkdir", "/root/.docker/machine/machines/runner-lost"]);
    expect(await fleet.bastion.units.once("fleet-tidy")).toBe("");
    clock.set(60 * 60);
    const refused = [
      await fleet.configure({ ...settings, concurrent: 9 }).catch(String),
      await fleet.bastion.report().catch(String),
    ];
    const farAhead = fleet.gitlab.queue({ script: ["true"] });
    await fleet.gitlab.end(farAhead);
    note("clock ahead", { refused, end: endOf(farAhead), ...(await leftovers(fleet)) });
    expect(refused).toEqual(refused.map((): unknown => expect.stringContaining("RequestExpired")));
    expect(Date.parse(farAhead.trace.slice(0, 27))).toBeGreaterThan(Date.now() + 3_500_000);
    // docker-machine asks EC2 about an idle machine, too.
    expect(endOf(farAhead)?.failureReason).toBe("runner_system_failure");
    expect([await fleet.bastion.units.once("fleet-tidy"), await swept()]).toEqual(["", []]);
    expect(endOf(running)).toBeUndefined();

    clock.set(0);
    expect(await fleet.bastion.sync()).toContain("fleet-sync: new config.toml");
    const back = queueOneMore();
    expect(await ends([running, ...back])).toEqual([running, ...back].map(() => "success"));
    const after = living();
    expect(after).toHaveLength(machines + 2);
    const all = [running, ...ahead, farAhead, ...back];
    expect(all.map(({ reports }) => reports.length)).toEqual(all.map(() => 2));
    expect((await tidyLater(fleet)).match(/removes .*/g)).toEqual([
      "removes runner-lost: its creation was killed",
    ]);
    expect([await sweepLater(fleet), living()]).toEqual([[], after]);
    note("clock back", await leftovers(fleet));
    expect([await dead(fleet), await unowned(fleet)]).toEqual([[], []]);
  });

  it("is terminated with a job running: the next one takes jobs, and the sweep removes what the former had", async () => {
    const running = fleet.gitlab.queue({ script: ["sleep 600"] });
    await fleet.gitlab.said(running, "$ sleep 600");
    const former = fleet.stack.bastionId;
    const before = await leftovers(fleet);
    const terminated = Date.now();
    await fleet.terminateBastion();
    const next = fleet.gitlab.queue({ script: ["sleep 15"] });
    await fleet.gitlab.said(next, "$ sleep 15");
    const swept = await sweepLater(fleet);
    note("terminated", { before, took: Date.now() - terminated, swept, ...(await leftovers(fleet)) });

    const why = `its bastion ${former} is gone`;
    expect(swept.filter(({ kind }) => kind === "instance")).toEqual(
      Array.from({ length: before.instances }, () => ({ kind: "instance", why })),
    );
    expect(swept.filter(({ kind }) => kind === "key-pair")).toHaveLength(before.keyPairs);
    expect(fleet.workers.now.map(({ instance }) => instance.name)).toEqual([machineOf(next)]);
    expect(await fleet.gitlab.end(next)).toBe("success");
    expect(await unowned(fleet)).toEqual([]);
    expect(running.reports.map(({ state }) => state)).toEqual(["running"]);
  });
});
