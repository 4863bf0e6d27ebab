import { stringify as stringifyToml } from "smol-toml";
import { layerCacheRegistry, registryMirrorUrl, type RegistryAddresses } from "./registry-addresses";

/** A file or folder of a worker through which programs find the fleet's registries with nothing set in the job. */
export interface ClientFile {
  /** On the worker. */
  path: string;
  content: string;
  /** Where programs in jobs and services look for it; the worker's own engine reads it where it is. */
  mounts: string[];
}

const caFile = "/etc/fleet/registries-ca.crt";
const certificatesFolder = "/etc/docker/certs.d";

/** All of the fleet's registries: host and port. */
function hosts({ host, mirrors }: RegistryAddresses): string[] {
  return [...mirrors.map(({ port }) => `${host}:${port}`), layerCacheRegistry(host)];
}

/**
 * For docker:dind, the engine of a job that builds images.
 * @see https://docs.docker.com/reference/cli/dockerd/#daemon-configuration-file
 */
function daemonJson(registries: RegistryAddresses): string {
  const tls = registries.caCertificate !== undefined;
  const configuration = {
    "registry-mirrors": [registryMirrorUrl(registries.host, tls)],
    ...(!tls && { "insecure-registries": hosts(registries) }),
  };
  return `${JSON.stringify(configuration, undefined, 2)}\n`;
}

/**
 * For BuildKit, which does not read daemon.json.
 * @see https://docs.docker.com/build/buildkit/configure/
 */
function buildkitdToml(registries: RegistryAddresses): string {
  const { host, mirrors, caCertificate } = registries;
  const access = caCertificate === undefined ? { http: true } : { ca: [caFile] };
  return stringifyToml({
    registry: Object.fromEntries<object>([
      ...mirrors.map(({ upstream, port }) => [upstream, { mirrors: [`${host}:${port}`] }] as const),
      ...hosts(registries).map((address) => [address, access] as const),
    ]),
  });
}

/**
 * For Podman, Buildah and Skopeo.
 * @see https://github.com/containers/image/blob/main/docs/containers-registries.conf.5.md
 */
function registriesConf(registries: RegistryAddresses): string {
  const { host, mirrors, caCertificate } = registries;
  const access = caCertificate === undefined ? { insecure: true } : {};
  return stringifyToml({
    registry: [
      ...mirrors.map(({ upstream, port }) => ({
        prefix: upstream,
        location: upstream,
        mirror: [{ location: `${host}:${port}`, ...access }],
      })),
      { location: layerCacheRegistry(host), ...access },
    ],
  });
}

/** What a worker's user data writes for the programs that pull and push images. */
export function clientFiles(registries: RegistryAddresses): ClientFile[] {
  const { caCertificate } = registries;
  return [
    { path: "/etc/fleet/daemon.json", content: daemonJson(registries), mounts: ["/etc/docker/daemon.json"] },
    {
      path: "/etc/fleet/buildkitd.toml",
      content: buildkitdToml(registries),
      mounts: [
        "/etc/buildkit/buildkitd.toml",
        // Without root.
        "/home/user/.config/buildkit/buildkitd.toml",
        // For the builders that buildx makes.
        "/root/.docker/buildx/buildkitd.default.toml",
      ],
    },
    {
      path: "/etc/fleet/registries.conf",
      content: registriesConf(registries),
      mounts: ["/etc/containers/registries.conf.d/fleet.conf"],
    },
    ...(caCertificate === undefined
      ? []
      : [
          { path: caFile, content: caCertificate, mounts: [caFile] },
          ...hosts(registries).map((address) => ({
            path: `${certificatesFolder}/${address}/ca.crt`,
            content: caCertificate,
            mounts: [],
          })),
        ]),
  ];
}

/** Volumes of `[runners.docker]` that take these files into every job and service. */
export function clientVolumes(registries: RegistryAddresses): string[] {
  const files = clientFiles(registries).flatMap(({ path, mounts }) =>
    mounts.map((mount) => `${path}:${mount}:ro`),
  );
  const folder = `${certificatesFolder}:${certificatesFolder}:ro`;
  return registries.caCertificate === undefined ? files : [...files, folder];
}

/** What tells an engine that docker-machine installs of the registries. */
export function engineOptions(registries: RegistryAddresses): string[] {
  const tls = registries.caCertificate !== undefined;
  return [
    `engine-registry-mirror=${registryMirrorUrl(registries.host, tls)}`,
    ...(tls ? [] : hosts(registries).map((address) => `engine-insecure-registry=${address}`)),
  ];
}

/** Environment variables of every job. */
export function clientEnvironment({ host, caCertificate }: RegistryAddresses): Record<string, string> {
  return {
    FLEET_REGISTRY_MIRROR: registryMirrorUrl(host, caCertificate !== undefined),
    FLEET_LAYER_CACHE: layerCacheRegistry(host),
  };
}
