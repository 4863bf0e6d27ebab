import { DescribeLogStreamsCommand, type CloudWatchLogsClient } from "@aws-sdk/client-cloudwatch-logs";
import { z } from "zod";
import { lastReportEvent, reportSuffix } from "../../sweep/last-report";
import { isAwsError } from "./aws";

/** What a bastion says of itself once a minute. */
export const bastionReportSchema = z.object({
  state: z.enum(["running", "draining", "drained", "stopped"]),
  /** `ok <sha256>`, or `failed: <why>`, of the last look at what is published. */
  configuration: z.string().nullable(),
  /** Of the published text that is in force; null before the first. */
  configurationSha256: z.string().nullable(),
  /** docker-machine's machines, and the job that each one runs. */
  machines: z.array(z.object({ name: z.string(), job: z.number().nullable() })),
});
export type BastionReport = z.infer<typeof bastionReportSchema>;

/** What a registry mirror says of itself once a minute. */
export const mirrorReportSchema = z.object({
  diskUsedPercent: z.number(),
  /** systemd's state of each service, e.g. `active`. */
  services: z.record(z.string(), z.string()),
});
export type MirrorReport = z.infer<typeof mirrorReportSchema>;

/** A report, and when it was made. */
export interface Reported<Report> {
  at: Date;
  /** When AWS took it, by AWS's own clock. */
  received: Date;
  report: Report;
}

/** A machine whose last report is older has a problem. */
export const longestSilence = 5 * 60_000;

/** Whether a log stream holds reports; the others hold a machine's journal. */
export const holdsReports = (stream: string): boolean => stream.endsWith(reportSuffix);

/** The last report of a machine; undefined when there is none, or none of this form. */
export async function lastReport<Schema extends z.ZodType>(
  logs: CloudWatchLogsClient,
  logGroupName: string,
  instanceId: string,
  schema: Schema,
): Promise<Reported<z.infer<Schema>> | undefined> {
  const event = await lastReportEvent(logs, logGroupName, instanceId, new Date());
  if (event?.message === undefined) return undefined;
  const { data } = schema.safeParse(json(event.message));
  return data && { at: date(event.timestamp), received: date(event.ingestionTime), report: data };
}

/** Ids of the machines that have reported lately to a log group. */
export async function reportingMachines(logs: CloudWatchLogsClient, logGroupName: string): Promise<string[]> {
  const newestFirst = new DescribeLogStreamsCommand({
    logGroupName,
    orderBy: "LastEventTime",
    descending: true,
  });
  try {
    const { logStreams = [] } = await logs.send(newestFirst);
    return logStreams
      .map(({ logStreamName = "" }) => logStreamName)
      .filter(holdsReports)
      .map((name) => name.slice(0, -reportSuffix.length));
  } catch (error) {
    if (isAwsError(error, "ResourceNotFoundException")) return [];
    throw error;
  }
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const date = (milliseconds = 0): Date => new Date(milliseconds);
