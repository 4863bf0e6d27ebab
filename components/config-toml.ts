import { cacheSection } from "./cache-section";
import { clientEnvironment, clientVolumes } from "./client-files";
import type { FleetConfig, RunnerSettings } from "./config";
import type { RegistryAddresses } from "./registry-addresses";
import { renderRunnerConfig, type AutoscalingSection, type RunnerSection } from "./runner-config";
import { layerCachePasswordParameter, secretPlaceholder, tokenParameter } from "./secret-parameters";

/** What `config.toml` says of things that Pulumi made. */
export interface FleetFacts {
  /** The tag `fleet-id` of all that is the fleet's, 8 characters. */
  fleetId: string;
  /** Of each runner, in the runners' order. */
  machineOptions: string[][];
  /** Undefined if no runner's cache is the fleet's own bucket. */
  cacheBucketName: string | undefined;
  registries?: RegistryAddresses | undefined;
}

/**
 * Where docker:dind puts the certificates that its client, the job, needs.
 * @see https://docs.gitlab.com/ci/docker/docker_in_docker/
 */
const clientCertificates = "/certs/client";

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
    ...(registries &&
      config.registryMirror.protectedRefWriters.includes(runner.name) && {
        FLEET_LAYER_CACHE_PASSWORD: secretPlaceholder(layerCachePasswordParameter),
      }),
    ...runner.environment,
  };
  return {
    name: runner.name,
    url: config.gitlabUrl,
    token: secretPlaceholder(tokenParameter(runner.name)),
    executor: "docker+machine",
    limit: runner.limit,
    request_concurrency: runner.requestConcurrency,
    ...(runner.outputLimit !== undefined && { output_limit: runner.outputLimit }),
    environment: Object.entries(environment).map(([key, value]) => `${key}=${value}`),
    docker: {
      image: docker.image,
      privileged: docker.privileged,
      disable_cache: true,
      volumes: [
        ...new Set([
          ...(registries ? clientVolumes(registries) : []),
          ...(docker.privileged ? [clientCertificates] : []),
          ...docker.volumes,
        ]),
      ],
      ...(docker.buildMemory !== undefined && {
        services_tmpfs: { "/var/lib/docker": `rw,exec,suid,dev,size=${docker.buildMemory}g` },
      }),
      ...(docker.pullPolicy && { pull_policy: docker.pullPolicy }),
      ...(docker.allowedImages && { allowed_images: docker.allowedImages }),
      ...(docker.shmSize !== undefined && { shm_size: docker.shmSize }),
      extra: docker.extra,
    },
    cache: cacheSection(
      runner.name,
      cache,
      facts.cacheBucketName === undefined
        ? undefined
        : { name: facts.cacheBucketName, region: config.region },
    ),
    machine: {
      ...idle(machine),
      MaxBuilds: machine.maxBuilds,
      MaxGrowthRate: machine.maxGrowthRate,
      MachineDriver: "amazonec2",
      // Of all that docker-machine makes, a key pair has nothing but its name to say whose it is.
      MachineName: `${facts.fleetId}-${machine.name}`,
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

/** `config.toml` as it is published: everything but the secrets. */
export function configToml(config: FleetConfig, facts: FleetFacts): string {
  return renderRunnerConfig({
    concurrent: config.concurrent,
    check_interval: config.checkInterval,
    // The bastion's own reports read it.
    listen_address: "127.0.0.1:9252",
    shutdown_timeout: config.shutdownTimeout,
    machine: { shutdown_drain: { enabled: true } },
    runners: config.runners.map((runner, i) =>
      runnerSection(config, runner, facts.machineOptions[i] ?? [], facts),
    ),
    extra: config.extra,
  });
}
