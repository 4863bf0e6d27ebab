/** SSM name of a runner's token, below the bastion's path. */
export const tokenParameter = (runnerName: string): string => `runner-token/${runnerName}`;

/** SSM name of one of the secrets of a runner's cache, below the bastion's path. */
export const credentialParameter = (runnerName: string, key: string): string =>
  `cache-credentials/${runnerName}/${key}`;

/** SSM name of the layer cache's password, below the bastion's path. */
export const layerCachePasswordParameter = "layer-cache-password";

/** Stands for the bastion's instance id in the published `config.toml`. */
export const bastionPlaceholder = "@@instance-id@@";

/** Stands for a parameter's value in the published `config.toml`; the bastion puts the value in its place. */
export const secretPlaceholder = (parameter: string): string => `@@${parameter}@@`;
