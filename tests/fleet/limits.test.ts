import { describeWith } from "../tools/programs";
import { Fleet } from "./fleet";
import { endOf, mostAtOnce } from "./gitlab";
import { anyRunner, fleetRequirements } from "./requirements";

jest.setTimeout(240_000);

describeWith("20 queued jobs", fleetRequirements, () => {
  let fleet: Fleet;

  beforeAll(async () => {
    fleet = await Fleet.start({
      concurrent: 3,
      checkInterval: 1,
      runners: [
        { ...anyRunner, name: "limited", limit: 1 },
        { ...anyRunner, name: "other", limit: 5 },
      ],
    });
  });

  afterAll(async () => {
    await fleet.stop();
  });

  it("run no more at once than `limit` and `concurrent` say, on no more machines, and each once", async () => {
    const queue = (count: number, token: string) =>
      Array.from({ length: count }, () => fleet.gitlab.queue({ script: ["sleep 1"], token }));
    const limited = queue(4, "glrt-limited-token");
    const others = queue(16, "glrt-other-token");
    const jobs = [...limited, ...others];

    for (const job of jobs) await fleet.gitlab.end(job, 200);
    expect(jobs.map((job) => endOf(job)?.state)).toEqual(jobs.map(() => "success"));
    expect(jobs.map(({ reports }) => reports.length)).toEqual(jobs.map(() => 2));
    expect(mostAtOnce(limited)).toBe(1);
    expect(mostAtOnce(jobs)).toBe(3);
    const machines = fleet.workers.all.map(({ instance }) => instance.name);
    expect(machines.filter((name) => name.startsWith("runner-limited-t-"))).toHaveLength(1);
    expect(machines.length).toBeLessThanOrEqual(6);
  });
});
