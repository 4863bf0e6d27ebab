import { setTimeout } from "node:timers/promises";
import { GetParameterCommand, PutParameterCommand, type SSMClient } from "@aws-sdk/client-ssm";
import { UserProblem } from "../problem";
import { isAwsError, type Aws } from "./aws";
import type { DeployedFleet } from "./deployed-fleet";
import { durationText } from "./durations";
import { findMachines } from "./machines";
import {
  bastionReportSchema,
  lastReport,
  longestSilence,
  type BastionReport,
  type Reported,
} from "./reports";

/** What the drain parameter says when no bastion shall drain. */
export const nobody = "none";

const pollInterval = 5000;

/** Tells the operator what goes on. */
type Say = (line: string) => void;

/** Lets all bastions take no more jobs. Returns their ids and since when that is wanted, by AWS's clock. */
export async function startDrain(
  aws: Aws,
  fleet: DeployedFleet,
  say: Say,
): Promise<{ ids: string[]; since: Date }> {
  const { bastions } = await findMachines(aws, fleet);
  const ids = bastions.map(({ id }) => id).sort();
  if (ids.length === 0) throw new UserProblem(`The ${fleet.title} has no bastion that could drain.`);
  const since = await writeOnce(aws.ssm, fleet.drainParameterName, ids.join(" "));
  say(`${ids.join(", ")}: no new jobs from the next minute on; machines go when their jobs have ended`);
  return { ids, since };
}

/** Lets all bastions take jobs again. */
export async function undoDrain(aws: Aws, fleet: DeployedFleet, say: Say): Promise<void> {
  await writeOnce(aws.ssm, fleet.drainParameterName, nobody);
  say("Bastions take jobs again from the next minute on.");
}

/**
 * Waits until bastions have drained or are gone.
 * @throws UserProblem when one does not report any more.
 */
export async function waitUntilDrained(
  aws: Aws,
  fleet: DeployedFleet,
  { ids, since }: { ids: string[]; since: Date },
  say: Say,
): Promise<void> {
  const said = new Map<string, string>();
  for (;;) {
    const { bastions } = await findMachines(aws, fleet);
    const present = ids.filter((id) => bastions.some((bastion) => bastion.id === id));
    const states = await Promise.all(
      ids.map(async (id) => {
        if (!present.includes(id)) return { id, state: "gone; the sweep removes what it has left" };
        const reported = await lastReport(aws.logs, fleet.logGroups.bastion, id, bastionReportSchema);
        return { id, state: drainState(id, reported, since, new Date()) };
      }),
    );
    for (const { id, state } of states) {
      if (said.get(id) !== state) say(`${id}: ${state}`);
      said.set(id, state);
    }
    if (states.every(({ state }) => /^(drained|gone)/.test(state))) return;
    await setTimeout(pollInterval);
  }
}

/**
 * How far a bastion is, in words; `drained` when it is done.
 * @param since reports from before it do not count
 * @throws UserProblem when nothing was reported for too long.
 */
export function drainState(
  id: string,
  reported: Reported<BastionReport> | undefined,
  since: Date,
  now: Date,
): string {
  const silence = now.getTime() - (reported?.at.getTime() ?? since.getTime());
  if (silence > longestSilence) {
    throw new UserProblem(
      `${id} has not reported for ${durationText(silence)}: whether it drains is not known. See npm run fleet -- logs bastion`,
    );
  }
  if (reported === undefined || reported.received < since) return "waiting for its next report";
  const { state, machines } = reported.report;
  if (state === "drained") return "drained";
  const jobs = machines.filter(({ job }) => job !== null).length;
  return `${state}, ${jobs} of ${machines.length} machines with a job`;
}

/** Returns since when the parameter has this value. */
async function writeOnce(ssm: SSMClient, Name: string, Value: string): Promise<Date> {
  const before = await read(ssm, Name);
  if (before.value === Value) return before.since;
  await ssm.send(new PutParameterCommand({ Name, Value, Type: "String", Overwrite: true }));
  return (await read(ssm, Name)).since;
}

async function read(ssm: SSMClient, Name: string): Promise<{ value: string; since: Date }> {
  try {
    const { Parameter } = await ssm.send(new GetParameterCommand({ Name }));
    return { value: Parameter?.Value ?? "", since: Parameter?.LastModifiedDate ?? new Date(0) };
  } catch (error) {
    if (!isAwsError(error, "ParameterNotFound")) throw error;
    throw new UserProblem(`There is no SSM parameter ${Name}: run pulumi up.`);
  }
}
