import { setTimeout } from "node:timers/promises";
import {
  paginateFilterLogEvents,
  type CloudWatchLogsClient,
  type FilteredLogEvent,
} from "@aws-sdk/client-cloudwatch-logs";
import { UserProblem } from "../problem";
import type { LogsArguments, LogSource } from "./arguments";
import { isAwsError, type Aws } from "./aws";
import type { DeployedFleet } from "./deployed-fleet";
import { holdsReports } from "./reports";

const pollInterval = 5000;
/** Machines ship their journal once a minute, and AWS needs its time: what is older has arrived. */
const latestArrival = 5 * 60_000;

/**
 * Prints what was logged, oldest first; reports are left out.
 * @param print takes one line
 */
export async function printLogs(
  aws: Aws,
  fleet: DeployedFleet,
  { source, since, follow }: LogsArguments,
  print: (line: string) => void,
): Promise<void> {
  const logGroup = logGroupOf(fleet, source);
  let printed = new Set<string>();
  let from = Date.now() - since;
  for (;;) {
    const found = new Set<string>();
    for await (const event of events(aws.logs, logGroup, from)) {
      const id = `${event.logStreamName ?? ""} ${event.eventId ?? ""}`;
      if (!printed.has(id)) print(logLine(source, event));
      found.add(id);
    }
    if (!follow) return;
    printed = found;
    from = Math.max(from, Date.now() - latestArrival);
    await setTimeout(pollInterval);
  }
}

/** One event as a line: when, which machine, what. */
export function logLine(
  source: LogSource,
  { timestamp = 0, logStreamName, message }: FilteredLogEvent,
): string {
  const time = new Date(timestamp).toISOString().replace(/\.\d+/, "");
  // A stream of Lambda's says nothing to people.
  const machine = source === "sweep" ? [] : [logStreamName];
  return [time, ...machine, message?.trimEnd()].join(" ");
}

async function* events(
  client: CloudWatchLogsClient,
  logGroupName: string,
  startTime: number,
): AsyncGenerator<FilteredLogEvent> {
  const pages = paginateFilterLogEvents({ client }, { logGroupName, startTime });
  try {
    for await (const { events = [] } of pages) {
      const ofJournals = events.filter(({ logStreamName = "" }) => !holdsReports(logStreamName));
      yield* ofJournals.sort((a, b) => (a.timestamp ?? 0) - (b.timestamp ?? 0));
    }
  } catch (error) {
    if (!isAwsError(error, "ResourceNotFoundException")) throw error;
    throw new UserProblem(`There is no log group ${logGroupName}: run pulumi up.`);
  }
}

function logGroupOf({ title, logGroups }: DeployedFleet, source: LogSource): string {
  const { bastion, registryMirror, sweep } = logGroups;
  const logGroup = { bastion, "registry-mirror": registryMirror, sweep }[source];
  if (logGroup === undefined) throw new UserProblem(`The ${title} has its registry mirror switched off.`);
  return logGroup;
}
