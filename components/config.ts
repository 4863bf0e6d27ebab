import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { crossCheck, type Readable } from "./config-checks";
import { adviceOn } from "./config-keys";
import {
  awsSchema,
  defaultWorkerType,
  fleetSchema,
  secretsSchema,
  type FleetConfig,
  type NetworkConfig,
  type RunnerEntry,
  type RunnerSettings,
  type StackFile,
} from "./config-schema";
import { hiddenSecret } from "./hidden-secret";
import { ConfigError, pathText, problemsOf, type Problem } from "./problems";

export type { FleetConfig, NetworkConfig, RunnerSettings };

/** The secrets of a stack, each marked as one. */
export interface FleetSecrets {
  /** Authentication token of each runner, by the runner's name. */
  runnerTokens: Record<string, pulumi.Output<string>>;
  dockerHub?: { username: string; password: pulumi.Output<string> };
}

const secretKeys = Object.keys(secretsSchema.shape);

/**
 * Understands a stack's configuration.
 * @param values all of it as Pulumi holds it: full key to text, objects as JSON
 * @param keysWithSecrets full keys whose value holds a secret
 * @throws ConfigError with every problem, before anything is made
 */
export function parseFleetConfig(
  project: string,
  values: Record<string, string>,
  keysWithSecrets: readonly string[] = [],
): { config: FleetConfig; secrets: FleetSecrets } {
  const own = ownValues(project, values);
  const hidden = keysWithSecrets.map((key) => key.slice(project.length + 1));
  const { complete, readable, problems } = readFile(own, hidden);
  const awsValues = Object.fromEntries(
    Object.keys(awsSchema.shape).flatMap((key) => (key in values ? [[key, fromText(values[key])]] : [])),
  );
  const aws = awsSchema.safeParse(awsValues);
  if (aws.error) problems.unshift(...problemsOf(aws.error, awsValues, awsSchema));
  const secrets = readSecrets(own, runnerNames(own), hidden);
  problems.push(...secrets.problems, ...misplacedSecrets(project, keysWithSecrets), ...crossCheck(readable));

  if (problems.length > 0 || !complete || !aws.success) throw new ConfigError(pulumi.getStack(), problems);
  const { network, workers, runners, ...rest } = complete;
  return {
    config: {
      ...rest,
      region: aws.data["aws:region"],
      tags: aws.data["aws:defaultTags"]?.tags ?? {},
      network: networkConfig(network),
      runners: runners.map((runner) => completeRunner(runner, workers)),
    },
    secrets: secrets.found,
  };
}

/** Those of a stack's keys whose value holds a secret. Pulumi's SDK knows, but does not have the function in its types. */
export function findKeysWithSecrets(values: Record<string, string>): string[] {
  const isConfigSecret: unknown = Reflect.get(pulumi.runtime, "isConfigSecret");
  if (typeof isConfigSecret !== "function")
    throw new TypeError("@pulumi/pulumi does not tell which keys are secret");
  return Object.keys(values).filter((key) => Reflect.apply(isConfigSecret, undefined, [key]) === true);
}

