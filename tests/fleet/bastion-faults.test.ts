import { describeWith } from "../tools/programs";
import { Fleet, type FleetSettings } from "./fleet";
import { endOf, eventually } from "./gitlab";
import { leftovers, note, sweepLater, unowned } from "./leftovers";
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
    await eventually(() => fleet.aws.callsOf("ec2:RunInstances").length > before, 60);
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
    const tidied = await fleet.bastion.tidy();
    const swept = await sweepLater(fleet);
    note("bastion's faults, tidied and swept", { tidied, swept, ...(await leftovers(fleet)) });
    expect(await unowned(fleet)).toEqual([]);
  });
});
