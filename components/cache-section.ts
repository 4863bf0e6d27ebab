import type { RunnerCache } from "./cache-schema";
import type { TomlTable } from "./runner-config";
import { credentialParameter, secretPlaceholder } from "./secret-parameters";

interface AnyCacheSection {
  /** Put before every object's key. */
  Path?: string;
  /** All runners share one cache. */
  Shared: boolean;
  extra?: TomlTable;
}

/**
 * `[runners.cache]` and `[runners.cache.s3]` of a bucket in S3.
 * @see https://docs.gitlab.com/runner/configuration/advanced-configuration/#the-runnerscaches3-section
 */
interface S3CacheSection extends AnyCacheSection {
  Type: "s3";
  s3: {
    BucketName: string;
    /** The bucket's region. Without it GitLab Runner asks S3 for it, every time. */
    BucketLocation: string;
    /** `iam`: the AWS SDK's default chain, be it the credentials file or the instance's role. */
    AuthenticationType: "iam";
    /** False keeps the plain regional host name, which the VPC's S3 endpoint serves. */
    DualStack: boolean;
  };
}

/** The same sections of another server that speaks S3. */
interface MinioCacheSection extends AnyCacheSection {
  Type: "s3";
  s3: {
    /** Host and port. GitLab Runner puts the bucket's name into the path, unless the host is AWS's. */
    ServerAddress: string;
    BucketName: string;
    /** With it the bastion signs addresses without asking the server. */
    BucketLocation: string;
    /** Without TLS. */
    Insecure: boolean;
    AuthenticationType: "access-key";
    AccessKey: string;
    SecretKey: string;
  };
}

/**
 * `[runners.cache]` and `[runners.cache.gcs]`.
 * @see https://docs.gitlab.com/runner/configuration/advanced-configuration/#the-runnerscachegcs-section
 */
interface GcsCacheSection extends AnyCacheSection {
  Type: "gcs";
  gcs: {
    BucketName: string;
    /** Address of a service account. */
    AccessID: string;
    /** In PEM. */
    PrivateKey: string;
  };
}

/**
 * `[runners.cache]` and `[runners.cache.azure]`.
 * @see https://docs.gitlab.com/runner/configuration/advanced-configuration/#the-runnerscacheazure-section
 */
interface AzureCacheSection extends AnyCacheSection {
  Type: "azure";
  azure: {
    AccountName: string;
    /** In base64. */
    AccountKey: string;
    ContainerName: string;
    /** GitLab Runner's default is `blob.core.windows.net`. */
    StorageDomain?: string;
  };
}

/** `[runners.cache]` with the section of its type. */
export type CacheSection = S3CacheSection | MinioCacheSection | GcsCacheSection | AzureCacheSection;

/** The fleet's own bucket. */
export interface FleetBucket {
  name: string;
  region: string;
}

/** A runner's `[runners.cache]`, with placeholders for its secrets. */
export function cacheSection(
  runnerName: string,
  cache: RunnerCache,
  bucket: FleetBucket | undefined,
): CacheSection {
  const secret = (key: string) => secretPlaceholder(credentialParameter(runnerName, key));
  const common = {
    ...(cache.path !== undefined && { Path: cache.path }),
    Shared: cache.shared,
    extra: cache.extra,
  };
  switch (cache.type) {
    case "s3":
      if (!bucket) throw new Error(`the runner ${runnerName} has its cache in a bucket that is not there`);
      return {
        Type: "s3",
        ...common,
        s3: {
          BucketName: bucket.name,
          BucketLocation: bucket.region,
          AuthenticationType: "iam",
          DualStack: false,
        },
      };
    case "minio":
      return {
        Type: "s3",
        ...common,
        s3: {
          ServerAddress: cache.serverAddress,
          BucketName: cache.bucketName,
          BucketLocation: cache.bucketLocation,
          Insecure: cache.insecure,
          AuthenticationType: "access-key",
          AccessKey: secret("accessKey"),
          SecretKey: secret("secretKey"),
        },
      };
    case "gcs":
      return {
        Type: "gcs",
        ...common,
        gcs: { BucketName: cache.bucketName, AccessID: cache.accessId, PrivateKey: secret("privateKey") },
      };
    case "azure":
      return {
        Type: "azure",
        ...common,
        azure: {
          AccountName: cache.accountName,
          AccountKey: secret("accountKey"),
          ContainerName: cache.containerName,
          ...(cache.storageDomain !== undefined && { StorageDomain: cache.storageDomain }),
        },
      };
  }
}
