import { setTimeout } from "node:timers/promises";
import { GetParameterCommand, PutParameterCommand, type SSMClient } from "@aws-sdk/client-ssm";
import { drainOrderText, readDrainOrder, type StandingOrder } from "../../sweep/drain-order";
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
  const { since } = await ask(aws.ssm, fleet.drainParameterName, ids);
  say(`${ids.join(", ")}: no new jobs from the next minute on; machines go when their jobs have ended`);
  return { ids, since };
}

/** Lets bastions take jobs again, but for those that go for good. */
export async function undoDrain(aws: Aws, fleet: DeployedFleet, say: Say): Promise<void> {
  const { bastions } = await findMachines(aws, fleet);
  const { leaving } = await ask(aws.ssm, fleet.drainParameterName, []);
  for (const { id } of bastions) {
    say(
      leaving.includes(id)
        ? `${id}: no new jobs, because it is being replaced, or goes with the fleet`
        : `${id}: takes jobs again from the next minute on`,
    );
  }
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

/** Says who shall drain by the operator's wish. What the sweep wants stays as it is. */
async function ask(ssm: SSMClient, Name: string, asked: string[]): Promise<StandingOrder> {
  const before = await read(ssm, Name);
  const Value = drainOrderText({ ...before, asked });
  if (Value === drainOrderText(before)) return before;
  await ssm.send(new PutParameterCommand({ Name, Value, Type: "String", Overwrite: true }));
  return await read(ssm, Name);
}

async function read(ssm: SSMClient, Name: string): Promise<StandingOrder> {
  try {
    const { Parameter } = await ssm.send(new GetParameterCommand({ Name }));
    return readDrainOrder(Parameter);
  } catch (error) {
    if (!isAwsError(error, "ParameterNotFound")) throw error;
    throw new UserProblem(`There is no SSM parameter ${Name}: run pulumi up.`);
  }
}
