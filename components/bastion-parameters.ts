import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import type { BastionArgs } from "./bastion";
import { publishedText } from "./published-text";
import { credentialParameter, layerCachePasswordParameter, tokenParameter } from "./secret-parameters";

/** The SSM parameters that a bastion reads. */
export interface BastionParameters {
  runnerConfig: aws.ssm.Parameter;
  all: aws.ssm.Parameter[];
}

/** SSM name of the parameter that says which bastions drain. */
export const drainParameterName = (parameterPath: string): string => `${parameterPath}/drain`;

/**
 * Publishes what the bastion takes from SSM at boot and every minute: tokens, the secrets of other caches than the fleet's bucket,
 * the workers' user data, and last `config.toml`, which names what the others hold. The access key is published by whoever made it.
 * Which bastions drain is said by whoever operates the fleet: the parameter is made, and then left alone.
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
  const publishSecret = (part: string, path: string, description: string, value: pulumi.Input<string>) =>
    new aws.ssm.Parameter(
      `${name}-${part}`,
      {
        name: `${args.parameterPath}/${path}`,
        type: "SecureString",
        description,
        value: pulumi.secret(value),
        tags,
      },
      { parent },
    );
  const tokens = Object.entries(args.runnerTokens).map(([runner, token]) =>
    publishSecret(
      `runner-token-${runner}`,
      tokenParameter(runner),
      `Authentication token of the runner ${runner}`,
      token,
    ),
  );
  const credentials = Object.entries(args.cacheCredentials ?? {}).flatMap(([runner, values]) =>
    Object.entries(values).map(([key, value]) =>
      publishSecret(
        `cache-credentials-${runner}-${key}`,
        credentialParameter(runner, key),
        `Of the cache of the runner ${runner}: ${key}`,
        value,
      ),
    ),
  );
  const password = args.layerCachePassword
    ? [
        publishSecret(
          layerCachePasswordParameter,
          layerCachePasswordParameter,
          "Writes protected refs of the layer cache",
          args.layerCachePassword,
        ),
      ]
    : [];
  const userData = publishText("worker-user-data", "User data of workers", args.workers.userData);
  const drain = new aws.ssm.Parameter(
    `${name}-drain`,
    {
      name: drainParameterName(args.parameterPath),
      type: "String",
      description: "Bastions that take no further jobs, as <instance id> or leaving:<instance id>, or none",
      insecureValue: "none",
      tags,
    },
    { parent, ignoreChanges: ["insecureValue"] },
  );
  const before = [...tokens, ...credentials, ...password, userData];
  const runnerConfig = publishText("config.toml", "config.toml of GitLab Runner", args.runnerConfig, before);
  return { runnerConfig, all: [...before, runnerConfig, drain] };
}
