import { isTable } from "./report";

/** One step of taking bastions out of service. */
export interface Handover {
  /** 1 to `steps`. Pulumi takes them in this order when the group changes, and in the opposite one when the fleet is destroyed. */
  step: number;
  steps: number;
  /** Auto Scaling group of the bastion that shall be at work. */
  group: string;
}

/** What the function is invoked for. */
export type SweepEvent =
  | { kind: "sweep"; dryRun: boolean }
  | { kind: "made" }
  | { kind: "changed"; handover: Handover }
  | { kind: "destroyed"; handover: Handover };

/**
 * Understands an event: `{}` sweeps, `{"dryRun": true}` says what a sweep would do, and what a resource `aws.lambda.Invocation` with
 * the scope CRUD sends says what happens to it.
 * @throws Error that says what is not understood: nothing is removed for an event that was meant otherwise.
 */
export function parseEvent(event: unknown): SweepEvent {
  if (!isTable(event)) throw new Error(`the event must be an object, e.g. {"dryRun": true}`);
  const { dryRun = false, tf, ...rest } = event;
  if (tf === undefined) {
    if (typeof dryRun !== "boolean") throw new Error("dryRun must be true or false");
    const [unknown] = Object.keys(rest);
    if (unknown !== undefined) throw new Error(`${unknown} is unknown; an event may have dryRun only`);
    return { kind: "sweep", dryRun };
  }
  const { action } = isTable(tf) ? tf : {};
  const handover = parseHandover(rest);
  switch (action) {
    case "create":
      return { kind: "made" };
    // Its former input says less than AWS: an `up` that failed may have made another bastion in between.
    case "update":
      return { kind: "changed", handover };
    case "delete":
      return { kind: "destroyed", handover };
    default:
      throw new Error(`the action must be create, update or delete, not ${String(action)}`);
  }
}

function parseHandover(input: unknown): Handover {
  const { step, steps, group } = isTable(input) ? input : {};
  if (typeof step !== "number" || typeof steps !== "number" || typeof group !== "string")
    throw new Error("an invocation's input must have step, steps and group");
  return { step, steps, group };
}
