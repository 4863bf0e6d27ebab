import { setTimeout } from "node:timers/promises";

/** Time, which tests make pass faster. */
export interface Clock {
  now: () => Date;
  sleep: (milliseconds: number) => Promise<unknown>;
}

export const clock: Clock = { now: () => new Date(), sleep: (milliseconds) => setTimeout(milliseconds) };

export const minute = 60_000;

/**
 * Asks again every few seconds.
 * @returns whether the answer was yes before the time was up.
 */
export async function until(
  { now, sleep }: Clock,
  deadline: number,
  isDone: () => Promise<boolean>,
): Promise<boolean> {
  while (!(await isDone())) {
    if (now().getTime() >= deadline) return false;
    await sleep(5000);
  }
  return true;
}
