/** CloudWatch namespace of what the fleet's machines report of themselves, each minute, with the one dimension `Fleet`. */
export const metricNamespace = "GitLabRunnerFleet";

/** What the bastion reports. */
export const bastionMetrics = [
  "BastionReports",
  "ConfigurationRejected",
  "JobWaitSeconds",
  "MachineCreationFailures",
  "MachinesCreated",
  "MachinesCreating",
  "MachinesIdle",
  "MachinesRemoving",
  "MachinesUsed",
  "RunningJobs",
  "TokenDaysLeft",
  "TokensRejected",
] as const;

/** What the registry mirror reports. */
export const mirrorMetrics = ["MirrorDiskUsedPercent", "MirrorReports"] as const;

export type FleetMetric = (typeof bastionMetrics)[number] | (typeof mirrorMetrics)[number];
