import type { Removal } from "../sweep/decide";
import { awaitSuccessor, drain } from "../sweep/drain";
import { drainOrderText, readDrainOrder, type DrainOrder, type StandingOrder } from "../sweep/drain-order";
import { retire } from "../sweep/retire";
import type { Instance, Snapshot } from "../sweep/snapshot";

const start = new Date("2026-11-28T12:00:00Z");
const fleetId = "0a1b2c3d";
const workerProfileArn = "arn:aws:iam::123456789012:instance-profile/workers";
const minute = 60_000;

/** AWS with one fleet, whose state changes as time passes. */
class FleetStub {
  private time = start.getTime();
  /** What the drain parameter says; undefined: it is gone. */
  order: string | undefined = "none";
  private orderedAt = new Date(0);
  readonly done: string[] = [];
  instances: Instance[] = [];
  keyPairs: Snapshot["keyPairs"] = [];
  reports: (minutes: number) => Record<string, string> = () => ({});
  /** Minutes that an instance takes to go. */
  ending = 1;
  private readonly ends = new Map<string, number>();

  readonly clock = {
    now: () => new Date(this.time),
    sleep: (milliseconds: number) => {
      this.time += milliseconds;
      return Promise.resolve();
    },
  };

  get minutes(): number {
    return (this.time - start.getTime()) / minute;
  }

  /** Names of the Auto Scaling groups. */
  groupNames = ["old", "new"];

  add(id: string, more: Partial<Instance>): void {
    this.instances.push({ id, state: "running", launchedAt: start, tags: {}, ...more });
  }

  look(): Promise<Snapshot> {
    const instances = this.instances.map((instance) => {
      const end = this.ends.get(instance.id);
      if (end === undefined) return instance;
      return { ...instance, state: this.minutes >= end ? "terminated" : "shutting-down" };
    });
    const at = this.clock.now();
    const reports = new Map(
      Object.entries(this.reports(this.minutes)).map(([id, state]) => [id, { at, state, machines: [] }]),
    );
    const keyPairs = this.keyPairs;
    return Promise.resolve({
      at,
      fleetId,
      workerProfileArn,
      instances,
      reports,
      keyPairs,
      spotRequests: [],
    });
  }

  drainOrder(): Promise<StandingOrder | undefined> {
    const { order: Value, orderedAt: LastModifiedDate } = this;
    return Promise.resolve(Value === undefined ? undefined : readDrainOrder({ Value, LastModifiedDate }));
  }

  orderDrain(order: DrainOrder): Promise<void> {
    this.order = drainOrderText(order);
    this.orderedAt = this.clock.now();
    this.done.push(`drain ${this.order}`);
    return Promise.resolve();
  }

  groups(): Promise<string[]> {
    return Promise.resolve(this.groupNames);
  }

  emptyGroup(group: string): Promise<void> {
    this.done.push(`empty ${group}`);
    for (const { id, tags } of this.instances) {
      if (tags["aws:autoscaling:groupName"] === group) this.ends.set(id, this.minutes + this.ending);
    }
    return Promise.resolve();
  }

  remove({ kind, id }: Removal): Promise<void> {
    this.done.push(`remove ${kind} ${id}`);
    if (kind === "instance") this.ends.set(id, this.minutes + this.ending);
    this.keyPairs = this.keyPairs.filter(({ name }) => name !== id);
    return Promise.resolve();
  }
}

const ofGroup = (group: string) => ({ "fleet-id": fleetId, "aws:autoscaling:groupName": group });
const keyName = (i: number) => `runner-abc-${fleetId}-worker-${i}`;

/** A fleet whose bastion is being replaced, each bastion with a worker. */
function fleet(): FleetStub {
  const stub = new FleetStub();
  for (const [group, i] of [
    ["old", 1],
    ["new", 2],
  ] as const) {
    stub.add(`i-0b0${i}`, { tags: ofGroup(group) });
    const tags = { "fleet-bastion": `i-0b0${i}` };
    stub.add(`i-0e0${i}`, { profileArn: workerProfileArn, keyName: keyName(i), tags });
    stub.keyPairs.push({ name: keyName(i), createdAt: start });
  }
  return stub;
}

beforeEach(() => {
  jest.spyOn(process.stdout, "write").mockReturnValue(true);
});

