import { setTimeout } from "timers/promises";
import { handler } from "../../sweep/handler";
import { describeWith } from "../tools/programs";
import type { Bastion } from "./bastion";
import { Fleet } from "./fleet";
import { endOf, eventually, machineOf } from "./gitlab";
import { becomeSweep, note, unowned } from "./leftovers";
import { anyRunner, fleetRequirements } from "./requirements";
import { FleetStack } from "./stack";

jest.setTimeout(300_000);

const steps = 3;

describeWith("A bastion that is replaced while a job runs", fleetRequirements, () => {
  let fleet: Fleet;
  const formerly = { group: "", id: "" };
  /** Bastions whose timers run. */
  const timed = new Set<Bastion>();
  let turn: Promise<void>;
  let isOver = false;

  /** What Pulumi does when the group has changed. */
  const handOver = (step: number): Promise<unknown> => {
    const { group } = formerly;
    return handler(
      {
        step,
        steps,
        group: fleet.stack.bastionGroup,
        tf: { action: "update", prev_input: { step, steps, group } },
      },
      {
        invokedFunctionArn: "arn:aws:lambda:eu-west-1:123456789012:function:sweep",
        getRemainingTimeInMillis: () => 900_000,
      },
    );
  };
  const drainOrder = async () =>
    (await fleet.account.parameters(FleetStack.path)).find(({ Name }) => Name?.endsWith("/drain"))?.Value;
  const makerOf = async (machine: string | undefined) => {
    const instances = await fleet.account.instances();
    const { Tags = [] } = instances.find(({ KeyName }) => KeyName === machine) ?? {};
    return Tags.find(({ Key }) => Key === "fleet-bastion")?.Value;
  };

  /** The job of the first machine waits for a file. */
  const endJob = async () => {
    const [worker] = fleet.workers.all;
    const container = await worker?.docker("ps", "--quiet", "--filter", "name=-build");
    await worker?.docker("exec", container?.stdout.trim() ?? "", "touch", "/end");
  };

  beforeAll(async () => {
    fleet = await Fleet.start({
      runners: [{ ...anyRunner, name: "default", machine: { idleTime: 600, maxBuilds: 10 } }],
    });
    Object.assign(formerly, { group: fleet.stack.bastionGroup, id: fleet.stack.bastionId });
    timed.add(fleet.bastion);
    becomeSweep(fleet);
    const runTimers = async () => {
      for (const bastion of timed) {
        await bastion.sync();
        await bastion.report();
      }
      await setTimeout(1000);
      if (!isOver) turn = runTimers();
    };
    turn = runTimers();
  });

  afterAll(async () => {
    isOver = true;
    await turn;
    await fleet.stop();
  });

  it("goes on until the new one works, then takes no more jobs, ends the one that runs, and goes with its machine", async () => {
    const running = fleet.gitlab.queue({ script: ["until test -e /end; do sleep 1; done"] });
    await fleet.gitlab.said(running, "$ until");
    const former = await fleet.bootSuccessor();

    const began = Date.now();
    const drained = handOver(1);
    // Should this test fail before it is over, the fleet goes and with it what it asks.
    drained.catch(() => undefined);
    await setTimeout(6000);
    expect(await drainOrder()).toBe("none");
    timed.add(fleet.bastion);
    expect(await eventually(async () => (await drainOrder()) === `leaving:${formerly.id}`, 30)).toBe(true);
    expect(await eventually(() => former.machine.exists("/run/fleet/draining"), 30)).toBe(true);
    const knows = () => former.log().includes("Starting graceful shutdown");
    expect(await eventually(knows, 30)).toBe(true);
    // For so long it may still look at a machine and then ask for a job for it, which it would end, too.
    await setTimeout(5000);

    const next = fleet.gitlab.queue({ script: ["true"] });
    expect(await fleet.gitlab.end(next)).toBe("success");
    expect(await makerOf(machineOf(next))).toBe(fleet.stack.bastionId);
    expect(endOf(running)).toBeUndefined();

    await endJob();
    expect([await drained, await fleet.gitlab.end(running)]).toEqual([{ drained: true }, "success"]);
    expect(running.reports.map(({ state }) => state)).toEqual(["running", "success"]);
    expect(await handOver(2)).toEqual({ drained: true });
    // Its runner has removed its machine already.
    expect(await handOver(3)).toEqual({ removed: [] });
    timed.delete(former);
    await turn;
    await former.stop();

    const ids = (await fleet.account.instances()).map(({ InstanceId }) => InstanceId);
    expect(ids).not.toContain(formerly.id);
    expect(fleet.workers.now.map(({ instance }) => instance.name)).toEqual([machineOf(next)]);
    expect(await unowned(fleet)).toEqual([]);
    expect(await drainOrder()).toBe("none");
    note("replaced", { took: Date.now() - began, ofItTheJob: (endOf(running)?.at ?? 0) - began });
  });
});
