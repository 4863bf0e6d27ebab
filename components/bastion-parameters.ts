import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { BastionArgs } from "./bastion";
import { publishedText } from "./published-text";

/** The SSM parameters that a bastion reads. */
export interface BastionParameters {
  runnerConfig: aws.ssm.Parameter;
  all: aws.ssm.Parameter[];
}

/**
 * Publishes what the bastion takes from SSM at boot and every minute: tokens, the workers' user data, and last `config.toml`, which
 * names what the others hold. The access key is published by whoever made it.
 */
export function publishForBastion(
  name: string,
  args: BastionArgs,
  parent: pulumi.Resource,
): BastionParameters {
  const tags = { ...args.tags };
  const publishText = (
    part: string,
    description: string,
    text: pulumi.Input<string>,
    dependsOn: pulumi.Resource[] = [],
  ) =>
    new aws.ssm.Parameter(
      `${name}-${part}`,
      {
        name: `${args.parameterPath}/${part}`,
        type: "String",
        tier: "Intelligent-Tiering",
        description,
        insecureValue: pulumi.output(text).apply(publishedText),
        tags,
      },
      { parent, dependsOn },
    );
  const tokens = Object.entries(args.runnerTokens).map(
    ([runner, token]) =>
      new aws.ssm.Parameter(
        `${name}-runner-token-${runner}`,
        {
          name: `${args.parameterPath}/runner-token/${runner}`,
          type: "SecureString",
          description: `Authentication token of the runner ${runner}`,
          value: pulumi.secret(token),
          tags,
        },
        { parent },
      ),
  );
  const userData = publishText("worker-user-data", "User data of workers", args.workers.userData);
  const before = [...tokens, userData];
  const runnerConfig = publishText("config.toml", "config.toml of GitLab Runner", args.runnerConfig, before);
  return { runnerConfig, all: [...before, runnerConfig] };
}
