import { clientEnvironment, clientVolumes } from "./client-files";
import type { FleetConfig, RunnerSettings } from "./config";
import type { RegistryAddresses } from "./registry-addresses";
import { renderRunnerConfig, type AutoscalingSection, type RunnerSection } from "./runner-config";

/** What `config.toml` says of things that Pulumi made. */
export interface FleetFacts {
  /** Of each runner, in the runners' order. */
  machineOptions: string[][];
  cacheBucketName: string;
  registries?: RegistryAddresses | undefined;
}

/** Stands for a runner's token in the published `config.toml`; the bastion puts the token in its place. */
export function tokenPlaceholder(runnerName: string): string {
  return `@@runner-token/${runnerName}@@`;
}

function idle(settings: {
  idleCount: number;
  idleTime: number;
  idleScaleFactor?: number | undefined;
  idleCountMin?: number | undefined;
}): Pick<AutoscalingSection, "IdleCount" | "IdleTime" | "IdleScaleFactor" | "IdleCountMin"> {
  const { idleCount, idleTime, idleScaleFactor, idleCountMin } = settings;
  return {
    IdleCount: idleCount,
    IdleTime: idleTime,
    ...(idleScaleFactor !== undefined && { IdleScaleFactor: idleScaleFactor }),
    ...(idleCountMin !== undefined && { IdleCountMin: idleCountMin }),
  };
}

function runnerSection(
  config: FleetConfig,
  runner: RunnerSettings,
  machineOptions: string[],
  facts: FleetFacts,
): RunnerSection {
  const { docker, machine, cache } = runner;
  const { registries } = facts;
  const environment = {
    ...(registries && clientEnvironment(registries)),
    ...runner.environment,
  };
  return {
    name: runner.name,
    url: config.gitlabUrl,
    token: tokenPlaceholder(runner.name),
    executor: "docker+machine",
    limit: runner.limit,
    request_concurrency: runner.requestConcurrency,
    ...(runner.outputLimit !== undefined && { output_limit: runner.outputLimit }),
    environment: Object.entries(environment).map(([key, value]) => `${key}=${value}`),
    docker: {
      image: docker.image,
      privileged: docker.privileged,
      disable_cache: true,
      volumes: [...(registries ? clientVolumes(registries) : []), ...docker.volumes],
      ...(docker.pullPolicy && { pull_policy: docker.pullPolicy }),
      ...(docker.allowedImages && { allowed_images: docker.allowedImages }),
      ...(docker.shmSize !== undefined && { shm_size: docker.shmSize }),
      extra: docker.extra,
    },
    cache: {
      Type: "s3",
      ...(cache.path !== undefined && { Path: cache.path }),
      Shared: cache.shared,
      s3: {
        BucketName: facts.cacheBucketName,
        BucketLocation: config.region,
        AuthenticationType: "iam",
        DualStack: false,
      },
      extra: cache.extra,
    },
    machine: {
      ...idle(machine),
      MaxBuilds: machine.maxBuilds,
      MaxGrowthRate: machine.maxGrowthRate,
      MachineDriver: "amazonec2",
      MachineName: machine.name,
      MachineOptions: machineOptions,
      autoscaling: runner.autoscaling.map((section) => ({
        Periods: section.periods,
        Timezone: section.timezone,
        ...idle(section),
      })),
      extra: machine.extra,
    },
    extra: runner.extra,
  };
}

/** `config.toml` as it is published: everything but the tokens. */
export function configToml(config: FleetConfig, facts: FleetFacts): string {
  return renderRunnerConfig({
    concurrent: config.concurrent,
    check_interval: config.checkInterval,
    shutdown_timeout: config.shutdownTimeout,
    machine: { shutdown_drain: { enabled: true } },
    runners: config.runners.map((runner, i) =>
      runnerSection(config, runner, facts.machineOptions[i] ?? [], facts),
    ),
    extra: config.extra,
  });
}
