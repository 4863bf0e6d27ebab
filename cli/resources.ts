/** A value as JSON has it. */
export type Plain = string | number | boolean | null | Plain[] | { [key: string]: Plain };

/** A resource that the program would make. */
export interface PlannedResource {
  /** E.g. `aws:ec2/instance:Instance`. */
  type: string;
  name: string;
  /** The component it belongs to, `type::name`; absent: the stack itself. */
  parent?: string;
  /** What the program asks for. Ids that only AWS knows are shown as `<name.property>`, secrets as `<secret>`. */
  inputs: Record<string, Plain>;
}

/** `type::name`, as `parent` names a resource. */
export const resourceKey = ({ type, name }: Pick<PlannedResource, "type" | "name">): string =>
  `${type}::${name}`;

/** How a property that only AWS knows is shown. */
export const placeholder = (name: string, property: string): string => `<${name}.${property}>`;

/** How a secret is shown. */
export { hiddenSecret as hidden } from "../components/hidden-secret";

/** In an order that does not depend on when the program made what. */
export function sortResources(resources: PlannedResource[]): PlannedResource[] {
  const order = (r: PlannedResource) => `${r.type}\n${r.name}\n${r.parent ?? ""}`;
  return [...resources].sort((a, b) => (order(a) < order(b) ? -1 : 1));
}

/** The resources of a type. */
export function ofType(resources: PlannedResource[], type: string): PlannedResource[] {
  return resources.filter((resource) => resource.type === type);
}

/** The value at a path of property names, or undefined. */
export function valueAt(value: Plain | undefined, ...path: string[]): Plain | undefined {
  return path.reduce<Plain | undefined>(
    (at, key) => (typeof at === "object" && at !== null && !Array.isArray(at) ? at[key] : undefined),
    value,
  );
}

/** The text at a path, or undefined. */
export function textAt(value: Plain | undefined, ...path: string[]): string | undefined {
  const found = valueAt(value, ...path);
  return typeof found === "string" ? found : undefined;
}

/** The number at a path, or undefined. */
export function numberAt(value: Plain | undefined, ...path: string[]): number | undefined {
  const found = valueAt(value, ...path);
  return typeof found === "number" ? found : undefined;
}

/** The list at a path, or an empty one. */
export function listAt(value: Plain | undefined, ...path: string[]): Plain[] {
  const found = valueAt(value, ...path);
  return Array.isArray(found) ? found : [];
}

/** The texts of the list at a path; a single text counts as a list of one. */
export function textsAt(value: Plain | undefined, ...path: string[]): string[] {
  const found = valueAt(value, ...path);
  return (Array.isArray(found) ? found : [found]).filter((item) => typeof item === "string");
}
