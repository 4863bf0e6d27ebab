import type { Parameter } from "@aws-sdk/client-ssm";

/** Ids of bastions that shall take no more jobs. */
export interface DrainOrder {
  /** By the operator, who may undo it. */
  asked: string[];
  /** By the sweep, which lets nobody undo it: they are being replaced, or go with the fleet. */
  leaving: string[];
}

/** An order, and since when it stands. */
export interface StandingOrder extends DrainOrder {
  since: Date;
}

const leavingMark = "leaving:";

/** What the SSM parameter says that lets bastions drain: a word `<id>` is the operator's, `leaving:<id>` the sweep's. */
export function readDrainOrder({
  Value = "",
  LastModifiedDate = new Date(0),
}: Parameter = {}): StandingOrder {
  const words = Value.split(/\s+/);
  return {
    asked: words.filter((word) => word.startsWith("i-")),
    leaving: words
      .filter((word) => word.startsWith(leavingMark))
      .map((word) => word.slice(leavingMark.length)),
    since: LastModifiedDate,
  };
}

/** The parameter's value; `none` when no bastion shall drain, for a parameter is never empty. */
export function drainOrderText({ asked, leaving }: DrainOrder): string {
  return [...asked, ...leaving.map((id) => `${leavingMark}${id}`)].join(" ") || "none";
}
