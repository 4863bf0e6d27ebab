import { parse, stringify } from "smol-toml";
import type { CacheSection } from "./cache-section";

/** What a TOML file can hold, as far as GitLab Runner uses it. */
export type TomlValue = string | number | boolean | TomlValue[] | TomlTable;

/** A TOML table. */
export interface TomlTable {
  [key: string]: TomlValue;
}

/**
 * The whole of `config.toml`, in GitLab's spelling. Every section has an `extra` table for the keys that are not typed here,
 * so that no option of GitLab Runner is out of reach.
 * @see https://docs.gitlab.com/runner/configuration/advanced-configuration/#the-global-section
 */
export interface RunnerConfig {
  /** Jobs at once over all runners, at least 1. */
  concurrent: number;
  /** Seconds between two questions for new jobs. */
  check_interval: number;
  /** Where GitLab Runner's metrics are had, without a password: host and port. */
  listen_address: string;
  /** Seconds that a forceful shutdown may take; it bounds `[machine.shutdown_drain]` too. */
  shutdown_timeout: number;
  /** Settings of all docker+machine runners together. */
  machine: {
    /**
     * Removes every machine when the runner manager stops; without it they are left running.
     * @see https://docs.gitlab.com/runner/configuration/autoscale/
     */
    shutdown_drain: { enabled: boolean };
  };
  runners: RunnerSection[];
  extra?: TomlTable;
}

/**
 * One `[[runners]]` entry.
 * @see https://docs.gitlab.com/runner/configuration/advanced-configuration/#the-runners-section
 */
export interface RunnerSection {
  name: string;
  /** Where GitLab is, e.g. `https://gitlab.com`. */
  url: string;
  /** A `glrt-` authentication token, or the placeholder that the bastion replaces by it. */
  token: string;
  executor: "docker+machine";
  /** The most machines of this runner at once; 0 = no limit. */
  limit: number;
  /** The most questions for new jobs at once; 1 starves a runner behind a long poll. */
  request_concurrency: number;
  /** Kilobytes of job log; GitLab Runner's default is 4096. */
  output_limit?: number;
  /** `KEY=value` for every job. */
  environment: string[];
  docker: DockerSection;
  cache: CacheSection;
  machine: MachineSection;
  extra?: TomlTable;
}

/**
 * `[runners.docker]`.
 * @see https://docs.gitlab.com/runner/configuration/advanced-configuration/#the-runnersdocker-section
 */
export interface DockerSection {
  /** Image of a job that names none. */
  image: string;
  /** Jobs may do anything to the worker: needed for docker:dind. */
  privileged: boolean;
  /** No cache volumes on the worker: the distributed cache serves every machine. */
  disable_cache: boolean;
  volumes: string[];
  /** Options of the memory that services have at a path, e.g. `{ "/var/lib/docker": "rw,size=4g" }`. */
  services_tmpfs?: Record<string, string>;
  pull_policy?: string[];
  allowed_images?: string[];
  /** Bytes. */
  shm_size?: number;
  extra?: TomlTable;
}

/**
 * `[runners.machine]`.
 * @see https://docs.gitlab.com/runner/configuration/advanced-configuration/#the-runnersmachine-section
 */
export interface MachineSection {
  IdleCount: number;
  /** Seconds. */
  IdleTime: number;
  IdleScaleFactor?: number;
  IdleCountMin?: number;
  /** Jobs until a machine is replaced; 0 = never. */
  MaxBuilds: number;
  /** Machines in creation at once; 0 = no limit. */
  MaxGrowthRate: number;
  MachineDriver: "amazonec2";
  /** Contains `%s`, which GitLab Runner makes unique. */
  MachineName: string;
  MachineOptions: string[];
  /** The last section with a matching period wins, and it inherits nothing. */
  autoscaling?: AutoscalingSection[];
  extra?: TomlTable;
}

/**
 * One `[[runners.machine.autoscaling]]` entry.
 * @see https://docs.gitlab.com/runner/configuration/autoscale/#autoscaling-periods-configuration
 */
export interface AutoscalingSection {
  /** Seven fields: second minute hour day month weekday year. */
  Periods: string[];
  Timezone: string;
  IdleCount: number;
  /** Seconds. */
  IdleTime: number;
  IdleScaleFactor?: number;
  IdleCountMin?: number;
}

// GitLab Runner refuses an integer here, so 1 has to be written as 1.0.
const floatKeys: ReadonlySet<string> = new Set(["IdleScaleFactor"]);

type Encoded = string | number | bigint | boolean | Encoded[] | { [key: string]: Encoded };

type EncodedTable = Exclude<Encoded, string | number | bigint | boolean | Encoded[]>;

const isTable = (value: Encoded | undefined): value is EncodedTable =>
  typeof value === "object" && !Array.isArray(value);

/** A table that both have is merged; of anything else the second one's holds. */
function merge(table: EncodedTable, more: EncodedTable): EncodedTable {
  const merged = { ...table };
  for (const [key, value] of Object.entries(more)) {
    const former = merged[key];
    merged[key] = isTable(former) && isTable(value) ? merge(former, value) : value;
  }
  return merged;
}

function encodeTable(table: object): EncodedTable {
  const { extra, ...rest } = { extra: undefined, ...table };
  const encoded = Object.fromEntries(
    Object.entries<unknown>(rest).flatMap(([key, value]) =>
      value === undefined ? [] : [[key, encode(value, key)]],
    ),
  );
  return typeof extra === "object" ? merge(encoded, encodeTable(extra)) : encoded;
}

function encode(value: unknown, key: string): Encoded {
  if (Array.isArray(value)) return value.map((item) => encode(item, key));
  if (typeof value === "object" && value !== null) return encodeTable(value);
  if (typeof value === "number")
    return Number.isInteger(value) && !floatKeys.has(key) ? BigInt(value) : value;
  if (typeof value === "string" || typeof value === "boolean") return value;
  throw new TypeError(`config.toml cannot hold ${String(value)} (${key})`);
}

/** One item a line where an array is too long to read; the serialiser writes every array on one line. */
function wrapLongArray(line: string): string {
  if (line.length <= 100 || !/^\w+ = \[ "/.test(line)) return line;
  return Object.entries(parse(line))
    .map(([key, items]) => {
      if (!Array.isArray(items)) return line;
      const lines = items.map((item) => stringify({ item }).replace("item = ", "  ").replace("\n", ",\n"));
      return `${key} = [\n${lines.join("")}]`;
    })
    .join("");
}

/** The text of `config.toml`. The same model gives the same text: keys stand in the model's order, `extra` keys behind them. */
export function renderRunnerConfig(config: RunnerConfig): string {
  const text = stringify(encodeTable(config), { numbersAsFloat: true });
  return text.split("\n").map(wrapLongArray).join("\n");
}
