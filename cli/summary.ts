import { pricesAsOf } from "./prices";
import { countTypes, type FleetPlan } from "./fleet-plan";
import { idleHoursPerWeek } from "./schedule";
import { columns } from "./table";
import { costRows, portText, totalText, usageRows } from "./words";

/** Where a plan has been written. */
export interface Written {
  folder: string;
  /** Paths in the folder. */
  files: string[];
}

/** The plan in short, for people. */
export function textSummary(plan: FleetPlan, written: Written): string {
  const sections: [title: string, lines: string[]][] = [
    [
      `Resources: ${plan.resources.length}`,
      columns(
        countTypes(plan.resources).map(([type, count]) => [type, String(count)]),
        [1],
      ),
    ],
    [
      "Open ports",
      columns([
        ["FROM", "TO", "PORT", "WHY"],
        ...plan.ports.map(({ from, to, port, protocol, why }) => [from, to, portText(port, protocol), why]),
      ]),
    ],
    ["Permissions", columns(permissionRows(plan))],
    [`Cost a month, in USD of ${pricesAsOf}`, costLines(plan)],
    ["Warnings", plan.warnings],
    ["Secrets to set before pulumi up", plan.missingSecrets],
    ["Files", [`${written.folder}/index.html and ${written.files.length - 1} more`]],
  ];
  const filled = sections.filter(([, lines]) => lines.length > 0);
  return [
    `${plan.project}, stack ${plan.stack}, ${plan.region}\n`,
    ...filled.map(
      ([title, lines]) => `\n${title}\n${lines.map((line) => (line === "" ? "\n" : `  ${line}\n`)).join("")}`,
    ),
  ].join("");
}

/** The plan in short, for programs. */
export function jsonSummary(plan: FleetPlan, { folder, files }: Written): string {
  const { project, stack, region, resources, ports, permissions, runners, cost, warnings, missingSecrets } =
    plan;
  const summary = {
    project,
    stack,
    region,
    resources: { total: resources.length, byType: Object.fromEntries(countTypes(resources)) },
    ports,
    permissions,
    runners: runners.map(({ name, limit, instanceType, week }) => ({
      name,
      limit,
      instanceType,
      idleHoursPerWeek: idleHoursPerWeek(week),
    })),
    cost: { ...cost, pricesAsOf },
    warnings,
    missingSecrets,
    folder,
    files,
  };
  return `${JSON.stringify(summary, undefined, 2)}\n`;
}

/** Who may do what, a line each. */
function permissionRows({ permissions, managedPolicies }: FleetPlan): string[][] {
  const actions = new Map<string, string[]>();
  for (const { who, kind, effect, actions: more } of permissions) {
    if (kind === "permissions" && effect === "Allow")
      actions.set(who, [...(actions.get(who) ?? []), ...more]);
  }
  return [
    ...[...actions].map(([who, all]) => [who, byService([...new Set(all)])]),
    ...managedPolicies.map(({ who, arn }) => [who, arn]),
  ].sort(([a = ""], [b = ""]) => (a < b ? -1 : 1));
}

/** `ec2 (9 actions), iam:PassRole`. */
function byService(actions: string[]): string {
  const services = new Map<string, string[]>();
  for (const action of [...actions].sort()) {
    const [service = ""] = action.split(":");
    services.set(service, [...(services.get(service) ?? []), action]);
  }
  return [...services]
    .map(([service, all]) => (all.length === 1 ? all.join() : `${service} (${all.length} actions)`))
    .join(", ");
}

function costLines({ cost }: FleetPlan): string[] {
  return [
    ...columns([...costRows(cost), ["total without jobs", "", totalText(cost)]], [2]),
    "",
    "Jobs add",
    ...columns(usageRows(cost)).map((line) => `  ${line}`),
  ];
}
