import { UserProblem } from "../problem";
import { awsProblem, type Aws } from "./aws";
import type { DeployedFleet } from "./deployed-fleet";
import { findMachines, type Machine } from "./machines";
import { publishedConfig } from "./published-config";
import {
  bastionReportSchema,
  lastReport,
  mirrorReportSchema,
  type BastionReport,
  type MirrorReport,
  type Reported,
} from "./reports";
import { invokeSweep, type SweepResult } from "./sweep";
import { workerJobs, type WorkerJob } from "./worker-jobs";

/** What an operator wants to know of a fleet. */
export interface FleetStatus {
  /** E.g. `stack dev`. */
  title: string;
  region: string;
  at: Date;
  /** The published `config.toml`. */
  published: { version: number; at: Date; sha256: string };
  bastions: { machine: Machine; reported: Reported<BastionReport> | undefined }[];
  workers: WorkerJob[];
  /** Undefined: it is switched off. */
  mirrors: { machine: Machine; reported: Reported<MirrorReport> | undefined }[] | undefined;
  /** What the next sweep would remove, or why that is not known. */
  nextSweep: SweepResult | { unknown: string };
}

/** Asks AWS, and changes nothing. */
export async function fleetStatus(aws: Aws, fleet: DeployedFleet): Promise<FleetStatus> {
  const { logGroups } = fleet;
  const [machines, published, nextSweep] = await Promise.all([
    findMachines(aws, fleet),
    publishedConfig(aws.ssm, fleet.runnerConfigParameterName),
    dryRun(aws, fleet),
  ]);
  const bastions = await Promise.all(
    machines.bastions.map(async (machine) => ({
      machine,
      reported: await lastReport(aws.logs, logGroups.bastion, machine.id, bastionReportSchema),
    })),
  );
  const { registryMirror } = logGroups;
  const mirrors =
    registryMirror === undefined
      ? undefined
      : await Promise.all(
          machines.mirrors.map(async (machine) => ({
            machine,
            reported: await lastReport(aws.logs, registryMirror, machine.id, mirrorReportSchema),
          })),
        );
  return {
    title: fleet.title,
    region: fleet.region,
    at: new Date(),
    published: { version: published.version, at: published.published, sha256: published.sha256 },
    bastions,
    workers: workerJobs(machines.workers, bastions),
    mirrors,
    nextSweep,
  };
}

/** The rest is worth knowing, too, when the sweep does not work. */
async function dryRun(aws: Aws, fleet: DeployedFleet): Promise<FleetStatus["nextSweep"]> {
  try {
    return await invokeSweep(aws.lambda, fleet.sweepFunctionName, true);
  } catch (error) {
    const unknown = error instanceof UserProblem ? error.message : awsProblem(error);
    if (unknown === undefined) throw error;
    return { unknown };
  }
}
