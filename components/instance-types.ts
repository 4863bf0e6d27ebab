import type { Architecture } from "./versions";

/**
 * What an instance type computes with: Graviton families have a g behind the generation (`t4g`, `c7gn`), and `a1` was the first.
 * @see https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html
 */
export function architectureOf(instanceType: string): Architecture {
  return /^(a1|[a-z-]+\d+g[a-z0-9-]*)\./.test(instanceType) ? "arm64" : "amd64";
}
