/**
 * Secrets that each kind of cache takes, by their keys in `cacheCredentials.<runner name>`. The fleet's own bucket takes none: who
 * may use it is AWS's to know.
 */
export const credentialsOfCaches = {
  s3: [],
  minio: ["accessKey", "secretKey"],
  gcs: ["privateKey"],
  azure: ["accountKey"],
} as const;

export type CacheType = keyof typeof credentialsOfCaches;

const isCacheType = (type: unknown): type is CacheType =>
  typeof type === "string" && Object.hasOwn(credentialsOfCaches, type);

/** What a runner's cache needs, as far as `runners[].cache` is in order; undefined where nothing tells. */
export function neededCredentials(cache: unknown): readonly string[] | undefined {
  if (cache === undefined) return credentialsOfCaches.s3;
  if (typeof cache !== "object" || cache === null) return undefined;
  const type: unknown = Reflect.get(cache, "type") ?? "s3";
  return isCacheType(type) ? credentialsOfCaches[type] : undefined;
}