function fromText(text: string | undefined): unknown {
  if (text === undefined || !/^\s*[[{"]|^(true|false|-?\d+(\.\d+)?)$/.test(text)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function ownValues(project: string, values: Record<string, string>): Record<string, unknown> {
  const prefix = `${project}:`;
  return Object.fromEntries(
    Object.entries(values)
      .filter(([key]) => key.startsWith(prefix))
      .map(([key, value]) => [key.slice(prefix.length), fromText(value)]),
  );
}

const withoutSecrets = (own: Record<string, unknown>) =>
  Object.fromEntries(Object.entries(own).filter(([key]) => !secretKeys.includes(key)));

/** Each key for itself, and each runner, so that one problem does not hide another. */
function readFile(
  own: Record<string, unknown>,
  keysWithSecrets: readonly string[],
): { complete?: StackFile; readable: Readable; problems: Problem[] } {
  const given = withoutSecrets(own);
  const { error, data } = fleetSchema.safeParse(given);
  if (data) {
    const runners = data.runners.map((entry, index) => ({ entry, index }));
    return { complete: data, readable: { ...data, runners }, problems: [] };
  }
  const { runners: list, ...schemas } = fleetSchema.shape;
  const inOrder = Object.fromEntries(
    Object.entries(schemas)
      .filter(([key, schema]) => schema.safeParse(given[key]).success)
      .map(([key]) => [key, given[key]]),
  );
  const entries = Array.isArray(given["runners"]) ? given["runners"] : [];
  const runners = entries.flatMap((item, index) => {
    const { data: entry } = list.element.safeParse(item);
    return entry ? [{ entry, index }] : [];
  });
  return {
    readable: { ...fleetSchema.omit({ runners: true }).partial().parse(inOrder), runners },
    problems: problemsOf(error, given, fleetSchema, {
      advice: adviceOn,
      isHidden: ([key]) => keysWithSecrets.includes(String(key)),
    }),
  };
}

function runnerNames(own: Record<string, unknown>): string[] {
  const named = z.array(z.looseObject({ name: z.string() }).catch({ name: "" }));
  const { data = [] } = named.safeParse(own["runners"]);
  return data.map(({ name }) => name).filter((name) => name !== "");
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

function readSecrets(
  own: Record<string, unknown>,
  runners: string[],
  keysWithSecrets: readonly string[],
): { found: FleetSecrets; problems: Problem[] } {
  const given = Object.fromEntries(secretKeys.filter((key) => key in own).map((key) => [key, own[key]]));
  const { data, error } = secretsSchema.safeParse(given);
  if (error) {
    return {
      found: { runnerTokens: {} },
      problems: problemsOf(error, given, secretsSchema, { advice: adviceOn, isHidden: () => true }),
    };
  }
  const { runnerTokens, dockerHub } = data;
  const problems: Problem[] = [];
  for (const runner of runners.filter((name) => !(name in runnerTokens))) {
    const command = `pulumi config set --secret --path '${tokenPath(runner)}' <token>`;
    problems.push({ path: tokenPath(runner), reason: `is missing: ${command}` });
  }
  for (const [runner, token] of Object.entries(runnerTokens)) {
    const path = tokenPath(runner);
    const reason = runners.includes(runner)
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
  for (const key of secretKeys.filter((key) => key in own && !keysWithSecrets.includes(key))) {
    const reason =
      "stands in the stack file in clear: set what is secret in it with pulumi config set --secret --path";
    if (JSON.stringify(own[key]) !== "{}") problems.push({ path: key, reason });
  }
  const password = dockerHub?.password;
  if (dockerHub && (typeof password !== "string" || password === "")) {
    const command = "pulumi config set --secret --path dockerHub.password <access token>";
    problems.push({ path: "dockerHub.password", reason: `is missing: ${command}` });
  }
  return {
    found: {
      runnerTokens: Object.fromEntries(
        Object.entries(runnerTokens).map(([runner, token]) => [runner, pulumi.secret(String(token))]),
      ),
      ...(dockerHub && {
        dockerHub: { username: dockerHub.username, password: pulumi.secret(String(password)) },
      }),
    },
    problems,
  };
}

function misplacedSecrets(project: string, keys: readonly string[]): Problem[] {
  return keys
    .filter((key) => key.startsWith(`${project}:`))
    .map((key) => key.slice(project.length + 1))
    .filter((key) => !secretKeys.includes(key))
    .map((path) => ({
      path,
      reason: `holds a secret, and would be readable in config.toml; secrets go into ${secretKeys.join(" and ")} only, and those of jobs into GitLab's CI/CD variables`,
    }));
}

function networkConfig(network: StackFile["network"]): NetworkConfig {
  const { stack, vpcId, subnetIds, routeTableIds, privateSubnets, ...rest } = network;
  const addresses = privateSubnets === undefined ? {} : { privateSubnets };
  if (stack !== undefined) return { ...rest, existing: { stack, ...addresses } };
  if (vpcId === undefined || subnetIds === undefined) return rest;
  return {
    ...rest,
    existing: { vpcId, subnetIds, ...(routeTableIds && { routeTableIds }), ...addresses },
  };
}

function completeRunner(runner: RunnerEntry, defaults: StackFile["workers"]): RunnerSettings {
  const { machine, workers } = runner;
  const { spot, ...merged } = { ...defaults, ...workers };
  return {
    ...runner,
    machine: { ...machine, maxBuilds: machine.maxBuilds ?? (runner.docker.privileged ? 1 : 20) },
    workers: {
      instanceType: defaultWorkerType,
      rootVolumeSize: 20,
      extraOptions: [],
      ...merged,
      ...(spot && { spot }),
      tags: { ...defaults.tags, ...workers.tags },
    },
  };
}
