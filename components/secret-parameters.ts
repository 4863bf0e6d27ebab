/** SSM name of a runner's token, below the bastion's path. */
export const tokenParameter = (runnerName: string): string => `runner-token/${runnerName}`;

/** SSM name of one of the secrets of a runner's cache, below the bastion's path. */
export const credentialParameter = (runnerName: string, key: string): string =>
  `cache-credentials/${runnerName}/${key}`;

/** Stands for a parameter's value in the published `config.toml`; the bastion puts the value in its place. */
export const secretPlaceholder = (parameter: string): string => `@@${parameter}@@`;
