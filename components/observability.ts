import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { alarmTopic } from "./alarm-topic";
import { alarmsOf, type Watched } from "./alarms";
import { dashboardBody } from "./dashboard";
import type { Tags } from "./instance";
import { checkArgs } from "./problems";
import { emails, regionName, runbookUrl, topicArn } from "./schemas";

/** What a fleet's alarms and dashboard are made of. */
export interface ObservabilityArgs extends Watched {
  region: string;
  /** SNS topic that hears of alarms. Default: one of its own. */
  topicArn?: string;
  /** Who gets a mail from the topic that is made. Default: nobody. */
  emails?: string[];
  /** Address of `docs/operations.md`, for the links in the alarms. Default: `docs/operations.md`. */
  runbookUrl?: string;
  tags?: Tags;
}

const argsSchema = z.object({
  region: regionName,
  fleet: z.string().regex(/^[^/]+\/[^/]+$/, { error: "must be <project>/<stack>" }),
  topicArn: topicArn.optional(),
  emails: emails.optional(),
  runbookUrl: runbookUrl.optional(),
});

/**
 * Tells when the fleet needs somebody, and shows what it does.
 *
 * Makes: an alarm for each entry of `alarmsOf`, which tells the topic when it begins and when it is over; a dashboard; unless one is
 * given an SNS topic with subscriptions. All but the topic are named `<project>-<stack>…`.
 *
 * Cost: about $9.50 a month in us-east-1, without the account's free tier: $0.30 for each of the 14 metrics that the machines report, $0.10
 * for each of the 14 metrics that alarms watch, $3 the dashboard, $0.90 the reports. Mails cost nothing before the thousandth.
 * @see https://aws.amazon.com/cloudwatch/pricing/
 */
export class Observability extends pulumi.ComponentResource {
  /** Topic that hears of alarms. */
  readonly topicArn: pulumi.Output<string>;
  readonly dashboardName: pulumi.Output<string>;

  constructor(name: string, args: ObservabilityArgs, opts?: pulumi.ComponentResourceOptions) {
    checkArgs("Observability", argsSchema, args);
    super("fleet:index:Observability", name, {}, opts);
    const { region, fleet, registryMirror, sweep, runbookUrl = "docs/operations.md" } = args;
    const tags = args.tags ?? {};
    // A dashboard's name has no other characters.
    const prefix = fleet.replace(/[^A-Za-z0-9_-]/g, "-");

    this.topicArn =
      args.topicArn === undefined
        ? alarmTopic(name, { prefix, emails: args.emails ?? [], tags }, this).arn
        : pulumi.output(args.topicArn);
    const alarms = alarmsOf(args).map(
      (alarm) =>
        new aws.cloudwatch.MetricAlarm(
          `${name}-${alarm.name}`,
          {
            ...alarm.rule,
            name: `${prefix}-${alarm.name}`,
            alarmDescription: `${alarm.what} ${runbookUrl}#${alarm.name}`,
            alarmActions: [this.topicArn],
            okActions: [this.topicArn],
            tags: { ...tags },
          },
          { parent: this },
        ),
    );
    const dashboard = new aws.cloudwatch.Dashboard(
      `${name}-dashboard`,
      {
        dashboardName: prefix,
        dashboardBody: pulumi
          .all([alarms.map(({ arn }) => arn), sweep?.functionName])
          .apply(([alarmArns, sweepFunctionName]) =>
            dashboardBody({
              region,
              fleet,
              alarmArns,
              hasRegistryMirror: registryMirror !== undefined,
              ...(sweepFunctionName !== undefined && { sweepFunctionName }),
            }),
          ),
      },
      { parent: this },
    );
    this.dashboardName = dashboard.dashboardName;
    this.registerOutputs({ topicArn: this.topicArn, dashboardName: this.dashboardName });
  }
}
