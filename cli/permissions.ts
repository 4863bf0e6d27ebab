import {
  listAt,
  ofType,
  sortResources,
  textAt,
  textsAt,
  valueAt,
  type Plain,
  type PlannedResource,
} from "./resources";

/** A policy document that the program makes. */
export interface PermissionDocument {
  /** Name of its file, without ending. */
  file: string;
  /** Who gets the permissions, or what the policy guards. */
  who: string[];
  kind: "permissions" | "trust" | "resource";
  document: Plain;
}

/** One statement of a policy, readable. */
export interface Permission {
  who: string;
  kind: PermissionDocument["kind"];
  effect: string;
  /** The statement's name, in words. */
  purpose: string;
  /** Who may, where the policy itself says so. */
  principals: string[];
  actions: string[];
  resources: string[];
  /** E.g. `ec2:MetadataHttpTokens is required`. */
  conditions: string[];
  file: string;
}

const attachmentTypes = {
  "aws:iam/rolePolicyAttachment:RolePolicyAttachment": "role",
  "aws:iam/userPolicyAttachment:UserPolicyAttachment": "user",
} as const;

/** Every policy document of the program, in the order of its file's name. */
export function permissionDocuments(resources: PlannedResource[]): PermissionDocument[] {
  const sorted = sortResources(resources);
  const documents = sorted.flatMap((resource) => documentsOf(resource, sorted));
  const names = documents.map(({ file }) => file);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new Error(`two policies are called ${twice}`);
  return documents.sort((a, b) => (a.file < b.file ? -1 : 1));
}

/** Every statement of every policy. */
export function listPermissions(resources: PlannedResource[]): Permission[] {
  return permissionDocuments(resources).flatMap(({ file, who, kind, document }) =>
    listAt(document, "Statement").map((statement) => ({
      who: who.join(", "),
      kind,
      effect: textAt(statement, "Effect") ?? "",
      purpose: inWords(textAt(statement, "Sid") ?? ""),
      principals: principalsOf(valueAt(statement, "Principal")),
      actions: textsAt(statement, "Action"),
      resources: textsAt(statement, "Resource"),
      conditions: conditionsOf(valueAt(statement, "Condition")),
      file,
    })),
  );
}

/** AWS's own policies that the program attaches: ARN and who gets it. */
export function managedPolicies(resources: PlannedResource[]): { who: string; arn: string }[] {
  return Object.entries(attachmentTypes).flatMap(([type, holder]) =>
    ofType(resources, type).flatMap(({ inputs }) => {
      const arn = textAt(inputs, "policyArn") ?? "";
      return arn.startsWith("arn:") ? [{ who: label(textAt(inputs, holder), holder), arn }] : [];
    }),
  );
}

function documentsOf({ type, name, inputs }: PlannedResource, all: PlannedResource[]): PermissionDocument[] {
  const read = (property: string, kind: PermissionDocument["kind"], who: string[]): PermissionDocument[] => {
    const text = textAt(inputs, property);
    return text?.startsWith("{") ? [{ file: name, who, kind, document: JSON.parse(text) as Plain }] : [];
  };
  switch (type) {
    case "aws:iam/policy:Policy":
      return read("policy", "permissions", holdersOf(name, all));
    case "aws:iam/rolePolicy:RolePolicy":
      return read("policy", "permissions", [label(textAt(inputs, "role"), "role")]);
    case "aws:iam/userPolicy:UserPolicy":
      return read("policy", "permissions", [label(textAt(inputs, "user"), "user")]);
    case "aws:iam/role:Role":
      return read("assumeRolePolicy", "trust", [`role ${name}`]);
    case "aws:s3/bucketPolicy:BucketPolicy":
      return read("policy", "resource", [label(textAt(inputs, "bucket"), "bucket")]);
    case "aws:ec2/vpcEndpoint:VpcEndpoint":
      return read("policy", "resource", [`endpoint ${name}`]);
    default:
      return [];
  }
}

/** Roles and users that a policy is attached to. */
function holdersOf(policy: string, all: PlannedResource[]): string[] {
  const holders = Object.entries(attachmentTypes).flatMap(([type, holder]) =>
    ofType(all, type)
      .filter(({ inputs }) => textAt(inputs, "policyArn") === `<${policy}.arn>`)
      .map(({ inputs }) => label(textAt(inputs, holder), holder)),
  );
  return holders.length > 0 ? holders : ["nobody yet"];
}

/** `<bastion-role.name>` as `role bastion-role`. */
function label(reference: string | undefined, kind: string): string {
  const [, name] = /^<(.+)\.\w+>$/.exec(reference ?? "") ?? [];
  return `${kind} ${name ?? reference ?? ""}`;
}

/** `RunFleetInstances` as `Run fleet instances`. */
function inWords(sid: string): string {
  const words = sid.replaceAll(
    /([a-z0-9])([A-Z])/g,
    (_, end: string, start: string) => `${end} ${start.toLowerCase()}`,
  );
  return words;
}

function principalsOf(principal: Plain | undefined): string[] {
  if (principal === undefined) return [];
  if (typeof principal === "string") return [principal === "*" ? "anyone" : principal];
  return Object.keys(principal ?? {}).flatMap((kind) => textsAt(principal, kind));
}

const operators: Record<string, string> = {
  StringEquals: "is",
  ArnEquals: "is",
  Bool: "is",
  NumericEquals: "is",
  StringLike: "is like",
  ArnLike: "is like",
  StringNotEquals: "is not",
  ArnNotEquals: "is not",
};

function conditionsOf(condition: Plain | undefined): string[] {
  if (typeof condition !== "object" || condition === null) return [];
  return Object.entries(condition).flatMap(([operator, keys]) =>
    typeof keys === "object" && keys !== null
      ? Object.entries(keys).map(
          ([key, value]) => `${key} ${operators[operator] ?? operator} ${textsOf(value).join(" or ")}`,
        )
      : [],
  );
}

const textsOf = (value: Plain): string[] => (Array.isArray(value) ? value : [value]).map(String);
