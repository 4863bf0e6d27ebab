import * as fs from "fs";
import { setTimeout } from "timers/promises";
import { describeWith } from "../tools/programs";
import { Fleet, type FleetSettings } from "./fleet";
import { eventually } from "./gitlab";
import { anyRunner, fleetRequirements } from "./requirements";

jest.setTimeout(240_000);

/** MiB that a t2.micro has for the runner manager and docker-machine, beside its system. */
const usable = 600;

/** A fleet that wants machines at once. */
function wanting(machines: number): FleetSettings {
  const machine = { idleCount: machines, idleTime: 0, maxGrowthRate: 0 };
  return { concurrent: 50, runners: [{ ...anyRunner, name: "default", limit: 50, machine }] };
}

describeWith("The bastion's memory", fleetRequirements, () => {
  let fleet: Fleet;

  beforeAll(async () => {
    fleet = await Fleet.start(wanting(0));
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

  it("has room for 10 machines that are made at once, twice the default MaxGrowthRate, and for more", async () => {
    const rest = used();
    const peaks = new Map<number, number>();
    let made = 0;
    for (const more of [1, 4, 5]) {
      made += more;
      await fleet.configure(wanting(made));
      const isMade = () => fleet.aws.callsOf("ec2:RunInstances").length >= made;
      expect(await eventually(isMade, 60)).toBe(true);
      let peak = 0;
      for (let sample = 0; sample < 40; sample += 1) {
        peak = Math.max(peak, used());
        await setTimeout(100);
      }
      peaks.set(made, peak);
    }
    const lines = [...peaks].map(([count, peak]) => `${count} at once: ${Math.round(peak)} MiB`);
    process.stdout.write(
      `\nMemory of the bastion:\n${[`at rest: ${Math.round(rest)} MiB`, ...lines].join("\n")}\n`,
    );
    expect(peaks.get(10)).toBeLessThan(usable / 2);
  });
});
