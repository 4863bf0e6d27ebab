import * as fs from "fs";
import { setTimeout } from "timers/promises";
import { describeWith } from "../tools/programs";
import { Fleet, type FleetSettings } from "./fleet";
import { eventually } from "./gitlab";
import { anyRunner, fleetRequirements } from "./requirements";

jest.setTimeout(240_000);

const unlimited = { maxGrowthRate: 0 };

/** MiB that a t2.micro has for the runner manager and docker-machine, beside its system. */
const usable = 600;

/** A fleet that wants machines, as many at once as the growth rate lets it. */
function wanting(machines: number, growth: { maxGrowthRate?: number }): FleetSettings {
  const machine = { idleCount: machines, idleTime: 0, ...growth };
  return { concurrent: 50, runners: [{ ...anyRunner, name: "default", limit: 50, machine }] };
}

describeWith("The bastion's memory", fleetRequirements, () => {
  let fleet: Fleet;

  beforeAll(async () => {
    fleet = await Fleet.start(wanting(0, unlimited));
    // Each creation waits for SSH, with all of its processes: so all are there at once, however slow this machine is.
    fleet.workers.boots = false;
  });

  afterAll(async () => {
    await fleet.stop();
  });

  /** MiB of all processes of the bastion; what several have in common is counted once. */
  const used = () => {
    const sizes = fleet.bastion.processes().map((pid) => {
      try {
        const rollup = fs.readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
        return Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0);
      } catch {
        // It has just ended.
        return 0;
      }
    });
    return sizes.reduce((sum, size) => sum + size, 0) / 1024;
  };

  it("has room for 30 machines that are asked for at once, of which MaxGrowthRate lets 5 be made, and for twice as many", async () => {
    const rest = used();
    const peaks = new Map<number, number>();
    for (const { asked, growth, made } of [
      { asked: 1, growth: unlimited, made: 1 },
      { asked: 30, growth: {}, made: 5 },
      { asked: 10, growth: unlimited, made: 10 },
    ]) {
      await fleet.configure(wanting(asked, growth));
      const isMade = () => fleet.aws.callsOf("ec2:RunInstances").length >= made;
      expect(await eventually(isMade, 60)).toBe(true);
      let peak = 0;
      for (let sample = 0; sample < 40; sample += 1) {
        peak = Math.max(peak, used());
        await setTimeout(100);
      }
      expect(fleet.aws.callsOf("ec2:RunInstances")).toHaveLength(made);
      peaks.set(made, peak);
    }
    const lines = [...peaks].map(([count, peak]) => `${count} at once: ${Math.round(peak)} MiB`);
    process.stdout.write(
      `\nMemory of the bastion:\n${[`at rest: ${Math.round(rest)} MiB`, ...lines].join("\n")}\n`,
    );
    expect(peaks.get(10)).toBeLessThan(usable / 2);
  });
});
