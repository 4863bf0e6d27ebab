import { bastionMetrics, mirrorMetrics } from "../components/metrics";
import type { RegionPrices } from "./prices";
import { listAt, numberAt, ofType, valueAt, type PlannedResource } from "./resources";

/** What costs by the piece, in a month. */
export interface MonitoringPart {
  what: string;
  count: number;
  /** USD a piece; undefined when unknown. */
  price: number | undefined;
}

/** What it costs to watch the fleet and to sweep it. */
export function monitoringParts(
  resources: PlannedResource[],
  prices: Partial<RegionPrices>,
  hoursInMonth: number,
): MonitoringPart[] {
  const reporters = [
    { type: "fleet:index:Bastion", metrics: bastionMetrics },
    { type: "fleet:index:RegistryMirror", metrics: mirrorMetrics },
  ].filter(({ type }) => ofType(resources, type).length > 0);
  return [
    {
      what: "CloudWatch metric",
      count: reporters.flatMap(({ metrics }) => [...metrics]).length,
      price: prices.customMetricMonth,
    },
    {
      // Each machine reports once a minute.
      what: "CloudWatch report",
      count: reporters.length * hoursInMonth * 60,
      price: prices.metricRequest,
    },
    {
      what: "alarm metric",
      count: sum(ofType(resources, "aws:cloudwatch/metricAlarm:MetricAlarm").map(watchedMetrics)),
      price: prices.alarmMetricMonth,
    },
    {
      what: "dashboard",
      count: ofType(resources, "aws:cloudwatch/dashboard:Dashboard").length,
      price: prices.dashboardMonth,
    },
    {
      what: "Lambda GB-second",
      count: sum(ofType(resources, "aws:lambda/function:Function").map(sweepMemory)) * hoursInMonth * 3600,
      price: prices.lambdaGigabyteSecond,
    },
  ];
}

const sum = (numbers: number[]): number => numbers.reduce((total, number) => total + number, 0);

/** Metrics that an alarm watches: its own, or those in its expression. */
function watchedMetrics({ inputs }: PlannedResource): number {
  const queries = listAt(inputs, "metricQueries");
  return queries.length === 0 ? 1 : queries.filter((query) => valueAt(query, "metric") !== undefined).length;
}

/** GB of memory that the sweep's function takes on average: it runs every 5 minutes, for some seconds. */
function sweepMemory({ inputs }: PlannedResource): number {
  const seconds = 5;
  return ((numberAt(inputs, "memorySize") ?? 128) / 1024) * (seconds / 300);
}
