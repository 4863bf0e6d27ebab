import type { FleetAws } from "./aws";
import { until, type Clock } from "./clock";
import { bastionsOf, everything, workersOf, type Removal } from "./decide";
import { say } from "./log";
import { remove } from "./sweep";

/** What retiring needs of AWS. */
export type RetireAws = Pick<
  FleetAws,
  "look" | "remove" | "groups" | "emptyGroup" | "drainOrder" | "orderDrain"
>;

/** Who is to go. */
export interface RetireArgs {
  /** The group whose bastion stays; all others go, with the workers and key pairs that they leave. Absent: all that is the fleet's goes. */
  staying?: string;
  /** In milliseconds of the clock. */
  deadline: number;
}

/**
 * Ends bastions, and removes what they leave.
 * @returns what was removed besides the bastions.
 * @throws Error that says what is left when the time is up.
 */
export async function retire(
  aws: RetireAws,
  clock: Clock,
  { staying, deadline }: RetireArgs,
): Promise<Removal[]> {
  const isLeaving = (name: string) => name !== staying;
  const why = staying === undefined ? "the fleet is removed" : "its bastion is replaced";
  for (const name of (await aws.groups()).filter(isLeaving)) {
    await aws.emptyGroup(name);
    say({ emptied: name });
  }
  const bastions = new Set<string>();
  /** Ids of the bastions' workers, and names of their key pairs, which outlive them. */
  const theirs = new Set<string>();
  const isTheirs = ({ id }: { id: string }) => staying === undefined || theirs.has(id);
  const removed: Removal[] = [];
  let left: string[] = [];

  const isDone = await until(clock, deadline, async () => {
    const snapshot = await aws.look();
    const leaving = bastionsOf(snapshot).filter((bastion) => isLeaving(bastion.group));
    for (const { id } of leaving) bastions.add(id);
    left = leaving.filter(({ state }) => state !== "terminated").map(({ id }) => id);
    // One that is still there may make another machine.
    if (left.length > 0) return false;

    const workers = workersOf(snapshot);
    for (const { id, keyName = "", tags } of workers) {
      if (bastions.has(tags["fleet-bastion"] ?? "")) theirs.add(id).add(keyName);
    }
    const { removals } = everything(snapshot, why);
    const outcome = await remove(aws, removals.filter(isTheirs));
    removed.push(...outcome.removed);
    left = [...workers.filter(isTheirs).map(({ id }) => id), ...outcome.failures];
    return outcome.removed.length === 0 && left.length === 0;
  });
  if (!isDone) throw new Error(`still there when the time was up: ${left.join(", ")}`);

  const order = await aws.drainOrder();
  const isHere = (id: string) => !bastions.has(id);
  if (order && bastions.size > 0) {
    await aws.orderDrain({ asked: order.asked.filter(isHere), leaving: order.leaving.filter(isHere) });
  }
  return removed;
}
