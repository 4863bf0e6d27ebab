import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { planFleet, type FleetPlan } from "../../../cli/fleet-plan";
import type { StackConfiguration } from "../../../cli/stack-file";
import { fixtureProgram } from "../fixtures/program";

/** A configuration of the small program in `fixtures/`, with a secret that can be searched for. */
export const fixtureConfiguration: StackConfiguration = {
  project: "gitlab-runner-fleet",
  stack: "test",
  values: {
    "aws:region": "eu-west-1",
    "gitlab-runner-fleet:runnerTokens": '{"default":"planted-runner-token"}',
  },
  secretKeys: ["gitlab-runner-fleet:runnerTokens"],
  missingSecrets: [],
  warnings: [],
};

/** The plan of the small program in `fixtures/`. */
export const planFixture = (changes: Partial<StackConfiguration> = {}): Promise<FleetPlan> =>
  planFleet({ ...fixtureConfiguration, ...changes }, fixtureProgram);

/** Hands an empty folder to a test and removes it afterwards. */
export function withFolder<T>(use: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "plan-"));
  try {
    return use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
