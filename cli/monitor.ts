import * as pulumi from "@pulumi/pulumi";
import { awsxVpc } from "./awsx-vpc";
import { answerCall } from "./calls";
import { hidden, placeholder, resourceKey, textAt, type Plain, type PlannedResource } from "./resources";

const stackType = "pulumi:pulumi:Stack";
const stackReferenceType = "pulumi:pulumi:StackReference";
const vpcType = "awsx:ec2:Vpc";
const randomBytesType = "random:index/randomBytes:RandomBytes";

// How the SDK marks a secret on its way to the engine.
const signatureKey = "4dabf18193072939515e22adb298388d";
const secretSignature = "1b47061264138c4ac30d75fd1eb44270";

/** The SDK's arguments, without its `any`. */
type Typed<Args> = Omit<Args, "inputs"> & { inputs: Record<string, unknown> };

/** What is known of a resource before it is registered. */
interface Announced {
  parent: string | undefined;
  /** Properties that the program does not set. */
  unset: string[];
  /** Those that the provider declares secret. */
  secret: ReadonlySet<string>;
}

/**
 * Stands in for Pulumi's engine and for AWS: takes note of every resource, and answers with what was asked for; a property that
 * only AWS could fill is answered by its own name, `<name.property>`.
 */
export class PlanMonitor implements pulumi.runtime.Mocks {
  readonly resources: PlannedResource[] = [];
  private readonly announced = new Map<string, Announced>();
  private readonly keys = new WeakMap<pulumi.Resource, string>();

  constructor(private readonly region: string) {}

  readonly onResource: pulumi.ResourceTransformation = ({ resource, type, name, props, opts }) => {
    const key = resourceKey({ type, name });
    const { additionalSecretOutputs = [] }: pulumi.CustomResourceOptions = opts;
    this.keys.set(resource, key);
    this.announced.set(key, {
      parent: opts.parent && this.keys.get(opts.parent),
      unset: Object.entries<unknown>({ ...props })
        .filter(([, value]) => value === undefined)
        .map(([property]) => property),
      secret: new Set(additionalSecretOutputs),
    });
    return undefined;
  };

  newResource({
    type,
    name,
    inputs,
    custom,
  }: Typed<pulumi.runtime.MockResourceArgs>): pulumi.runtime.MockResourceResult {
    if (type === stackType) return { id: undefined, state: inputs };
    if (type === stackReferenceType) return otherStack(textAt(plainInputs(inputs), "name") ?? name);

    const { parent, unset, secret } = this.announced.get(resourceKey({ type, name })) ?? {
      parent: undefined,
      unset: [],
      secret: new Set<string>(),
    };
    const resource: PlannedResource = {
      type,
      name,
      ...(parent ? { parent } : {}),
      inputs: plainInputs(inputs),
    };
    this.resources.push(resource);
    if (type === vpcType) {
      const { children, outputs } = awsxVpc(resource);
      this.resources.push(...children);
      return { id: undefined, state: { ...inputs, ...outputs } };
    }

    const unknowns = unset.map((property) => {
      // Keys are made of random bytes, so they have to be bytes.
      const isBytes = type === randomBytesType && property === "base64";
      const value = isBytes ? Buffer.alloc(32).toString("base64") : placeholder(name, property);
      return [property, secret.has(property) ? pulumi.secret(value) : value] as const;
    });
    return {
      id: custom ? placeholder(name, "id") : undefined,
      state: { ...Object.fromEntries(unknowns), ...inputs },
    };
  }

  call({ token, inputs }: Typed<pulumi.runtime.MockCallArgs>): pulumi.runtime.MockCallResult {
    return answerCall(token, plainInputs(inputs), this.region);
  }
}

/** A stack that the program reads, by the outputs of one with a VPC. It is nothing that the program makes. */
function otherStack(name: string): pulumi.runtime.MockResourceResult {
  const outputs = {
    vpcId: placeholder(name, "vpcId"),
    subnetIds: [placeholder(name, "subnetIds[0]")],
    routeTableIds: [placeholder(name, "routeTableIds[0]")],
  };
  return { id: name, state: { name, outputs } };
}

function plainInputs(inputs: Record<string, unknown>): Record<string, Plain> {
  return Object.fromEntries(Object.entries(inputs).map(([key, value]) => [key, plain(value)]));
}

/** A value that the SDK sends to the engine, with every secret hidden. */
function plain(value: unknown): Plain {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return null;
  const entries = Object.entries(value);
  if (entries.some(([key, mark]) => key === signatureKey && mark === secretSignature)) return hidden;
  return Object.fromEntries(entries.map(([key, item]) => [key, plain(item)]));
}
