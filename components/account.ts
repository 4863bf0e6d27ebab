import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";

/** The account that the provider works in, as IAM policies name it. */
export interface Account {
  accountId: pulumi.Output<string>;
  /** `aws`, `aws-cn`, … */
  partition: pulumi.Output<string>;
}

/** The account behind a component's provider. */
export function accountOf(parent: pulumi.Resource): Account {
  return {
    accountId: aws.getCallerIdentityOutput({}, { parent }).accountId,
    partition: aws.getPartitionOutput({}, { parent }).partition,
  };
}
