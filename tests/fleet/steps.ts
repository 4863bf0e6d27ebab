import type { Fleet } from "./fleet";
import type { Job } from "./gitlab";
import type { Worker } from "./worker";

/** A part of the time from a queued job to the first line of its script. */
export interface Step {
  what: string;
  /** Milliseconds. */
  took: number;
}

/** Where the time went until the job's script said something, on a worker that was made for it. */
export function stepsOf(
  fleet: Fleet,
  job: Job,
  worker: Worker,
  commandsOfWorker: Worker["commands"],
): Step[] {
  const said = fleet.bastion.units.saidBy("gitlab-runner");
  const isFrom = (at: number | undefined) => at ?? Number.NaN;
  const saidAt = (text: string) => isFrom(said.find((piece) => piece.text.includes(text))?.at);
  const traced = (pattern: RegExp) => Date.parse(pattern.exec(job.trace)?.[1] ?? "");
  const commands = commandsOfWorker.filter(({ start }) => start >= worker.bootedAt - 1000);
  const firstEndOf = (pattern: RegExp) => isFrom(commands.find(({ command }) => pattern.test(command))?.end);
  const stamp = "(\\d{4}-[^ ]*Z) ";
  const moments: [string, number][] = [
    ["queued", job.queuedAt],
    ["GitLab is asked (check_interval)", isFrom(job.takenAt)],
    ["key pair, checks, RunInstances", worker.instance.at],
    ["the instance boots (here: a container)", worker.bootedAt],
    ["SSH answers (docker-machine tries every 3 to 12 s)", isFrom(commands[0]?.start)],
    ["host name, /etc/hosts", isFrom(commands.find(({ command }) => command.includes("apt-get"))?.start)],
    [
      "apt-get update, apt-get install curl",
      isFrom(commands.find(({ command }) => command.includes("type docker"))?.start),
    ],
    ["install-docker.sh", firstEndOf(/type docker/)],
    [
      "certificates, engine's options and start",
      isFrom(commands.find(({ command }) => command.includes("netstat"))?.end),
    ],
    ["the last of docker-machine", saidAt("Machine created")],
    ["gitlab-runner goes on", traced(new RegExp(`${stamp}.*Using Docker executor`))],
    ["helper image", traced(new RegExp(`${stamp}.*Using docker image.*helper`))],
    ["job's image", traced(new RegExp(`${stamp}.*section_end:\\d+:prepare_executor`))],
    ["containers, until the script says something", traced(new RegExp(`${stamp}.*\\$ echo`))],
  ];
  return moments.slice(1).map(([what, at], i) => ({ what, took: at - (moments[i]?.[1] ?? Number.NaN) }));
}

/** As a table to print. */
export function tableOf(steps: Step[]): string {
  const line = (what: string, took: number) => `${(took / 1000).toFixed(1).padStart(7)} s  ${what}`;
  const sum = steps.reduce((total, { took }) => total + took, 0);
  return [...steps.map(({ what, took }) => line(what, took)), line("in all", sum)].join("\n");
}
