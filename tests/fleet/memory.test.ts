import * as fs from "fs";
import { describeWith } from "../tools/programs";
import { Fleet, type FleetSettings } from "./fleet";
import { eventually } from "./gitlab";
import { anyRunner, fleetRequirements } from "./requirements";

jest.setTimeout(400_000);

/** Memory that a t2.micro has for the runner manager and docker-machine, beside its system. */
const usable = 600;

/** A fleet that wants machines at once. */
function wanting(machines: number): FleetSettings {
  const machine = { idleCount: machines, idleTime: 0, maxGrowthRate: 0 };
  return { concurrent: 50, runners: [{ ...anyRunner, name: "default", limit: 50, machine }] };
}

describeWith("Memory of the bastion", fleetRequirements, () => {
  let fleet: Fleet;

  beforeAll(async () => {
    fleet = await Fleet.start(wanting(0));
  });

  afterAll(async () => {
    await fleet.stop();
  });

  /** MiB of what belongs to no other process, and of its share of what several use: of all processes of the bastion's services. */
  const used = () => {
    const sizes = fleet.bastion.processes().map((pid) => {
      try {
        const rollup = fs.readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
        return Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0);
      } catch {
        return 0;
      }
    });
    return sizes.reduce((sum, size) => sum + size, 0) / 1024;
  };

  it("grows with the machines that are made at once, within what a t2.micro has at the default MaxGrowthRate", async () => {
    const peaks = new Map<number, number>([[0, used()]]);
    for (const machines of [1, 5, 10, 30]) {
      const before = fleet.aws.callsOf("ec2:RunInstances").length;
      let peak = 0;
      const sampling = setInterval(() => (peak = Math.max(peak, used())), 200);
      await fleet.configure(wanting(machines));
      const made = () => fleet.aws.callsOf("ec2:RunInstances").length - before;
      await eventually(() => made() >= machines, 200);
      await new Promise((resolve) => setTimeout(resolve, 10_000));
      clearInterval(sampling);
      peaks.set(machines, peak);
      process.stdout.write(`\n${machines} at once: ${Math.round(peak)} MiB\n`);
      await fleet.configure(wanting(0));
      await eventually(() => fleet.workers.now.length === 0, 100);
    }
    expect(peaks.get(5)).toBeLessThan(usable);
  });
});
