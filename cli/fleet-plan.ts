import { RunError } from "@pulumi/pulumi";
import { artefactFiles, pretty, readArtefacts, type Artefacts, type Files } from "./artefacts";
import { fleetCost, type FleetCost } from "./cost";
import { PlanMonitor } from "./monitor";
import { planPage } from "./page/page";
import { fleetNetwork } from "./network";
import { networkPicture } from "./page/network-picture";
import { listPermissions, managedPolicies, type Permission } from "./permissions";
import { listPorts, type OpenPort } from "./ports";
import { UserProblem } from "./problem";
import { runProgram } from "./program";
import { sortResources, type PlannedResource } from "./resources";
import { readRunners, type PlannedRunner } from "./runners";
import { idleHoursPerWeek, idleWeek, type IdleWeek } from "./schedule";
import type { StackConfiguration } from "./stack-file";

/** A runner with its week. */
export interface ScheduledRunner extends PlannedRunner {
  week: IdleWeek;
}

/** All that is known of a stack before it is made. */
export interface FleetPlan {
  project: string;
  stack: string;
  region: string;
  /** Sorted by type, name and parent. */
  resources: PlannedResource[];
  runners: ScheduledRunner[];
  ports: OpenPort[];
  permissions: Permission[];
  /** AWS's own policies that are attached. */
  managedPolicies: { who: string; arn: string }[];
  cost: FleetCost;
  warnings: string[];
  /** Secrets that have to be set before the stack can be made. */
  missingSecrets: string[];
  artefacts: Artefacts;
}

/**
 * Runs the program on a stack's configuration, without an account, and reads out of its resources what it would make.
 * @throws UserProblem when the program says what is wrong with the configuration.
 */
export async function planFleet(
  configuration: StackConfiguration,
  program: () => unknown,
): Promise<FleetPlan> {
  const { project, stack, values, secretKeys, missingSecrets } = configuration;
  const region = values["aws:region"] ?? "";
  const monitor = new PlanMonitor(region);
  const { warnings } = await runProgram(program, {
    project,
    stack,
    values,
    secretKeys,
    mocks: monitor,
    onResource: monitor.onResource,
  }).catch((error: unknown) => {
    // What Pulumi itself prints without a stack trace.
    throw RunError.isInstance(error) ? new UserProblem(error.message) : error;
  });

  const resources = sortResources(monitor.resources);
  const artefacts = readArtefacts(resources);
  const runners = readRunners(artefacts.runnerConfig ?? "").map((runner) => ({
    ...runner,
    week: idleWeek(runner),
  }));
  const hours = runners.map((runner) => ({ runner, idleHoursPerWeek: idleHoursPerWeek(runner.week) }));
  return {
    project,
    stack,
    region,
    resources,
    runners,
    ports: listPorts(resources),
    permissions: listPermissions(resources),
    managedPolicies: managedPolicies(resources),
    cost: fleetCost(resources, hours, region),
    warnings: [...new Set([...configuration.warnings, ...warnings])],
    missingSecrets,
    artefacts,
  };
}

/** The plan as files, by their path in its folder. */
export function planFiles(plan: FleetPlan): Files {
  const files = artefactFiles(plan.artefacts);
  files.set("resources.json", pretty(plan.resources));
  files.set("network.svg", networkPicture(fleetNetwork(plan)).text);
  files.set("index.html", planPage(plan).text);
  return files;
}

/** How many resources of each type there are, in Pulumi's short spelling: `aws:ec2:Instance`. */
export function countTypes(resources: PlannedResource[]): [type: string, count: number][] {
  const counts = new Map<string, number>();
  for (const { type } of resources) counts.set(shortType(type), (counts.get(shortType(type)) ?? 0) + 1);
  return [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** `aws:ec2/instance:Instance` as `aws:ec2:Instance`. */
export const shortType = (type: string): string => type.replace(/\/\w+:/, ":");
