import type * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import { metricNamespace, type FleetMetric } from "./metrics";

/** What there is to watch. */
export interface Watched {
  /** `<project>/<stack>`: the value of the dimension `Fleet`. */
  fleet: string;
  /** A `Bastion` will do. */
  bastion: WatchedBastion;
  /** A `RegistryMirror` will do. Absent: there is none. */
  registryMirror?: WatchedMirror | undefined;
  /** A `Sweep` will do. Absent: there is none. */
  sweep?: WatchedSweep | undefined;
}

/** A bastion to watch. */
export interface WatchedBastion {
  /** Auto Scaling group. */
  groupName: pulumi.Input<string>;
}

/** A sweep to watch. */
export interface WatchedSweep {
  functionName: pulumi.Input<string>;
}

/** A registry mirror to watch. */
export interface WatchedMirror {
  instanceId: pulumi.Input<string>;
  /** Percent of the data volume that images may fill. */
  mirrorShare: number;
  /** Percent of the data volume that layers may fill. */
  layerCacheShare: number;
}

/** When an alarm goes off. */
export type AlarmRule = Omit<
  aws.cloudwatch.MetricAlarmArgs,
  "name" | "alarmDescription" | "actionsEnabled" | "alarmActions" | "okActions" | "tags"
>;

/** An alarm. Its name is that of its paragraph in docs/operations.md, too. */
export interface Alarm {
  name: string;
  /** What has happened, in one sentence. */
  what: string;
  rule: AlarmRule;
}

/** The alarms of a fleet. */
export function alarmsOf({ fleet, bastion, registryMirror, sweep }: Watched): Alarm[] {
  return [
    ...bastionAlarms(fleet, bastion.groupName),
    ...jobAlarms(fleet),
    ...(registryMirror ? mirrorAlarms(fleet, registryMirror) : []),
    ...(sweep ? sweepAlarms(sweep.functionName) : []),
  ];
}

function bastionAlarms(fleet: string, groupName: pulumi.Input<string>): Alarm[] {
  return [
    {
      name: "bastion-silent",
      what: "No bastion has reported for 8 minutes: none runs, its boot failed, or GitLab Runner has stopped.",
      // A boot takes less, and two minutes remain of the ten within which a failed one is to be known.
      rule: silence(fleetMetric(fleet, "BastionReports"), { period: 60, evaluationPeriods: 8 }),
    },
    {
      name: "bastion-unreachable",
      what: "The bastion fails EC2's status checks.",
      rule: statusCheck({ AutoScalingGroupName: groupName }),
    },
    {
      name: "configuration-rejected",
      what: "The bastion rejects the published config.toml; the former one stays in force.",
      rule: report(fleetMetric(fleet, "ConfigurationRejected")),
    },
    {
      name: "token-invalid",
      what: "GitLab rejects a runner's token: this runner gets no jobs.",
      rule: report(fleetMetric(fleet, "TokensRejected")),
    },
    {
      name: "token-expires",
      what: "A runner's token expires in less than 7 days.",
      rule: {
        ...fleetMetric(fleet, "TokenDaysLeft"),
        statistic: "Minimum",
        period: 300,
        evaluationPeriods: 1,
        comparisonOperator: "LessThanThreshold",
        threshold: 7,
        // Nothing is reported of tokens that do not expire.
        treatMissingData: "notBreaching",
      },
    },
  ];
}

function jobAlarms(fleet: string): Alarm[] {
  const period = 300;
  const part = (id: string, metric: FleetMetric, stat: string) => ({
    id,
    metric: { ...fleetMetric(fleet, metric), stat, period },
  });
  return [
    {
      name: "no-machine-can-be-created",
      what: "Machines are being made, and for 10 minutes none was finished.",
      rule: {
        metricQueries: [
          {
            id: "stuck",
            // Those that fail at once count as failures, those that hang as being made. A machine that comes takes two minutes, so
            // that two whole periods without one are no coincidence.
            expression:
              "IF((FILL(failures, 0) > 0 OR FILL(creating, 0) > 0) AND FILL(created, 0) == 0, 1, 0)",
            label: "Machines are being made, and none is finished",
            returnData: true,
          },
          part("failures", "MachineCreationFailures", "Sum"),
          part("creating", "MachinesCreating", "Maximum"),
          part("created", "MachinesCreated", "Sum"),
        ],
        evaluationPeriods: 2,
        comparisonOperator: "GreaterThanThreshold",
        threshold: 0,
        // A bastion that says nothing makes no machines; bastion-silent tells of it.
        treatMissingData: "notBreaching",
      },
    },
    {
      name: "jobs-wait",
      what: "For 15 minutes jobs have waited for more than 5 minutes before they began.",
      rule: {
        ...fleetMetric(fleet, "JobWaitSeconds"),
        statistic: "Average",
        period,
        // One burst of jobs is no reason to get up: it is over when machines have come.
        evaluationPeriods: 3,
        comparisonOperator: "GreaterThanThreshold",
        threshold: 300,
        // Reported only when a job begins.
        treatMissingData: "notBreaching",
      },
    },
  ];
}

