import * as pulumi from "@pulumi/pulumi";
import { crossCheck, type Readable } from "./config-checks";
import { adviceOn } from "./config-keys";
import {
  awsSchema,
  fleetSchema,
  type FleetConfig,
  type NetworkConfig,
  type RunnerEntry,
  type RunnerSettings,
  type StackFile,
} from "./config-schema";
import { readSecrets, secretKeys, type FleetSecrets } from "./config-secrets";
import { ConfigError, problemsOf, type Problem } from "./problems";
import { completeWorkers } from "./worker-schema";

export type { FleetConfig, FleetSecrets, NetworkConfig, RunnerSettings };

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
  const secrets = readSecrets(own, hidden);
  problems.push(
    ...secrets.problems,
    ...misplacedSecrets(project, keysWithSecrets),
    ...crossCheck(readable, aws.data?.["aws:region"]),
  );

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

const list = new Intl.ListFormat("en-GB");

function misplacedSecrets(project: string, keys: readonly string[]): Problem[] {
  return keys
    .filter((key) => key.startsWith(`${project}:`))
    .map((key) => key.slice(project.length + 1))
    .filter((key) => !secretKeys.includes(key))
    .map((path) => ({
      path,
      reason: `holds a secret, and would be readable in config.toml; secrets go into ${list.format(secretKeys)} only, and those of jobs into GitLab's CI/CD variables`,
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
  return {
    ...runner,
    machine: { ...machine, maxBuilds: machine.maxBuilds ?? (runner.docker.privileged ? 1 : 20) },
    workers: completeWorkers(defaults, workers),
  };
}