describe("drain", () => {
  const isOld = ({ group }: { group: string }) => group === "old";
  const until = (minutes: number) => start.getTime() + minutes * minute;
  const run = (stub: FleetStub, seconds: number, deadline = until(14)) =>
    drain(stub, stub.clock, { isLeaving: isOld, seconds, deadline });

  it("tells the bastions that leave, besides those that were told, and waits until they have drained", async () => {
    const stub = fleet();
    stub.order = "i-0f0f leaving:i-0d0d";
    stub.reports = (minutes) => ({ "i-0b01": minutes < 3 ? "draining" : "drained", "i-0b02": "running" });
    expect(await run(stub, 3600)).toBe(true);
    expect(stub.done).toEqual(["drain i-0f0f leaving:i-0d0d leaving:i-0b01"]);
    expect(stub.minutes).toBe(3);
  });

  it("tells a bastion that the operator lets drain, too, whose time for jobs begins only now", async () => {
    const stub = fleet();
    stub.order = "i-0b01";
    stub.reports = (minutes) => ({ "i-0b01": minutes < 3 ? "draining" : "drained" });
    expect(await run(stub, 3600)).toBe(true);
    expect(stub.done).toEqual(["drain i-0b01 leaving:i-0b01"]);
    expect(stub.minutes).toBe(3);
  });

  it("waits for a bastion that has not heard of it yet", async () => {
    const stub = fleet();
    stub.reports = (minutes) => ({ "i-0b01": minutes < 2 ? "running" : "drained" });
    expect(await run(stub, 3600)).toBe(true);
    expect(stub.minutes).toBe(2);
  });

  it("does not wait for a bastion that says nothing", async () => {
    const stub = fleet();
    expect(await run(stub, 3600)).toBe(true);
    expect(stub.done).toEqual(["drain leaving:i-0b01"]);
    expect(stub.minutes).toBe(0);
  });

  it("comes back before its own time is up, and goes on from there the next time", async () => {
    const stub = fleet();
    stub.reports = () => ({ "i-0b01": "draining" });
    expect(await run(stub, 1200)).toBe(false);
    expect(stub.minutes).toBe(14);
    expect(await run(stub, 1200, until(28))).toBe(true);
    expect(stub.minutes).toBe(20);
    expect(stub.done).toEqual(["drain leaving:i-0b01"]);
  });

  it.each([
    ["no time is given", 0, fleet()],
    ["there is no bastion", 3600, new FleetStub()],
    ["nobody can be told", 3600, Object.assign(fleet(), { order: undefined })],
  ])("does nothing when %s", async (_, seconds, stub) => {
    expect(await run(stub, seconds)).toBe(true);
    expect(stub.done).toEqual([]);
  });
});

describe("awaitSuccessor", () => {
  const run = (stub: FleetStub) => awaitSuccessor(stub, stub.clock, "new");

  it("waits for the new bastion to be at work", async () => {
    const stub = fleet();
    stub.reports = (minutes) => ({ "i-0b01": "running", ...(minutes < 4 ? {} : { "i-0b02": "running" }) });
    await run(stub);
    expect(stub.minutes).toBe(4);
  });

  it("does not wait where the old one is not at work either", async () => {
    const stub = fleet();
    await run(stub);
    expect(stub.minutes).toBe(0);
  });

  it("says so when it does not come", async () => {
    const stub = fleet();
    stub.reports = () => ({ "i-0b01": "running" });
    await expect(run(stub)).rejects.toThrow(
      "the new bastion, of new, is not at work after 10 minutes; the old one stays at work: see the new one's log",
    );
    expect(stub.done).toEqual([]);
  });
});

describe("retire", () => {
  const deadline = start.getTime() + 14 * minute;

  it("ends the other group's bastion, then removes its workers, then their key pairs, and nothing of the one's that stays", async () => {
    const stub = fleet();
    stub.order = "i-0b01 i-0f0f leaving:i-0b01 leaving:i-0d0d";
    const removed = await retire(stub, stub.clock, { staying: "new", deadline });
    expect(stub.done).toEqual([
      "empty old",
      "remove instance i-0e01",
      `remove key-pair ${keyName(1)}`,
      "drain i-0f0f leaving:i-0d0d",
    ]);
    expect(removed.map(({ id, why }) => `${id}: ${why}`)).toEqual([
      "i-0e01: its bastion is replaced",
      `${keyName(1)}: its bastion is replaced`,
    ]);
  });

  it("ends the bastions of all other groups, also of one whose turn to be at work never came", async () => {
    const stub = fleet();
    stub.groupNames.push("between");
    stub.add("i-0b03", { tags: ofGroup("between") });
    stub.add("i-0e03", {
      profileArn: workerProfileArn,
      keyName: keyName(3),
      tags: { "fleet-bastion": "i-0b03" },
    });
    await retire(stub, stub.clock, { staying: "new", deadline });
    expect(stub.done).toEqual([
      "empty old",
      "empty between",
      "remove instance i-0e01",
      "remove instance i-0e03",
      `remove key-pair ${keyName(1)}`,
      "drain none",
    ]);
  });

  it("removes all that is the fleet's when the fleet goes, also what no bastion's id is on", async () => {
    const stub = fleet();
    stub.add("i-0e03", { profileArn: workerProfileArn, keyName: keyName(3) });
    stub.add("i-0e04", { profileArn: `${workerProfileArn}-2`, keyName: "runner-abc-ffffffff-worker-1" });
    stub.keyPairs.push({ name: keyName(9), createdAt: start });
    stub.keyPairs.push({ name: "runner-abc-ffffffff-worker-1", createdAt: start });
    await retire(stub, stub.clock, { deadline });
    expect(stub.done).toEqual([
      "empty old",
      "empty new",
      "remove instance i-0e01",
      "remove instance i-0e02",
      "remove instance i-0e03",
      `remove key-pair ${keyName(9)}`,
      `remove key-pair ${keyName(1)}`,
      `remove key-pair ${keyName(2)}`,
      "drain none",
    ]);
    expect(stub.keyPairs.map(({ name }) => name)).toEqual(["runner-abc-ffffffff-worker-1"]);
  });

  it("says what is left when the time is up", async () => {
    const stub = fleet();
    stub.ending = 60;
    await expect(retire(stub, stub.clock, { staying: "new", deadline })).rejects.toThrow(
      "still there when the time was up: i-0b01",
    );
    expect(stub.minutes).toBe(14);
  });

  it("goes on when something cannot be removed, and says so in the end", async () => {
    const stub = fleet();
    const remove = stub.remove.bind(stub);
    stub.remove = (removal) =>
      removal.id === "i-0e01" ? Promise.reject(new Error("not today")) : remove(removal);
    await expect(retire(stub, stub.clock, { deadline })).rejects.toThrow(
      "still there when the time was up: i-0e01, instance i-0e01: not today",
    );
    expect(stub.done).toContain("remove instance i-0e02");
  });
});
