import { z } from "zod";
import type { Emulator } from "../tools/emulator";
import { region } from "./machine-parts";

const events = z.object({ events: z.array(z.object({ timestamp: z.number(), message: z.string() })) });

/** What CloudWatch, as the emulator is it, has got from a machine of the stack test. */
export class CloudWatch {
  constructor(
    private readonly emulator: Emulator,
    /** Name of the machine's log group. */
    private readonly logGroupName: string,
  ) {}

  /** Makes the log group, which Pulumi makes for a real machine. */
  async makeGroup(): Promise<void> {
    await this.emulator.logs(region, "CreateLogGroup", { logGroupName: this.logGroupName });
  }

  async removeGroup(): Promise<void> {
    await this.emulator.logs(region, "DeleteLogGroup", { logGroupName: this.logGroupName });
  }

  /** All events of a log stream. */
  async events(logStreamName: string): Promise<z.output<typeof events>["events"]> {
    const { logGroupName } = this;
    const asked = { logGroupName, logStreamName, startFromHead: true, limit: 10_000 };
    return events.parse(await this.emulator.logs(region, "GetLogEvents", asked)).events;
  }

  /** Sum of a metric of the fleet over the last hour; undefined when there is none. */
  async metric(name: string): Promise<number | undefined> {
    const text = await this.emulator.query(region, "monitoring", "2010-08-01", {
      Action: "GetMetricStatistics",
      Namespace: "GitLabRunnerFleet",
      MetricName: name,
      "Dimensions.member.1.Name": "Fleet",
      "Dimensions.member.1.Value": "gitlab-runner-fleet/test",
      StartTime: new Date(Date.now() - 3_600_000).toISOString(),
      EndTime: new Date(Date.now() + 60_000).toISOString(),
      Period: "86400",
      "Statistics.member.1": "Sum",
    });
    const sums = [...text.matchAll(/<Sum>(.*?)<\/Sum>/g)].map(([, sum]) => Number(sum));
    return sums.length === 0 ? undefined : sums.reduce((total, sum) => total + sum, 0);
  }
}
