import type { FleetAws } from "./aws";
import { orphans, type Removal } from "./decide";
import { say } from "./log";

/** What a sweep did, or would do. */
export interface SweepResult {
  removed: Removal[];
  /** Workers, key pairs and spot requests of the fleet that stay. */
  kept: number;
  dryRun: boolean;
}

/**
 * Removes what docker-machine left behind.
 * @param dryRun says only what would go
 * @throws Error when something could not be removed, after all others were.
 */
export async function sweep(
  aws: Pick<FleetAws, "look" | "remove">,
  { dryRun }: { dryRun: boolean },
): Promise<SweepResult> {
  const { removals, kept } = orphans(await aws.look());
  if (dryRun) {
    for (const { id, ...rest } of removals) say({ wouldRemove: id, ...rest });
    return { removed: removals, kept, dryRun };
  }
  const { removed, failures } = await remove(aws, removals);
  if (failures.length > 0) {
    throw new Error(`${removed.length} removed, ${failures.length} not: ${failures.join("; ")}`);
  }
  return { removed, kept, dryRun };
}

/** Removes what it can, and says so for each. */
export async function remove(
  aws: Pick<FleetAws, "remove">,
  removals: Removal[],
): Promise<{ removed: Removal[]; failures: string[] }> {
  const removed: Removal[] = [];
  const failures: string[] = [];
  for (const removal of removals) {
    const { id, kind, why } = removal;
    try {
      await aws.remove(removal);
      say({ removed: id, kind, why });
      removed.push(removal);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      say({ failed: id, kind, why, error: reason });
      failures.push(`${kind} ${id}: ${reason}`);
    }
  }
  return { removed, failures };
}
