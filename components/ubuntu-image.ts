import * as aws from "@pulumi/aws";
import type * as pulumi from "@pulumi/pulumi";
import { ubuntu, type Architecture } from "./versions";

/** An image that the stack names instead of the newest Ubuntu. */
export interface ImageArgs {
  /** E.g. `ami-0123456789abcdef0`. */
  id: string;
  /** Has to be the instance type's. */
  architecture: Architecture;
}

/**
 * The newest Ubuntu LTS image of the provider's region.
 * @see https://documentation.ubuntu.com/aws/aws-how-to/instances/find-ubuntu-images/
 */
export function ubuntuImageId(
  architecture: Architecture,
  parent: pulumi.Resource | undefined,
): pulumi.Output<string> {
  return aws.ssm.getParameterOutput(
    { name: ubuntu.imageParameters[architecture] },
    parent === undefined ? {} : { parent },
  ).insecureValue;
}
