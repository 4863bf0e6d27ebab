import { metricNamespace, type FleetMetric } from "./metrics";

/** What a fleet's dashboard is about. */
export interface DashboardFacts {
  region: string;
  /** `<project>/<stack>`: the value of the dimension `Fleet`. */
  fleet: string;
  alarmArns: string[];
  hasRegistryMirror: boolean;
  /** Absent: there is no sweep. */
  sweepFunctionName?: string;
}

/** A line of a graph: namespace, metric, dimension and its value, how it is drawn. */
type Line = [string, string, string, string, { label: string; yAxis?: "right" }];

interface Graph {
  title: string;
  stat: "Average" | "Maximum" | "Sum";
  lines: Line[];
  stacked?: boolean;
}

const columns = 24;
const graphWidth = 8;
const graphHeight = 6;
const alarmsHeight = 3;

/**
 * Body of a dashboard: the state of all alarms, and below it three graphs in a row.
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
 */
export function dashboardBody(facts: DashboardFacts): string {
  const perRow = columns / graphWidth;
  const alarms = {
    type: "alarm",
    x: 0,
    y: 0,
    width: columns,
    height: alarmsHeight,
    properties: { title: "Alarms", alarms: facts.alarmArns },
  };
  const graphs = graphsOf(facts).map(({ title, stat, lines, stacked = false }, i) => ({
    type: "metric",
    x: (i % perRow) * graphWidth,
    y: alarmsHeight + Math.floor(i / perRow) * graphHeight,
    width: graphWidth,
    height: graphHeight,
    properties: {
      title,
      region: facts.region,
      view: "timeSeries",
      stat,
      period: 60,
      stacked,
      metrics: lines,
      yAxis: { left: { min: 0 }, right: { min: 0 } },
    },
  }));
  return JSON.stringify({ widgets: [alarms, ...graphs] });
}

function graphsOf({ fleet, hasRegistryMirror, sweepFunctionName }: DashboardFacts): Graph[] {
  const line = (metric: FleetMetric, label: string): Line => [
    metricNamespace,
    metric,
    "Fleet",
    fleet,
    { label },
  ];
  const onTheRight = ([namespace, metric, dimension, value, { label }]: Line): Line => [
    namespace,
    metric,
    dimension,
    value,
    { label, yAxis: "right" },
  ];
  const ofSweep = (name: string, metric: string, label: string): Line => [
    "AWS/Lambda",
    metric,
    "FunctionName",
    name,
    { label },
  ];
  return [
    {
      title: "Machines by state",
      stat: "Maximum",
      stacked: true,
      lines: [
        line("MachinesUsed", "in use"),
        line("MachinesIdle", "idle"),
        line("MachinesCreating", "being made"),
        line("MachinesRemoving", "being removed"),
      ],
    },
    {
      title: "Machines made",
      stat: "Sum",
      lines: [line("MachinesCreated", "made"), line("MachineCreationFailures", "failed")],
    },
    { title: "Running jobs", stat: "Maximum", lines: [line("RunningJobs", "running")] },
    {
      title: "Seconds that jobs waited",
      stat: "Average",
      lines: [line("JobWaitSeconds", "mean of those that began")],
    },
    {
      title: "Configuration and tokens",
      stat: "Maximum",
      lines: [
        line("ConfigurationRejected", "configuration rejected"),
        line("TokensRejected", "tokens rejected"),
        onTheRight(line("TokenDaysLeft", "days until a token expires")),
      ],
    },
    {
      title: "Reports a minute",
      stat: "Sum",
      lines: [
        line("BastionReports", "bastion"),
        ...(hasRegistryMirror ? [line("MirrorReports", "registry mirror")] : []),
      ],
    },
    ...(hasRegistryMirror
      ? [
          {
            title: "Registry mirror's disk, percent",
            stat: "Maximum" as const,
            lines: [line("MirrorDiskUsedPercent", "used")],
          },
        ]
      : []),
    ...(sweepFunctionName === undefined
      ? []
      : [
          {
            title: "Sweep",
            stat: "Sum" as const,
            lines: [
              ofSweep(sweepFunctionName, "Invocations", "runs"),
              ofSweep(sweepFunctionName, "Errors", "errors"),
            ],
          },
        ]),
  ];
}
