import type { Report } from "./snapshot";

/**
 * Understands a line of a bastion's report.
 * @returns undefined when it is not a whole one: a list that is misread would call every machine unknown.
 */
export function parseReport(message: string, at: Date): Report | undefined {
  const report = parsed(message);
  if (!isTable(report)) return undefined;
  const { state, machines } = report;
  if (typeof state !== "string" || !Array.isArray(machines)) return undefined;
  const names = machines.map((machine: unknown) => (isTable(machine) ? machine["name"] : undefined));
  const texts = names.filter((name) => typeof name === "string");
  return texts.length === names.length ? { at, state, machines: texts } : undefined;
}

function parsed(message: string): unknown {
  try {
    return JSON.parse(message);
  } catch {
    return undefined;
  }
}

/** Whether a value is an object with keys. */
export function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
