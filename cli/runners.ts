import { parse } from "smol-toml";
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

/** What the plan shows of one `[[runners]]` entry. */
export interface PlannedRunner {
  name: string;
  /** Where GitLab is. */
  gitlabUrl: string;
  /** The most machines at once; 0 = no limit. */
  limit: number;
  idle: IdleSettings;
  autoscaling: AutoscalingSection[];
  instanceType: string;
  /** `maxPrice` in USD an hour; absent: the on-demand price is the cap. */
  spot: { maxPrice?: number } | undefined;
  /** GiB. */
  rootVolumeSize: number;
  publicAddress: boolean;
  subnetId: string;
}

/** Reads the runners out of `config.toml`. */
export function readRunners(runnerConfig: string): PlannedRunner[] {
  return listAt(parse(runnerConfig) as Plain, "runners").map((runner) => {
    const options = machineOptions(textsAt(runner, "machine", "MachineOptions"));
    const isOn = (name: string) => ["true", ""].includes(options.get(name) ?? "false");
    const maxPrice = Number(options.get("amazonec2-spot-price") || Number.NaN);
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
      instanceType: options.get("amazonec2-instance-type") ?? "",
      spot: isOn("amazonec2-request-spot-instance")
        ? { ...(Number.isNaN(maxPrice) ? {} : { maxPrice }) }
        : undefined,
      rootVolumeSize: Number(options.get("amazonec2-root-size") ?? 16),
      publicAddress: !isOn("amazonec2-private-address-only"),
      subnetId: options.get("amazonec2-subnet-id") ?? "",
    };
  });
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
