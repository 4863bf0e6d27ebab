import * as fc from "fast-check";
import { everything, orphans, type Removal } from "../sweep/decide";
import type { Instance, Snapshot } from "../sweep/snapshot";

const now = new Date("2026-11-28T12:00:00Z");
const ago = (minutes: number) => new Date(now.getTime() - minutes * 60_000);

const fleetId = "0a1b2c3d";
const workerProfileArn = "arn:aws:iam::123456789012:instance-profile/workers-profile-1a2b3c4";
const name = (i: number | string) => `runner-abc-${fleetId}-worker-${i}`;

const bastion = (id: string, more: Partial<Instance> = {}): Instance => ({
  id,
  state: "running",
  launchedAt: ago(1000),
  tags: { "fleet-id": fleetId, "aws:autoscaling:groupName": "bastion-group-1" },
  ...more,
});
const worker = (more: Partial<Instance> = {}): Instance => ({
  id: "i-0e0e",
  state: "running",
  launchedAt: ago(60),
  profileArn: workerProfileArn,
  keyName: name(1),
  tags: { "fleet-id": fleetId, "fleet-bastion": "i-0b0b" },
  ...more,
});
const reportOf = (machines: string[], minutes = 1) => ({ at: ago(minutes), state: "running", machines });
const snapshot = (more: Partial<Snapshot>): Snapshot => ({
  at: now,
  fleetId,
  workerProfileArn,
  instances: [],
  reports: new Map(),
  keyPairs: [],
  spotRequests: [],
  ...more,
});
const reasons = (removals: Removal[]) => removals.map(({ id, why }) => `${id}: ${why}`);

describe("orphans among workers", () => {
  const silent = new Map();
  const unaware = new Map([["i-0b0b", reportOf([name(2)])]]);
  const aware = new Map([["i-0b0b", reportOf([name(1), name(2)])]]);
  const untagged = { tags: {} };
  const gone = "its bastion i-0b0b is gone";
  const unknown = "its bastion i-0b0b no longer knows it";

  const cases: [
    title: string,
    machine: Partial<Instance>,
    bastions: Instance[],
    reports: Snapshot["reports"],
    why: string | undefined,
  ][] = [
    ["goes with its bastion", {}, [], silent, gone],
    ["goes with its bastion, however young", { launchedAt: ago(0) }, [], silent, gone],
    ["goes when its bastion is about to", {}, [bastion("i-0b0b", { state: "shutting-down" })], aware, gone],
    ["goes when its bastion is terminated", {}, [bastion("i-0b0b", { state: "terminated" })], aware, gone],
    ["goes with its bastion when another has come", {}, [bastion("i-0c0c")], silent, gone],
    [
      "stays with a bastion that is stopped",
      {},
      [bastion("i-0b0b", { state: "stopped" })],
      silent,
      undefined,
    ],
    ["stays with a bastion whose tags are gone", {}, [bastion("i-0b0b", { tags: {} })], silent, undefined],
    ["stays with a bastion that says nothing", {}, [bastion("i-0b0b")], silent, undefined],
    ["stays when its bastion knows it", {}, [bastion("i-0b0b")], aware, undefined],
    ["goes when its bastion no longer knows it", {}, [bastion("i-0b0b")], unaware, unknown],
    ["goes also when it is stopped", { state: "stopped" }, [bastion("i-0b0b")], unaware, unknown],
    ["is left alone when it goes already", { state: "shutting-down" }, [], silent, undefined],
    [
      "stays when what its bastion said is old",
      {},
      [bastion("i-0b0b")],
      new Map([["i-0b0b", reportOf([], 10)]]),
      undefined,
    ],
    [
      "stays while it may still be in the making",
      { launchedAt: ago(15.9) },
      [bastion("i-0b0b")],
      unaware,
      undefined,
    ],
    ["goes when it is too old for that", { launchedAt: ago(16.1) }, [bastion("i-0b0b")], unaware, unknown],
    [
      "is known by its whole name",
      { keyName: name("1") },
      [bastion("i-0b0b")],
      new Map([["i-0b0b", reportOf([name("10"), `x${name("1")}`])]]),
      unknown,
    ],
    ["without a bastion's id goes when there is no bastion", untagged, [], silent, "no bastion knows it"],
    [
      "without a bastion's id stays when it is young",
      { ...untagged, launchedAt: ago(14) },
      [],
      silent,
      undefined,
    ],
    [
      "without a bastion's id goes when no bastion knows it",
      untagged,
      [bastion("i-0b0b")],
      unaware,
      "no bastion knows it",
    ],
    ["without a bastion's id stays when a bastion knows it", untagged, [bastion("i-0b0b")], aware, undefined],
    [
      "without a bastion's id stays when one bastion says nothing",
      untagged,
      [bastion("i-0b0b"), bastion("i-0c0c")],
      unaware,
      undefined,
    ],
    [
      "takes what is no instance's id for no bastion",
      { tags: { "fleet-bastion": "@@instance-id@@" } },
      [bastion("i-0b0b")],
      aware,
      undefined,
    ],
    [
      "of another profile is none of ours",
      { profileArn: `${workerProfileArn}5`, tags: { "fleet-id": fleetId, "fleet-bastion": "i-0b0b" } },
      [],
      silent,
      undefined,
    ],
  ];
  it.each(cases)("one %s", (_, machine, bastions, reports, why) => {
    const { removals } = orphans(snapshot({ instances: [worker(machine), ...bastions], reports }));
    expect(removals).toEqual(why === undefined ? [] : [{ kind: "instance", id: "i-0e0e", why }]);
  });
});

