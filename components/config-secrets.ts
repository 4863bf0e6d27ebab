import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { neededCredentials } from "./cache-credentials";
import { checkCacheCredentials, type NamedRunner } from "./cache-secrets";
import { adviceOn } from "./config-keys";
import { secretsSchema } from "./config-schema";
import { hiddenSecret } from "./hidden-secret";
import { pathText } from "./path-text";
import { missingSecret, problemsOf, type Problem } from "./problems";

/** The secrets of a stack, each marked as one. */
export interface FleetSecrets {
  /** Authentication token of each runner, by the runner's name. */
  runnerTokens: Record<string, pulumi.Output<string>>;
  dockerHub?: { username: string; password: pulumi.Output<string> };
  /** By the runner's name and the secret's key. */
  cacheCredentials: Record<string, Record<string, pulumi.Output<string>>>;
}

type GivenSecrets = z.output<typeof secretsSchema>;

/** Keys of a stack file that may hold secrets. */
export const secretKeys = Object.keys(secretsSchema.shape);

/**
 * Reads the secrets out of a stack file.
 * @param own the project's own keys
 * @param keysWithSecrets those whose value holds a secret
 */
export function readSecrets(
  own: Record<string, unknown>,
  keysWithSecrets: readonly string[],
): { found: FleetSecrets; problems: Problem[] } {
  const given = Object.fromEntries(secretKeys.filter((key) => key in own).map((key) => [key, own[key]]));
  const { data, error } = secretsSchema.safeParse(given);
  if (error) {
    return {
      found: { runnerTokens: {}, cacheCredentials: {} },
      problems: problemsOf(error, given, secretsSchema, { advice: adviceOn, isHidden: () => true }),
    };
  }
  const runners = namedRunners(own);
  const inClear = secretKeys
    .filter((key) => key in own && !keysWithSecrets.includes(key) && JSON.stringify(own[key]) !== "{}")
    .map((path) => ({
      path,
      reason:
        "stands in the stack file in clear: set what is secret in it with pulumi config set --secret --path",
    }));
  return {
    found: asSecrets(data),
    problems: [
      ...checkTokens(data, runners),
      ...inClear,
      ...checkDockerHub(data),
      ...checkCacheCredentials(data.cacheCredentials, runners),
    ],
  };
}

function asSecrets({ runnerTokens, dockerHub, cacheCredentials }: GivenSecrets): FleetSecrets {
  const marked = (table: Record<string, unknown>) =>
    Object.fromEntries(Object.entries(table).map(([key, value]) => [key, pulumi.secret(String(value))]));
  return {
    runnerTokens: marked(runnerTokens),
    ...(dockerHub && {
      dockerHub: { username: dockerHub.username, password: pulumi.secret(String(dockerHub.password)) },
    }),
    cacheCredentials: Object.fromEntries(
      Object.entries(cacheCredentials).map(([runner, held]) => [runner, marked(held)]),
    ),
  };
}

function namedRunners(own: Record<string, unknown>): NamedRunner[] {
  const named = z.array(
    z.looseObject({ name: z.string(), cache: z.unknown().optional() }).catch({ name: "", cache: undefined }),
  );
  const { data = [] } = named.safeParse(own["runners"]);
  return data
    .filter(({ name }) => name !== "")
    .map(({ name, cache }) => ({ name, credentials: neededCredentials(cache) }));
}

// gitlab-runner replaces variables in tokens, so a $ would not stay one; and nothing here may mean something in TOML.
const tokenPattern = /^[A-Za-z0-9._=+/:-]+$/;

function tokenProblem(token: unknown): string | undefined {
  if (token === hiddenSecret) return undefined;
  if (typeof token !== "string" || !tokenPattern.test(token)) {
    return "must be an authentication token of GitLab's, which begins with glrt-; its value is not shown here";
  }
  if (token.startsWith("GR1348941")) {
    return "is a registration token, which is gone from GitLab; make a runner in GitLab and take its authentication token (glrt-…)";
  }
  return undefined;
}

/** `runnerTokens.default`, or `runnerTokens["a.b"]`. */
const tokenPath = (runner: string) => pathText(["runnerTokens", runner]);

function checkTokens({ runnerTokens }: GivenSecrets, runners: NamedRunner[]): Problem[] {
  const problems: Problem[] = [];
  for (const { name } of runners.filter(({ name }) => !(name in runnerTokens))) {
    problems.push(missingSecret(tokenPath(name), "<token>"));
  }
  for (const [runner, token] of Object.entries(runnerTokens)) {
    const path = tokenPath(runner);
    const reason = runners.some(({ name }) => name === runner)
      ? tokenProblem(token)
      : `there is no runner ${runner}: remove the token`;
    if (reason !== undefined) problems.push({ path, reason });
  }
  const sameToken = new Map(Object.entries(runnerTokens).map(([runner, token]) => [token, runner]));
  for (const [runner, token] of Object.entries(runnerTokens)) {
    const other = sameToken.get(token);
    if (token !== hiddenSecret && other !== undefined && other !== runner) {
      const reason = `is the token of ${other} too; each runner needs its own, for its machines are known by it`;
      problems.push({ path: tokenPath(runner), reason });
    }
  }
  return problems;
}

function checkDockerHub({ dockerHub }: GivenSecrets): Problem[] {
  if (!dockerHub) return [];
  const { password } = dockerHub;
  if (typeof password === "string" && password !== "") return [];
  return [missingSecret("dockerHub.password", "<access token>")];
}
