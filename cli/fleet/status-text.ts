import { columns } from "../table";
import { configurationFailure, configurationVerdict } from "./configuration-verdict";
import { durationText } from "./durations";
import { longestSilence, type Reported } from "./reports";
import type { FleetStatus } from "./status";
import { sweepText } from "./sweep";
import type { Occupation, WorkerJob } from "./worker-jobs";

/** The status for people. */
export function statusText(status: FleetStatus): string {
  const sections = [
    [`${capital(status.title)}, ${status.region}`],
    bastionText(status),
    workerText(status),
    mirrorText(status),
    "unknown" in status.nextSweep
      ? [`What the next sweep removes is unknown: ${status.nextSweep.unknown}`]
      : sweepText(status.nextSweep),
  ];
  return `${sections.map((lines) => lines.join("\n")).join("\n\n")}\n`;
}

function bastionText({ bastions, published, at }: FleetStatus): string[] {
  if (bastions.length === 0) return ["Bastion: there is none"];
  const rows = bastions.map(({ machine, reported }) => [
    machine.id,
    machine.state,
    age(at, machine.launched),
    reported?.report.state ?? "unknown",
    reportAge(at, reported),
    configurationVerdict(reported, published.sha256),
  ]);
  const failures = bastions.flatMap(({ machine, reported }) => {
    const why = configurationFailure(reported);
    return why === undefined ? [] : [`  ${machine.id} failed to take what is published: ${why}`];
  });
  const title = ["INSTANCE", "STATE", "AGE", "RUNNER", "REPORTED", `CONFIGURATION ${published.version}`];
  return ["Bastion", ...table([title, ...rows]), ...failures];
}

function workerText({ workers, at }: FleetStatus): string[] {
  if (workers.length === 0) return ["Workers: none"];
  const rows = workers.map(({ name, machine, occupation, job }) => [
    name,
    ...(machine
      ? [
          machine.id,
          machine.instanceType,
          machine.spot ? "spot" : "on demand",
          machine.zone,
          machine.state,
          age(at, machine.launched),
        ]
      : ["no instance", "", "", "", "", ""]),
    job === undefined ? occupation : `job ${job}`,
  ]);
  const title = ["MACHINE", "INSTANCE", "TYPE", "PRICE", "ZONE", "STATE", "AGE", "JOB"];
  return [`Workers: ${workerCounts(workers)}`, ...table([title, ...rows])];
}

const countLabels: [Occupation, string][] = [
  ["job", "with a job"],
  ["idle", "idle"],
  ["no report", "without a report"],
  ["unknown to its bastion", "unknown to its bastion"],
  ["its bastion is gone", "left by a bastion that is gone"],
];

/** E.g. `2 with a job, 1 idle`. */
const workerCounts = (workers: WorkerJob[]): string =>
  countLabels
    .map(([kind, label]) => [workers.filter(({ occupation }) => occupation === kind).length, label] as const)
    .flatMap(([count, label]) => (count === 0 ? [] : [`${count} ${label}`]))
    .join(", ");

function mirrorText({ mirrors, at }: FleetStatus): string[] {
  if (mirrors === undefined) return ["Registry mirror: switched off"];
  if (mirrors.length === 0) return ["Registry mirror: none has reported"];
  const rows = mirrors.map(({ machine, reported }) => [
    machine.id,
    machine.state,
    age(at, machine.launched),
    reportAge(at, reported),
    reported ? `${reported.report.diskUsedPercent} % used` : "unknown",
    reported ? serviceText(reported.report.services) : "unknown",
  ]);
  const title = ["INSTANCE", "STATE", "AGE", "REPORTED", "DISK", "SERVICES"];
  return ["Registry mirror", ...table([title, ...rows])];
}

/** Those that are not active, or that all are. */
function serviceText(services: Record<string, string>): string {
  const others = Object.entries(services).filter(([, state]) => state !== "active");
  if (others.length === 0) return `${Object.keys(services).length} active`;
  return others.map(([service, state]) => `${service} ${state}`).join(", ");
}

const table = (rows: string[][]): string[] => columns(rows).map((row) => `  ${row}`);

const age = (at: Date, since: Date): string => durationText(at.getTime() - since.getTime());

function reportAge(at: Date, reported: Reported<unknown> | undefined): string {
  if (reported === undefined) return "never";
  const silence = at.getTime() - reported.at.getTime();
  return `${durationText(silence)} ago${silence > longestSilence ? " (silent)" : ""}`;
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