/** Where the registry mirrors begin no download: userdata/registry-mirror/evict.py. */
const fullPercent = 90;

function mirrorAlarms(fleet: string, { instanceId, mirrorShare, layerCacheShare }: WatchedMirror): Alarm[] {
  // The registries may fill their shares, so that it has to be more; and it has to be known before downloads end.
  const threshold = Math.max(80, (mirrorShare + layerCacheShare + fullPercent) / 2);
  return [
    {
      name: "registry-mirror-silent",
      what: "The registry mirror has not reported for 8 minutes: it does not run, its boot failed, or a registry has stopped.",
      rule: silence(fleetMetric(fleet, "MirrorReports"), { period: 60, evaluationPeriods: 8 }),
    },
    {
      name: "registry-mirror-unreachable",
      what: "The registry mirror fails EC2's status checks.",
      rule: statusCheck({ InstanceId: instanceId }),
    },
    {
      name: "mirror-disk-full",
      what: `The registry mirror's data volume is over ${threshold} % full: from ${fullPercent} % on it keeps no further images.`,
      rule: {
        ...fleetMetric(fleet, "MirrorDiskUsedPercent"),
        statistic: "Average",
        period: 300,
        // What is over the shares goes every minute, so that a disk that stays full holds something else.
        evaluationPeriods: 3,
        comparisonOperator: "GreaterThanThreshold",
        threshold,
        // A mirror that says nothing has not become emptier.
        treatMissingData: "ignore",
      },
    },
  ];
}

function sweepAlarms(functionName: pulumi.Input<string>): Alarm[] {
  const metric = (metricName: string) => ({
    namespace: "AWS/Lambda",
    metricName,
    dimensions: { FunctionName: functionName },
  });
  return [
    {
      name: "sweep-failed",
      what: "The sweep has failed for 10 minutes: what docker-machine leaves behind stays.",
      rule: {
        ...metric("Errors"),
        statistic: "Sum",
        period: 300,
        // It runs every 5 minutes, and the next run makes up for one that failed.
        evaluationPeriods: 2,
        comparisonOperator: "GreaterThanThreshold",
        threshold: 0,
        // Without a run there is no error; sweep-silent tells of it.
        treatMissingData: "notBreaching",
      },
    },
    {
      name: "sweep-silent",
      what: "The sweep has not run for 30 minutes: what docker-machine leaves behind stays.",
      rule: silence(metric("Invocations"), { period: 300, evaluationPeriods: 6 }),
    },
  ];
}

/** A metric, as an alarm and a query name it. */
interface MetricName {
  namespace: string;
  metricName: string;
  dimensions: Record<string, pulumi.Input<string>>;
}

function fleetMetric(fleet: string, metricName: FleetMetric): MetricName {
  return { namespace: metricNamespace, metricName, dimensions: { Fleet: fleet } };
}

/**
 * Nothing was reported in some periods. CloudWatch looks at more of them than it is told to, and a report in any of these keeps an
 * alarm quiet, unless what is missing is filled; where there never was one, there is nothing to fill.
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
 */
function silence(
  metric: MetricName,
  { period, evaluationPeriods }: { period: number; evaluationPeriods: number },
): AlarmRule {
  return {
    metricQueries: [
      { id: "heard", expression: "FILL(reports, 0)", label: metric.metricName, returnData: true },
      { id: "reports", metric: { ...metric, stat: "Sum", period } },
    ],
    evaluationPeriods,
    comparisonOperator: "LessThanThreshold",
    threshold: 1,
    treatMissingData: "breaching",
  };
}

/** A bastion reports that something is wrong. Three times, because a new configuration and its tokens do not arrive at once. */
function report(metric: MetricName): AlarmRule {
  return {
    ...metric,
    statistic: "Maximum",
    period: 60,
    evaluationPeriods: 3,
    comparisonOperator: "GreaterThanThreshold",
    threshold: 0,
    // What was wrong still is when nobody says that it is right again.
    treatMissingData: "ignore",
  };
}

/** EC2 says that an instance does not answer. Three times, because a reboot takes a minute or two. */
function statusCheck(dimensions: Record<string, pulumi.Input<string>>): AlarmRule {
  return {
    namespace: "AWS/EC2",
    metricName: "StatusCheckFailed",
    dimensions,
    statistic: "Maximum",
    period: 60,
    evaluationPeriods: 3,
    comparisonOperator: "GreaterThanThreshold",
    threshold: 0,
    // An instance that is gone has no checks; the alarm on its silence tells of it.
    treatMissingData: "notBreaching",
  };
}
