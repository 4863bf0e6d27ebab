import { parseFleetConfig } from "../../components/config";

/** A stack file with all that it needs, and no more. */
export const goodConfig: Record<string, unknown> = {
  "aws:region": "eu-west-1",
  runners: [{ name: "default" }],
  runnerTokens: { default: "glrt-token" },
};

/** Keys whose values hold secrets. */
export const secretTables = ["runnerTokens", "dockerHub", "cacheCredentials"].map(
  (key) => `gitlab-runner-fleet:${key}`,
);

/** Configuration as Pulumi holds it: full keys, and everything as text. */
export function asHeld(config: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(config).map(([key, value]) => [
      key.includes(":") ? key : `gitlab-runner-fleet:${key}`,
      typeof value === "string" ? value : JSON.stringify(value),
    ]),
  );
}

/** What the program understands of a stack file. */
export function understood(config: Record<string, unknown>, secretKeys = secretTables) {
  return parseFleetConfig("gitlab-runner-fleet", asHeld(config), secretKeys);
}

/** Every line of the error that a stack file gives, but the first. */
export function problemsIn(config: Record<string, unknown>, secretKeys = secretTables): string[] {
  try {
    understood(config, secretKeys);
  } catch (error) {
    if (!(error instanceof Error) || error.constructor.name !== "ConfigError") throw error;
    return error.message
      .split("\n")
      .slice(1)
      .map((line) => line.trim());
  }
  return [];
}