describe("orphans among key pairs", () => {
  const keyPair = (keyName: string, minutes = 60) => ({ name: keyName, createdAt: ago(minutes) });

  it("are those that no instance uses", () => {
    const { removals, kept } = orphans(
      snapshot({
        keyPairs: [keyPair(name(1)), keyPair(name(2)), keyPair(name(3))],
        instances: [
          bastion("i-0b0b"),
          worker({ id: "i-0001", keyName: name(1) }),
          worker({ id: "i-0002", keyName: name(2), state: "terminated" }),
          worker({ id: "i-0003", keyName: name(3), state: "shutting-down" }),
        ],
      }),
    );
    expect(reasons(removals)).toEqual([`${name(2)}: no instance uses it`]);
    expect(kept).toBe(3);
  });

  it("are not those that may still be in the making, or whose machine a bastion knows", () => {
    const { removals } = orphans(
      snapshot({
        keyPairs: [keyPair(name(1), 14), keyPair(name(2))],
        instances: [bastion("i-0b0b")],
        reports: new Map([["i-0b0b", reportOf([name(2)])]]),
      }),
    );
    expect(removals).toEqual([]);
  });

  it.each([
    ["runner-abc-0a1b2c3-worker-1"],
    ["runner-abc-0a1b2c3d0-worker-1"],
    ["runner-abc-00a1b2c3d-worker-1"],
    ["runner-0a1b2c3d-worker-1"],
    ["runner-abc-0a1b2c3d-"],
    ["runner-abc-worker-1"],
    ["xrunner-abc-0a1b2c3d-worker-1"],
    ["of-an-operator"],
  ])("are not those of others: %s", (foreign) => {
    const there = snapshot({ keyPairs: [keyPair(foreign)] });
    expect(orphans(there)).toEqual({ removals: [], kept: 0 });
    expect(everything(there, "it goes")).toEqual({ removals: [], kept: 0 });
  });
});

describe("orphans among spot requests", () => {
  const request = { id: "sir-1", state: "open", createdAt: ago(60), profileArn: workerProfileArn };

  it.each([
    ["has no instance", {}, ["sir-1: it has no instance"]],
    ["has one that is gone", { state: "active", instanceId: "i-0dea" }, ["sir-1: it has no instance"]],
    ["has one that lives", { state: "active", instanceId: "i-0e0e" }, []],
    ["is young", { createdAt: ago(14) }, []],
    ["is done with", { state: "closed" }, []],
    ["asks for another profile", { profileArn: `${workerProfileArn}5` }, []],
  ])("one that %s", (_, more, expected) => {
    const there = snapshot({
      spotRequests: [{ ...request, ...more }],
      instances: [worker(), bastion("i-0b0b")],
    });
    expect(reasons(orphans(there).removals)).toEqual(expected);
  });
});

