import {
  GetLogEventsCommand,
  ResourceNotFoundException,
  type CloudWatchLogsClient,
  type OutputLogEvent,
} from "@aws-sdk/client-cloudwatch-logs";
import { minute } from "./clock";

/** A report from further in the future is of a machine whose clock was wrong, and would hide those that come after it. */
const clockTolerance = 5 * minute;

/** How the name of a log stream with a machine's reports ends, after the machine's id. */
export const reportSuffix = ".report";

/** What a machine has reported last; undefined when there is nothing. */
export async function lastReportEvent(
  logs: CloudWatchLogsClient,
  logGroupName: string,
  instanceId: string,
  now: Date,
): Promise<OutputLogEvent | undefined> {
  const stream = {
    logGroupName,
    logStreamName: `${instanceId}${reportSuffix}`,
    endTime: now.getTime() + clockTolerance,
  };
  let nextToken: string | undefined;
  try {
    // A page may be empty although there is an event behind it.
    for (let page = 0; page < 5; page++) {
      const { events: [last] = [], nextBackwardToken } = await logs.send(
        new GetLogEventsCommand({ ...stream, limit: 1, nextToken }),
      );
      if (last || nextBackwardToken === nextToken) return last;
      nextToken = nextBackwardToken;
    }
    return undefined;
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return undefined;
    throw error;
  }
}
