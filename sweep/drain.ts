import type { FleetAws } from "./aws";
import { minute, until, type Clock } from "./clock";
import { bastionsOf, isAlive } from "./decide";
import { say } from "./log";
import { successorTime } from "./settings";
import type { Bastion, Report, Snapshot } from "./snapshot";

/** What draining needs of AWS. */
export type DrainAws = Pick<FleetAws, "look" | "drainOrder" | "orderDrain">;

/** Who is to drain, and for how long. */
export interface DrainArgs {
  /** Of the fleet's bastions. */
  isLeaving: (bastion: Bastion) => boolean;
  seconds: number;
  /** When to come back whatever is left, in milliseconds of the clock. */
  deadline: number;
}

/** A bastion that has said nothing for so long is not waited for. */
const silence = 5 * minute;

/** Whether a bastion has reported lately, with what. */
function lastWord({ reports }: Snapshot, { id }: Bastion, now: Date): Report | undefined {
  const report = reports.get(id);
  return report && now.getTime() - report.at.getTime() < silence ? report : undefined;
}

/**
 * Tells bastions to take no more jobs, and waits until the running ones have ended: at most `seconds` from when they were told first.
 * @returns whether there is nothing left to wait for.
 */
export async function drain(
  aws: DrainAws,
  clock: Clock,
  { isLeaving, seconds, deadline }: DrainArgs,
): Promise<boolean> {
  const leaving = (snapshot: Snapshot) =>
    bastionsOf(snapshot).filter((bastion) => isAlive(bastion) && isLeaving(bastion));
  const bastions = leaving(await aws.look()).map(({ id }) => id);
  const order = await aws.drainOrder();
  if (bastions.length === 0 || seconds === 0 || order === undefined) return true;

  const isTold = bastions.every((id) => order.leaving.includes(id));
  if (!isTold) {
    await aws.orderDrain({ ...order, leaving: [...new Set([...order.leaving, ...bastions])] });
    say({ draining: bastions, seconds });
  }
  const since = isTold ? order.since : clock.now();
  const end = since.getTime() + seconds * 1000;
  const isDrained = await until(clock, Math.min(deadline, end), async () => {
    const snapshot = await aws.look();
    const words = leaving(snapshot).map((bastion) => lastWord(snapshot, bastion, clock.now()));
    return words.every((report) => report === undefined || report.state === "drained");
  });
  say({ drained: isDrained, bastions });
  return isDrained || clock.now().getTime() >= end;
}

/**
 * Waits until the bastion of a new group is at work, where another is: jobs then find one that takes them.
 * @throws Error when it does not come; the other stays at work.
 */
export async function awaitSuccessor(
  aws: Pick<FleetAws, "look">,
  clock: Clock,
  group: string,
): Promise<void> {
  const works = (snapshot: Snapshot, isMeant: (bastion: Bastion) => boolean) =>
    bastionsOf(snapshot).some(
      (bastion) => isMeant(bastion) && lastWord(snapshot, bastion, clock.now())?.state === "running",
    );
  if (!works(await aws.look(), (bastion) => bastion.group !== group)) return;
  const hasCome = await until(clock, clock.now().getTime() + successorTime * 1000, async () =>
    works(await aws.look(), (bastion) => bastion.group === group),
  );
  if (!hasCome) {
    throw new Error(
      `the new bastion, of ${group}, is not at work after ${successorTime / 60} minutes; the old one stays at work: see the new one's log`,
    );
  }
}
