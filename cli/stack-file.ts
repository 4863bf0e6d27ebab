import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse, YAMLParseError } from "yaml";
import { neededCredentials } from "../components/cache-credentials";
import { pathText } from "../components/path-text";
import { errorCode, UserProblem } from "./problem";
import { hidden, textAt, valueAt, type Plain } from "./resources";

/** A stack's configuration as Pulumi would hand it to the program, with every secret hidden. */
export interface StackConfiguration {
  project: string;
  stack: string;
  /** Full key (`aws:region`) to value, objects as JSON. */
  values: Record<string, string>;
  /** Keys of `values` that hold secrets. */
  secretKeys: string[];
  /** Secrets that the stack file does not hold yet, e.g. `runnerTokens.default`. */
  missingSecrets: string[];
  warnings: string[];
}

type Table = Record<string, Plain>;

/**
 * Reads `Pulumi.yaml` and `Pulumi.<stack>.yaml`. No secret is decrypted: in its place stands `<secret>`, also where the stack file
 * has none yet, so that a plan needs no passphrase.
 * @throws UserProblem when a file is missing or is not YAML.
 */
export function readStackConfiguration(directory: string, stack: string): StackConfiguration {
  const projectFile = readYaml(directory, "Pulumi.yaml");
  const stackName = `Pulumi.${stack}.yaml`;
  const stackFiles = readdirSync(directory).filter((file) => /^Pulumi\..+\.yaml$/.test(file));
  if (!stackFiles.includes(stackName)) {
    const known = stackFiles.length > 0 ? `There are: ${stackFiles.sort().join(", ")}` : "There is none yet";
    throw new UserProblem(`There is no ${stackName}. ${known}.`);
  }
  const stackFile = readYaml(directory, stackName);
  const project = textAt(projectFile, "name") ?? "";
  const fullKey = (key: string) => (key.includes(":") ? key : `${project}:${key}`);

  const config: Table = {};
  for (const [key, declared] of Object.entries(tableAt(projectFile, "config"))) {
    const value = isTable(declared) ? (declared["default"] ?? declared["value"]) : declared;
    if (value !== undefined) config[fullKey(key)] = value;
  }
  for (const [key, value] of Object.entries(tableAt(stackFile, "config"))) config[fullKey(key)] = value;

  const secretKeys = Object.keys(config).filter((key) => holdsSecret(config[key] ?? null));
  const bare = Object.fromEntries(Object.entries(config).map(([key, value]) => [key, hideSecrets(value)]));
  const secrets = fillSecrets(project, bare);
  const warnings = secrets.inClear.map(
    (path) => `${path} stands in ${stackName} in clear: pulumi config set --secret --path '${path}'`,
  );
  if (stackFile["environment"] !== undefined) {
    warnings.push(`The plan does not read the Pulumi ESC environment that ${stackName} names.`);
  }
  return {
    project,
    stack,
    values: Object.fromEntries(Object.entries(secrets.config).map(([key, value]) => [key, asHeld(value)])),
    secretKeys: [...new Set([...secretKeys, ...secrets.filledKeys])].sort(),
    missingSecrets: secrets.missing,
    warnings,
  };
}

/**
 * What a YAML file says.
 * @throws UserProblem when it is missing, or is not YAML.
 */
export function readYaml(directory: string, file: string): Table {
  try {
    const content: unknown = parse(readFileSync(join(directory, file), "utf8"));
    return isTable(content) ? content : {};
  } catch (error) {
    if (error instanceof YAMLParseError) throw new UserProblem(`${file}: ${error.message}`);
    if (errorCode(error) === "ENOENT") {
      throw new UserProblem(`There is no ${file} here. Run the plan in the project's folder.`);
    }
    throw error;
  }
}

const isTable = (value: unknown): value is Table =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The table at a key, empty when there is none. */
export const tableAt = (file: Table, key: string): Table => {
  const value = file[key];
  return isTable(value) ? value : {};
};

const isSecret = (value: Plain): boolean =>
  isTable(value) && typeof value["secure"] === "string" && Object.keys(value).length === 1;

function holdsSecret(value: Plain): boolean {
  if (isSecret(value)) return true;
  return typeof value === "object" && value !== null && Object.values(value).some(holdsSecret);
}

function hideSecrets(value: Plain): Plain {
  if (isSecret(value)) return hidden;
  if (Array.isArray(value)) return value.map(hideSecrets);
  if (!isTable(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, hideSecrets(item)]));
}

/** A table with another value at a path in it. */
function withValue(table: Plain | undefined, [key, ...rest]: string[], value: Plain): Plain {
  if (key === undefined) return value;
  const values = isTable(table) ? table : {};
  return { ...values, [key]: withValue(values[key], rest, value) };
}

/** What the program cannot do without: each runner's token, secrets of its cache, and the password of a Docker Hub account. */
function fillSecrets(project: string, config: Table) {
  const filled: Table = { ...config };
  const filledKeys: string[] = [];
  const missing: string[] = [];
  const inClear: string[] = [];
  const fill = (name: string, paths: string[][]) => {
    const key = `${project}:${name}`;
    const held = valueAt(config, key);
    let values: Plain = isTable(held) ? held : {};
    const clear: string[] = [];
    for (const path of paths) {
      const place = pathText([name, ...path]);
      const value = valueAt(held, ...path);
      if (value === undefined && held !== hidden) missing.push(place);
      if (value !== undefined && value !== hidden) clear.push(place);
      values = withValue(values, path, hidden);
    }
    filled[key] = values;
    inClear.push(...clear);
    // The program refuses a secret in clear if its key counts as no secret.
    if (clear.length === 0) filledKeys.push(key);
  };

  const list = valueAt(config, `${project}:runners`);
  const runners = (Array.isArray(list) ? list : []).flatMap((runner) => {
    const name = textAt(runner, "name");
    return name === undefined ? [] : [{ name, cache: valueAt(runner, "cache") }];
  });
  const tokens = valueAt(config, `${project}:runnerTokens`);
  const tokenNames = new Set([
    ...runners.map(({ name }) => name),
    ...(isTable(tokens) ? Object.keys(tokens) : []),
  ]);
  fill(
    "runnerTokens",
    [...tokenNames].map((name) => [name]),
  );
  const dockerHub = valueAt(config, `${project}:dockerHub`);
  if (dockerHub === hidden) fill("dockerHub", [["username"], ["password"]]);
  else if (textAt(dockerHub, "username") !== undefined) fill("dockerHub", [["password"]]);
  const credentials = runners.flatMap(({ name, cache }) =>
    (neededCredentials(cache) ?? []).map((key) => [name, key]),
  );
  if (credentials.length > 0) fill("cacheCredentials", credentials);
  return { config: filled, filledKeys, missing, inClear };
}

const asHeld = (value: Plain): string =>
  typeof value === "object" && value !== null ? JSON.stringify(value) : String(value);
