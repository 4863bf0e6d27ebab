import type { Machine } from "./machines";
import type { BastionReport, Reported } from "./reports";

/** What a worker does, as far as its bastion's last report says. */
export type Occupation = "job" | "idle" | "unknown to its bastion" | "its bastion is gone" | "no report";

/** A machine of docker-machine's, and what it does. */
export interface WorkerJob {
  /** docker-machine's name of it. */
  name: string;
  /** Undefined: a bastion names it, and there is no such instance. */
  machine: Machine | undefined;
  occupation: Occupation;
  /** Id of the job that it runs. */
  job: number | undefined;
}

interface Bastion {
  machine: Machine;
  reported: Reported<BastionReport> | undefined;
}

/** Tells each worker's job by the bastions' reports. */
export function workerJobs(workers: Machine[], bastions: Bastion[]): WorkerJob[] {
  const reported = new Map(
    bastions.flatMap(({ reported }) => reported?.report.machines ?? []).map(({ name, job }) => [name, job]),
  );
  const present = workers.map((machine): WorkerJob => {
    const { keyName: name = "" } = machine;
    const job = reported.get(name) ?? undefined;
    return { name, machine, job, occupation: occupation(reported.get(name), machine, bastions) };
  });
  const names = present.map(({ name }) => name);
  const absent = [...reported].filter(([name]) => !names.includes(name));
  return [
    ...present,
    ...absent.map(([name, job]): WorkerJob => {
      return { name, machine: undefined, job: job ?? undefined, occupation: job === null ? "idle" : "job" };
    }),
  ];
}

function occupation(job: number | null | undefined, { tags }: Machine, bastions: Bastion[]): Occupation {
  if (job !== undefined) return job === null ? "idle" : "job";
  const { "fleet-bastion": maker } = tags;
  const itsBastions = bastions.filter(({ machine }) => maker === undefined || machine.id === maker);
  if (itsBastions.length === 0) return "its bastion is gone";
  return itsBastions.some(({ reported }) => reported !== undefined) ? "unknown to its bastion" : "no report";
}
