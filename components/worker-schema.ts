import { z } from "zod";
import { architectureOf } from "./instance-types";
import type { MachineChoice } from "./machine-options";
import type { Problem } from "./problems";
import {
  availabilityZone,
  gibibytes,
  image,
  instanceType,
  spotPrice,
  tagKey,
  tagValue,
  text,
} from "./schemas";

/** Tags as docker-machine can pass them on. */
export const workerTags = z.record(tagKey, tagValue);

const spot = z
  .strictObject({
    /** USD an hour, in quotes. */
    maxPrice: spotPrice.exactOptional(),
  })
  .nullable()
  .exactOptional();

/**
 * EC2's side of a runner's machines.
 * @see https://gitlab.com/gitlab-org/ci-cd/docker-machine/-/blob/main/docs/drivers/aws.md
 */
export const workerSettings = z.strictObject({
  /** Default: `t3.medium`. */
  instanceType: instanceType.exactOptional(),
  /** Spot instances; an empty table caps the price at the on-demand one, and null goes back to on demand. */
  spot,
  /** What to ask for when EC2 has no such machine, in this order; what an entry does not say is as in the first choice. Default: none. */
  fallbacks: z
    .array(
      z
        .strictObject({ instanceType: instanceType.exactOptional(), spot })
        .refine((fallback) => Object.keys(fallback).length > 0, {
          error: "must have instanceType, spot or both",
        }),
    )
    .max(5, { error: "must have at most 5 fallbacks" })
    .exactOptional(),
  /** Default: the newest Ubuntu LTS when the stack was made. */
  image: image.exactOptional(),
  /** GiB. Default: 20. */
  rootVolumeSize: gibibytes.exactOptional(),
  /** Letter of one of the network's zones. Default: the first. */
  availabilityZone: availabilityZone.exactOptional(),
  /** Tags of the machines, besides `aws:defaultTags`. */
  tags: workerTags.exactOptional(),
  /** Further options of docker-machine. */
  extraOptions: z
    .array(
      text(
        /^(amazonec2|engine)-[a-z0-9-]+(=.*)?$/,
        'must be an option of docker-machine, e.g. "amazonec2-monitoring=true"',
      ),
    )
    .exactOptional(),
});

type WorkerEntry = z.output<typeof workerSettings>;

/** EC2's side of a runner's machines, complete. */
export interface WorkerSettings
  extends Omit<WorkerEntry, "instanceType" | "spot" | "fallbacks" | "tags">, MachineChoice {
  rootVolumeSize: number;
  fallbacks: MachineChoice[];
  tags: Record<string, string>;
  extraOptions: string[];
}

/** What a runner says of its machines goes before what the stack says. */
export function completeWorkers(stack: WorkerEntry, runner: WorkerEntry): WorkerSettings {
  const { spot, fallbacks = [], ...merged } = { ...stack, ...runner };
  const settings = {
    instanceType: "t3.medium",
    rootVolumeSize: 20,
    extraOptions: [],
    ...merged,
    ...(spot && { spot }),
    tags: { ...stack.tags, ...runner.tags },
  };
  return { ...settings, fallbacks: fallbacks.map((fallback) => completeFallback(fallback, settings)) };
}

function completeFallback(
  fallback: NonNullable<WorkerEntry["fallbacks"]>[number],
  first: MachineChoice,
): MachineChoice {
  const { instanceType = first.instanceType, spot = first.spot } = fallback;
  return { instanceType, ...(spot && { spot }) };
}

const wordsOf = ({ instanceType, spot }: MachineChoice) =>
  spot === undefined
    ? `${instanceType} on demand`
    : `${instanceType}, spot${spot.maxPrice === undefined ? "" : ` up to ${spot.maxPrice}`}`;

/** Fallbacks that the first choice's image does not run on, and such as would be asked for twice. */
export function checkFallbacks({ fallbacks, ...first }: WorkerSettings, path: string): Problem[] {
  const needed = architectureOf(first.instanceType);
  return fallbacks.flatMap((fallback, i): Problem[] => {
    const { instanceType } = fallback;
    const architecture = architectureOf(instanceType);
    if (architecture !== needed) {
      const reason = `"${instanceType}": is ${architecture}, and the first choice, ${first.instanceType}, is ${needed}: both start from one image`;
      return [{ path: `${path}[${i}].instanceType`, reason }];
    }
    const former = [first, ...fallbacks.slice(0, i)].map(wordsOf).indexOf(wordsOf(fallback));
    if (former < 0) return [];
    const same = former === 0 ? "the first choice" : `${path}[${former - 1}]`;
    return [{ path: `${path}[${i}]`, reason: `is ${wordsOf(fallback)}, as ${same}: change or remove it` }];
  });
}
