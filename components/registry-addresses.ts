/** Port of the pull-through cache of Docker Hub; those of further registries follow. */
export const registryMirrorPort = 6000;
/** Port of the registry that BuildKit shares layers through. */
export const layerCachePort = 5000;

/** The registry that every fleet mirrors. */
export const dockerHub = "docker.io";

/** A pull-through cache. */
export interface Mirror {
  /** Host of the registry that it mirrors, e.g. `ghcr.io`. */
  upstream: string;
  port: number;
}

/** Where workers and jobs find the fleet's registries. */
export interface RegistryAddresses {
  /** DNS name of the registry mirror. */
  host: string;
  /** Docker Hub's first. */
  mirrors: Mirror[];
  /** PEM of the authority that clients have to trust; without it the registries speak plain HTTP. */
  caCertificate?: string | undefined;
}

/** The mirrors of Docker Hub and of further registries, each on its port. */
export function mirrorsOf(upstreams: readonly string[]): Mirror[] {
  return [dockerHub, ...upstreams].map((upstream, i) => ({ upstream, port: registryMirrorPort + i }));
}

/** For an engine's `registry-mirrors`, e.g. `http://registry-mirror.dev.gitlab-runner-fleet.internal:6000`. */
export function registryMirrorUrl(host: string, tls: boolean): string {
  return `${tls ? "https" : "http"}://${host}:${registryMirrorPort}`;
}

/** Host and port for cache references, e.g. `registry-mirror.dev.gitlab-runner-fleet.internal:5000`. */
export function layerCacheRegistry(host: string): string {
  return `${host}:${layerCachePort}`;
}
