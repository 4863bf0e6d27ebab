import { z } from "zod";
import { extra } from "./extra-schema";
import { flag, text } from "./schemas";

const ofAnyCache = {
  /** Runners see each other's caches. Default: false. */
  shared: flag.default(false),
  /** Put before every key. */
  path: text(/^[^\s/][^\s]*$/, "must be a path without a slash at its beginning").exactOptional(),
  extra: extra.default({}),
};

const bucketName = text(
  /^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$/,
  "must be the name of a bucket, of 3 to 63 small letters, digits, dots, dashes and underscores",
);

/** The fleet's own bucket. */
const s3 = z.strictObject({
  // Optional inside its default, so that a cache without a type is one of these.
  type: z.literal("s3").optional().default("s3"),
  ...ofAnyCache,
});

/** Another server that speaks S3. Workers talk to it themselves. */
const minio = z.strictObject({
  type: z.literal("minio"),
  serverAddress: text(
    /^([\w-]+(\.[\w-]+)*|\[[0-9a-f:]+\])(:[1-9]\d{0,4})?$/i,
    "must be the server's host and port without https://, e.g. minio.example.com:9000",
  ),
  bucketName,
  /** Region that the server takes itself to be in. Default: MinIO's, `us-east-1`. */
  bucketLocation: text(/^[\w-]+$/, "must be the name of a region, e.g. us-east-1").default("us-east-1"),
  /** Without TLS. Default: false. */
  insecure: flag.default(false),
  ...ofAnyCache,
});

/** A bucket in Google Cloud Storage. */
const gcs = z.strictObject({
  type: z.literal("gcs"),
  bucketName,
  /** The service account that the private key belongs to. */
  accessId: text(
    /^[^\s@]+@[^\s@]+$/,
    "must be the address of a service account, e.g. cache@project.iam.gserviceaccount.com",
  ),
  ...ofAnyCache,
});

/** A container in Azure Blob Storage. */
const azure = z.strictObject({
  type: z.literal("azure"),
  accountName: text(/^[a-z0-9]{3,24}$/, "must be a storage account, of 3 to 24 small letters and digits"),
  containerName: text(
    /^(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*$/,
    "must be a container, of 3 to 63 small letters, digits and single dashes",
  ),
  /** Default: GitLab Runner's, `blob.core.windows.net`. */
  storageDomain: text(
    /^[a-z0-9-]+(\.[a-z0-9-]+)+$/,
    "must be a domain, e.g. blob.core.chinacloudapi.cn",
  ).exactOptional(),
  ...ofAnyCache,
});

/**
 * Where a runner's `cache:` is.
 * @see https://docs.gitlab.com/runner/configuration/advanced-configuration/#the-runnerscache-section
 */
export const runnerCache = z.discriminatedUnion("type", [s3, minio, gcs, azure], {
  // Something that is no table has no type.
  error: ({ input }) =>
    typeof input === "object" && input !== null ? 'must be "s3", "minio", "gcs" or "azure"' : undefined,
});

/** `runners[].cache`, complete. */
export type RunnerCache = z.output<typeof runnerCache>;
