import { DistributedCache } from "../components/distributed-cache";
import { cacheArgs } from "./helpers/fleet";
import { record, secretMark } from "./helpers/record";

const make = (args: Partial<typeof cacheArgs> = {}) =>
  record(() => new DistributedCache("cache", { ...cacheArgs, ...args }));

describe("DistributedCache", () => {
  it("is a private, encrypted bucket that answers over TLS only", async () => {
    const made = await make();
    expect(
      made.resource("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "cache-public-access").inputs,
    ).toEqual({
      bucket: "cache-bucket-physical",
      blockPublicAcls: true,
      blockPublicPolicy: true,
      ignorePublicAcls: true,
      restrictPublicBuckets: true,
    });
    expect(
      made.resource(
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        "cache-encryption",
      ).inputs["rules"],
    ).toEqual([{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } }]);
    expect(made.resource("aws:s3/bucketPolicy:BucketPolicy", "cache-tls-only").inputs["policy"]).toContain(
      '"Deny"',
    );
  });

  it.each([
    [undefined, 30],
    [7, 7],
  ])(
    "removes objects after expirationDays %s: %i days, and incomplete uploads after one",
    async (given, days) => {
      const made = await make(given === undefined ? {} : { expirationDays: given });
      expect(
        made.resource("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration", "cache-expiry")
          .inputs["rules"],
      ).toEqual([
        {
          id: "expire",
          status: "Enabled",
          filter: { prefix: "" },
          expiration: { days },
          abortIncompleteMultipartUpload: { daysAfterInitiation: 1 },
        },
      ]);
    },
  );

  it("keeps a bucket that is not empty, unless told to remove it", async () => {
    const bucket = "aws:s3/bucket:Bucket";
    expect((await make()).resource(bucket, "cache-bucket").inputs["forceDestroy"]).toBe(false);
    expect((await make({ forceDestroy: true })).resource(bucket, "cache-bucket").inputs["forceDestroy"]).toBe(
      true,
    );
  });

  it("gives the IAM user the cache's policy, and its key to SSM only, as a secret", async () => {
    const made = await make();
    expect(
      made.resource("aws:iam/userPolicyAttachment:UserPolicyAttachment", "cache-user-policy").inputs,
    ).toEqual({
      user: "cache-user-physical",
      policyArn: "arn:of:cache-policy",
    });
    expect(made.resource("aws:ssm/parameter:Parameter", "cache-credentials").inputs).toMatchObject({
      name: "/fleet/test/bastion/aws-credentials",
      type: "SecureString",
      value: {
        ...secretMark,
        value:
          "[default]\naws_access_key_id = cache-access-key-id\naws_secret_access_key = planted-secret-access-key\n",
      },
    });
  });

  it("has no user, key or parameter with an instance profile", async () => {
    const made = await make({ credentials: "instance-profile" });
    expect(made.resources.map(({ type }) => type).filter((type) => /user|accessKey|ssm/i.test(type))).toEqual(
      [],
    );
  });
});
