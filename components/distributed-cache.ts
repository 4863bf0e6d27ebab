import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { cacheStatements, policyJson, tlsOnlyStatement } from "./iam";
import { checkArgs, input } from "./problems";
import { credentials, days, parameterPath } from "./schemas";

/** What the distributed cache is made of. */
export interface DistributedCacheArgs {
  /** Some runner's cache is this bucket; without one there is nothing but the IAM user. Default: true. */
  hasBucket?: boolean;
  /** Days until an object that no job wrote again is removed, at least 1. Default: 30. */
  expirationDays?: pulumi.Input<number>;
  /** `pulumi destroy` removes the bucket with all its objects; otherwise a bucket that is not empty stops it. Default: false. */
  forceDestroy?: pulumi.Input<boolean>;
  /**
   * `iam-user`: makes an IAM user for the runner manager, with an access key in an SSM SecureString.
   * `instance-profile`: makes none; the bastion's own role gets `policyArn`.
   */
  credentials: "iam-user" | "instance-profile";
  /** SSM name of the access key, as an AWS credentials file, e.g. `/gitlab-runner-fleet/dev/bastion/aws-credentials`. */
  credentialsParameterName: string;
  tags?: Record<string, pulumi.Input<string>>;
}

const argsSchema = z.object({
  hasBucket: z.boolean().optional(),
  expirationDays: input(days).optional(),
  credentials,
  credentialsParameterName: parameterPath,
});

/** What there is with a bucket only. */
interface CacheBucket {
  bucket: aws.s3.Bucket;
  policy: aws.iam.Policy;
}

/**
 * The bucket that holds the `cache:` of runners that have it in no other place, and who the runner manager works as.
 *
 * Makes: a private, encrypted, TLS-only S3 bucket whose objects expire; a policy for reading and writing it; with `iam-user` an
 * IAM user, its access key and an SSM parameter that holds the key.
 *
 * Cost: S3 storage only, $0.023 a GB and month in us-east-1.
 * @see https://docs.gitlab.com/runner/configuration/speed_up_job_execution/#use-a-distributed-cache
 */
export class DistributedCache extends pulumi.ComponentResource {
  readonly bucketName: pulumi.Output<string> | undefined;
  readonly bucketArn: pulumi.Output<string> | undefined;
  /** Policy that allows what GitLab Runner does with the cache; attach it to whatever else may use the bucket. */
  readonly policyArn: pulumi.Output<string> | undefined;
  /** The IAM user, with `iam-user`. */
  readonly userName: pulumi.Output<string> | undefined;

  constructor(name: string, args: DistributedCacheArgs, opts?: pulumi.ComponentResourceOptions) {
    checkArgs("DistributedCache", argsSchema, args);
    super("fleet:index:DistributedCache", name, {}, opts);
    const made = (args.hasBucket ?? true) ? this.makeBucket(name, args) : undefined;
    this.bucketName = made?.bucket.bucket;
    this.bucketArn = made?.bucket.arn;
    this.policyArn = made?.policy.arn;
    this.userName = args.credentials === "iam-user" ? this.makeUser(name, args) : undefined;

    this.registerOutputs({
      bucketName: this.bucketName,
      bucketArn: this.bucketArn,
      policyArn: this.policyArn,
      userName: this.userName,
    });
  }

  private makeBucket(name: string, { tags, ...args }: DistributedCacheArgs): CacheBucket {
    const bucket = new aws.s3.Bucket(
      `${name}-bucket`,
      { forceDestroy: args.forceDestroy ?? false, tags: { ...tags } },
      { parent: this },
    );
    new aws.s3.BucketPublicAccessBlock(
      `${name}-public-access`,
      {
        bucket: bucket.bucket,
        blockPublicAcls: true,
        blockPublicPolicy: true,
        ignorePublicAcls: true,
        restrictPublicBuckets: true,
      },
      { parent: this },
    );
    new aws.s3.BucketServerSideEncryptionConfiguration(
      `${name}-encryption`,
      {
        bucket: bucket.bucket,
        rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } }],
      },
      { parent: this },
    );
    new aws.s3.BucketLifecycleConfiguration(
      `${name}-expiry`,
      {
        bucket: bucket.bucket,
        rules: [
          {
            id: "expire",
            status: "Enabled",
            filter: { prefix: "" },
            expiration: { days: args.expirationDays ?? 30 },
            abortIncompleteMultipartUpload: { daysAfterInitiation: 1 },
          },
        ],
      },
      { parent: this },
    );
    new aws.s3.BucketPolicy(
      `${name}-tls-only`,
      { bucket: bucket.bucket, policy: bucket.arn.apply((arn) => policyJson(tlsOnlyStatement(arn))) },
      { parent: this },
    );
    const policy = new aws.iam.Policy(
      `${name}-policy`,
      {
        description: "Read and write the distributed cache of a GitLab Runner fleet",
        policy: bucket.arn.apply((arn) => policyJson(...cacheStatements(arn))),
        tags: { ...tags },
      },
      { parent: this },
    );
    return { bucket, policy };
  }

  private makeUser(name: string, args: DistributedCacheArgs): pulumi.Output<string> {
    const child = { parent: this };
    // forceDestroy: a key that somebody made by hand must not stop a destroy.
    const user = new aws.iam.User(`${name}-user`, { forceDestroy: true, tags: { ...args.tags } }, child);
    if (this.policyArn) {
      const attachment = { user: user.name, policyArn: this.policyArn };
      new aws.iam.UserPolicyAttachment(`${name}-user-policy`, attachment, child);
    }
    const key = new aws.iam.AccessKey(`${name}-access-key`, { user: user.name }, child);
    new aws.ssm.Parameter(
      `${name}-credentials`,
      {
        name: args.credentialsParameterName,
        type: "SecureString",
        description: "AWS credentials file of the runner manager",
        value: pulumi.secret(
          pulumi.interpolate`[default]\naws_access_key_id = ${key.id}\naws_secret_access_key = ${key.secret}\n`,
        ),
        tags: { ...args.tags },
      },
      child,
    );
    return user.name;
  }
}