describe("everything", () => {
  it("is all that docker-machine made, known or not, and key pairs once nothing uses them", () => {
    const there = snapshot({
      instances: [
        bastion("i-0b0b"),
        worker({ id: "i-0001", keyName: name(1) }),
        worker({ id: "i-0002", keyName: name(2), state: "terminated" }),
      ],
      reports: new Map([["i-0b0b", reportOf([name(1)])]]),
      keyPairs: [1, 2].map((i) => ({ name: name(i), createdAt: now })),
      spotRequests: [{ id: "sir-1", state: "open", createdAt: now, profileArn: workerProfileArn }],
    });
    expect(reasons(everything(there, "it goes").removals)).toEqual([
      "i-0001: it goes",
      `${name(2)}: it goes`,
      "sir-1: it goes",
    ]);
  });
});

describe("whatever there is", () => {
  const states = fc.constantFrom("pending", "running", "stopping", "stopped", "shutting-down", "terminated");
  const ids = fc.constantFrom("i-0001", "i-0002", "i-0003", "i-0004", "i-0005");
  const machineNames = fc.constantFrom(name(1), name(2), name(3), "runner-abc-ffffffff-worker-1", "other");
  const instances = fc.uniqueArray(
    fc.record({
      id: ids,
      state: states,
      launchedAt: fc.integer({ min: 0, max: 100 }).map(ago),
      profileArn: fc.constantFrom(workerProfileArn, `${workerProfileArn}0`),
      keyName: machineNames,
      tags: fc.dictionary(
        fc.constantFrom("fleet-id", "fleet-bastion", "aws:autoscaling:groupName"),
        fc.oneof(ids, fc.constant(fleetId)),
      ),
    }),
    { selector: ({ id }) => id },
  );
  const snapshots = fc
    .record({
      instances,
      reports: fc.array(
        fc.tuple(
          ids,
          fc.record({
            at: fc.integer({ min: 0, max: 20 }).map(ago),
            state: fc.constant("running"),
            machines: fc.array(machineNames),
          }),
        ),
      ),
      keyPairs: fc.uniqueArray(
        fc.record({ name: machineNames, createdAt: fc.integer({ min: 0, max: 100 }).map(ago) }),
        { selector: ({ name }) => name },
      ),
    })
    .map(({ reports, ...rest }) => snapshot({ ...rest, reports: new Map(reports) }));

  it("nothing goes that has another profile or name, that runs under a name which a bastion has just said, or that is in use", () => {
    fc.assert(
      fc.property(snapshots, (there) => {
        const said = [...there.reports]
          .filter(([id, { at }]) => {
            const state = there.instances.find((instance) => instance.id === id)?.state ?? "terminated";
            return !/shutting-down|terminated/.test(state) && now.getTime() - at.getTime() < 600_000;
          })
          .flatMap(([, { machines }]) => machines);
        for (const { kind, id, why } of orphans(there).removals) {
          const instance = there.instances.find((one) => one.id === id);
          if (kind === "instance") expect(instance?.profileArn).toBe(workerProfileArn);
          else {
            expect(id).toContain(`-${fleetId}-`);
            expect(said).not.toContain(id);
            expect(
              there.instances.some(({ keyName, state }) => keyName === id && state !== "terminated"),
            ).toBe(false);
          }
          if (why === "no bastion knows it") expect(instance?.tags["fleet-bastion"] ?? "").not.toMatch(/^i-/);
        }
      }),
    );
  });

  it("orphans are among everything, and what goes and what stays add up", () => {
    fc.assert(
      fc.property(snapshots, (there) => {
        const [some, all] = [orphans(there), everything(there, "it goes")];
        const ids = all.removals.map(({ id }) => id);
        expect(some.removals.filter(({ id }) => !ids.includes(id))).toEqual([]);
        expect(some.removals.length + some.kept).toBe(all.removals.length + all.kept);
      }),
    );
  });
});
