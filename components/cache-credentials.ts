/**
 * Secrets that each kind of cache takes, by their keys in `cacheCredentials.<runner name>`. The fleet's own bucket takes none: who
 * may use it is AWS's to know.
 */
const credentialsOfCaches = {
  s3: [],
  minio: ["accessKey", "secretKey"],
  gcs: ["privateKey"],
  azure: ["accountKey"],
} as const;

type CacheType = keyof typeof credentialsOfCaches;

/** Key of a secret that some kind of cache takes. */
export type CredentialKey = (typeof credentialsOfCaches)[CacheType][number];

const isCacheType = (type: unknown): type is CacheType =>
  typeof type === "string" && Object.hasOwn(credentialsOfCaches, type);

/** What a runner's cache needs, as far as `runners[].cache` is in order; undefined where nothing tells. */
export function neededCredentials(cache: unknown): readonly CredentialKey[] | undefined {
  if (cache === undefined) return credentialsOfCaches.s3;
  if (typeof cache !== "object" || cache === null) return undefined;
  const type: unknown = Reflect.get(cache, "type") ?? "s3";
  return isCacheType(type) ? credentialsOfCaches[type] : undefined;
}
