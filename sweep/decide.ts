import { minute } from "./clock";
import type { Bastion, Instance, Report, Snapshot } from "./snapshot";

/** Something that goes, and why. */
export interface Removal {
  kind: "instance" | "key-pair" | "spot-request";
  /** A key pair's name, else the id. */
  id: string;
  why: string;
}

/** What goes, and how much of the fleet's stays. */
export interface Decision {
  removals: Removal[];
  kept: number;
}

/** So long nothing new is called an orphan: docker-machine makes a machine in several calls. */
const grace = 15 * minute;

/** A report that is older says nothing about a machine. */
const reportLife = 10 * minute;

const aliveStates = new Set(["pending", "running", "stopping", "stopped"]);

/** Whether an instance is there and not about to go. */
export const isAlive = ({ state }: Pick<Instance, "state">): boolean => aliveStates.has(state);

/** The fleet's workers, those that are about to go included. */
export function workersOf({ instances, workerProfileArn }: Snapshot): Instance[] {
  return instances.filter(
    ({ profileArn, state }) => profileArn === workerProfileArn && state !== "terminated",
  );
}

/** The fleet's bastions: instances of its Auto Scaling groups, in whatever state. */
export function bastionsOf({ instances, fleetId }: Snapshot): Bastion[] {
  return instances.flatMap(({ id, state, tags }) => {
    const group = tags["aws:autoscaling:groupName"];
    return tags["fleet-id"] === fleetId && group !== undefined ? [{ id, state, group }] : [];
  });
}

/** Whether a key pair's name is one that docker-machine gives in this fleet: `runner-<token>-<fleet id>-<machine>`. */
export function isKeyPairOf(fleetId: string, name: string): boolean {
  return new RegExp(`^runner-.+-${fleetId}-.+$`).test(name);
}

/** What docker-machine has left behind. */
export function orphans(snapshot: Snapshot): Decision {
  const { at: now, instances, reports } = snapshot;
  const alive = new Set(instances.filter(isAlive).map(({ id }) => id));
  const isOld = (since: Date, at = now) => at.getTime() - since.getTime() > grace;
  const freshReport = (bastion: string): Report | undefined => {
    const report = reports.get(bastion);
    return report && now.getTime() - report.at.getTime() < reportLife ? report : undefined;
  };
  const freshReports = [...alive].flatMap((id) => freshReport(id) ?? []);
  /** Whether a bastion had the time to take note of a worker, and has not. */
  const isUnknownTo = (bastion: string, { launchedAt, keyName }: Instance): boolean => {
    const report = freshReport(bastion);
    return report !== undefined && isOld(launchedAt, report.at) && !report.machines.includes(keyName ?? "");
  };
  const livingBastions = bastionsOf(snapshot).filter(isAlive);
  const whyWorker = (worker: Instance): string | undefined => {
    const bastion = worker.tags["fleet-bastion"];
    if (bastion !== undefined && /^i-[0-9a-f]+$/.test(bastion)) {
      if (!alive.has(bastion)) return `its bastion ${bastion} is gone`;
      return isUnknownTo(bastion, worker) ? `its bastion ${bastion} no longer knows it` : undefined;
    }
    return isOld(worker.launchedAt) && livingBastions.every(({ id }) => isUnknownTo(id, worker))
      ? "no bastion knows it"
      : undefined;
  };
  return decide(snapshot, {
    worker: whyWorker,
    keyPair: ({ name, createdAt }) =>
      isOld(createdAt) && !freshReports.some(({ machines }) => machines.includes(name))
        ? "no instance uses it"
        : undefined,
    spotRequest: ({ createdAt, instanceId }) =>
      isOld(createdAt) && !(instanceId !== undefined && alive.has(instanceId))
        ? "it has no instance"
        : undefined,
  });
}

/** All that docker-machine has made for the fleet and that can be removed now: a key pair goes after its instance. */
export function everything(snapshot: Snapshot, why: string): Decision {
  const reason = () => why;
  return decide(snapshot, { worker: reason, keyPair: reason, spotRequest: reason });
}

/** Why something goes; undefined when it stays. */
interface Reasons {
  worker: (worker: Instance) => string | undefined;
  /** Of one that no instance uses. */
  keyPair: (keyPair: Snapshot["keyPairs"][number]) => string | undefined;
  spotRequest: (request: Snapshot["spotRequests"][number]) => string | undefined;
}

function decide(snapshot: Snapshot, reasons: Reasons): Decision {
  const { fleetId, instances, workerProfileArn } = snapshot;
  const keysInUse = new Set(
    instances.filter(({ state }) => state !== "terminated").map(({ keyName }) => keyName),
  );
  const workers = workersOf(snapshot).filter(isAlive);
  const keyPairs = snapshot.keyPairs.filter(({ name }) => isKeyPairOf(fleetId, name));
  const spotRequests = snapshot.spotRequests.filter(
    ({ profileArn, state }) => profileArn === workerProfileArn && (state === "open" || state === "active"),
  );
  const removals = [
    ...workers.flatMap((worker) => removal("instance", worker.id, reasons.worker(worker))),
    ...keyPairs
      .filter(({ name }) => !keysInUse.has(name))
      .flatMap((keyPair) => removal("key-pair", keyPair.name, reasons.keyPair(keyPair))),
    ...spotRequests.flatMap((request) => removal("spot-request", request.id, reasons.spotRequest(request))),
  ];
  return { removals, kept: workers.length + keyPairs.length + spotRequests.length - removals.length };
}

function removal(kind: Removal["kind"], id: string, why: string | undefined): Removal[] {
  return why === undefined ? [] : [{ kind, id, why }];
}
