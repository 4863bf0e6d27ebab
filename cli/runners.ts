import { parse } from "smol-toml";
import { fallbackOption } from "../components/machine-options";
import { listAt, numberAt, textAt, textsAt, type Plain } from "./resources";

/** How many machines of a runner are idle, and when. */
export interface IdleSettings {
  idleCount: number;
  /** Idle machines for each one in use; above 0 it replaces `idleCount`, which is then the most. */
  idleScaleFactor: number;
  idleCountMin: number;
}

/** One `[[runners.machine.autoscaling]]` entry. */
export interface AutoscalingSection extends IdleSettings {
  periods: string[];
  timezone: string;
}

/** A machine that a runner asks EC2 for. */
export interface PlannedChoice {
  instanceType: string;
  /** `maxPrice` in USD an hour; absent: the on-demand price is the cap. */
  spot: { maxPrice?: number } | undefined;
}

/** What the plan shows of one `[[runners]]` entry. */
export interface PlannedRunner extends PlannedChoice {
  name: string;
  /** Where GitLab is. */
  gitlabUrl: string;
  /** The most machines at once; 0 = no limit. */
  limit: number;
  idle: IdleSettings;
  autoscaling: AutoscalingSection[];
  /** What it asks for when EC2 has no such machine. */
  fallbacks: PlannedChoice[];
  /** GiB. */
  rootVolumeSize: number;
  publicAddress: boolean;
  subnetId: string;
}

/** Reads the runners out of `config.toml`. */
export function readRunners(runnerConfig: string): PlannedRunner[] {
  return listAt(parse(runnerConfig) as Plain, "runners").map((runner) => {
    const list = textsAt(runner, "machine", "MachineOptions");
    const options = machineOptions(list);
    return {
      name: textAt(runner, "name") ?? "",
      gitlabUrl: textAt(runner, "url") ?? "",
      limit: numberAt(runner, "limit") ?? 0,
      idle: idleSettings(runner, "machine"),
      autoscaling: listAt(runner, "machine", "autoscaling").map((section) => ({
        ...idleSettings(section),
        periods: textsAt(section, "Periods"),
        timezone: textAt(section, "Timezone") ?? "",
      })),
      ...choiceOf(options),
      fallbacks: list
        .filter((option) => option.startsWith(fallbackOption))
        .map((option) => choiceOf(machineOptions(option.slice(fallbackOption.length).split(" ")))),
      rootVolumeSize: Number(options.get("amazonec2-root-size") ?? 16),
      publicAddress: !isOn(options, "amazonec2-private-address-only"),
      subnetId: options.get("amazonec2-subnet-id") ?? "",
    };
  });
}

const isOn = (options: Map<string, string>, name: string) =>
  ["true", ""].includes(options.get(name) ?? "false");

function choiceOf(options: Map<string, string>): PlannedChoice {
  const maxPrice = Number(options.get("amazonec2-spot-price") || Number.NaN);
  return {
    instanceType: options.get("amazonec2-instance-type") ?? "",
    spot: isOn(options, "amazonec2-request-spot-instance")
      ? { ...(Number.isNaN(maxPrice) ? {} : { maxPrice }) }
      : undefined,
  };
}

const idleSettings = (table: Plain, ...path: string[]): IdleSettings => ({
  idleCount: numberAt(table, ...path, "IdleCount") ?? 0,
  idleScaleFactor: numberAt(table, ...path, "IdleScaleFactor") ?? 0,
  idleCountMin: numberAt(table, ...path, "IdleCountMin") ?? 0,
});

/** Options by name; docker-machine takes an option's last value. */
const machineOptions = (options: string[]): Map<string, string> =>
  new Map(
    options.map((option) => {
      const [name = "", ...value] = option.split("=");
      return [name, value.join("=")];
    }),
  );
