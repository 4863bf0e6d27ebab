import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { Bastion } from "../components/bastion";
import { DistributedCache } from "../components/distributed-cache";
import { Network } from "../components/network";
import { Observability } from "../components/observability";
import { RegistryMirror } from "../components/registry-mirror";
import { Sweep } from "../components/sweep";
import { Workers } from "../components/workers";
import {
  bastionArgs,
  cacheArgs,
  mirrorArgs,
  networkArgs,
  observabilityArgs,
  sweepArgs,
  workersArgs,
} from "./helpers/fleet";
import { record, type Recorded, type Recording } from "./helpers/record";

type Maker = (opts?: pulumi.ComponentResourceOptions) => pulumi.ComponentResource;

const components: [string, Maker][] = [
  ["Network", (opts) => new Network("subject", networkArgs, opts)],
  ["DistributedCache", (opts) => new DistributedCache("subject", cacheArgs, opts)],
  [
    "RegistryMirror",
    (opts) =>
      new RegistryMirror(
        "subject",
        { ...mirrorArgs, dockerHub: { username: "someone", password: "planted-password" } },
        opts,
      ),
  ],
  ["Workers", (opts) => new Workers("subject", workersArgs, opts)],
  ["Bastion", (opts) => new Bastion("subject", bastionArgs(), opts)],
  ["Observability", (opts) => new Observability("subject", observabilityArgs, opts)],
  ["Sweep", (opts) => new Sweep("subject", sweepArgs, opts)],
];

// These AWS resources take no tags.
const untaggable =
  /cloudwatch\/dashboard|sns\/topicSubscription|bucket(PublicAccessBlock|ServerSide|Lifecycle|Policy)|PolicyAttachment|rolePolicy:|accessKey|volumeAttachment|route53\/record|securityGroup(In|E)gressRule|lambda\/(invocation|permission):|eventTarget/;

const childrenOf = (made: Recording): Recorded[] =>
  made.resources.filter(({ name }) => name.startsWith("subject-"));

describe.each(components)("%s", (className, make) => {
  it("is the parent of everything that it makes, and its name is the beginning of theirs", async () => {
    let component: pulumi.Resource | undefined;
    const made = await record(() => (component = make()));
    const parents = made.resources.filter(({ options }) => options.parent === component);
    expect(parents.map(({ name }) => name)).toEqual(childrenOf(made).map(({ name }) => name));
    expect(parents.length).toBeGreaterThan(0);
  });

  it("registers without its arguments, so that its children wait for what they need only", async () => {
    const made = await record(() => make());
    const component = made.resources.find(({ name }) => name === "subject");
    expect(component?.type).toBe(`fleet:index:${className}`);
    expect(component?.inputs).toEqual({});
  });

  it("passes its provider on", async () => {
    const made = await record(() => {
      const provider = new aws.Provider("given", { region: "eu-west-1" });
      make({ providers: [provider] });
    });
    const awsChildren = childrenOf(made).filter(({ type, custom }) => custom && type.startsWith("aws:"));
    expect(awsChildren.filter(({ provider }) => !provider.includes("::given::"))).toEqual([]);
    expect(awsChildren.length).toBeGreaterThan(0);
  });

  it("tags all that can be tagged", async () => {
    const made = await record(() => make());
    const untagged = childrenOf(made)
      .filter(({ type }) => type.startsWith("aws") && !untaggable.test(type))
      .filter(
        ({ inputs }) =>
          !/"team":"ci"|"key":"team"[^}]*"value":"ci"/.test(JSON.stringify(inputs["tags"] ?? {})),
      );
    expect(untagged.map(({ type, name }) => `${type} ${name}`)).toEqual([]);
  });

  it("registers every public output", async () => {
    let component: pulumi.ComponentResource | undefined;
    const made = await record(() => (component = make()));
    const outputs = Object.entries(component ?? {})
      .filter(([key, value]) => key !== "urn" && pulumi.Output.isInstance(value))
      .map(([key]) => key);
    const registered = made.registeredOutputs.get(className) ?? [];
    expect(outputs.filter((key) => !registered.includes(key) && key !== "userData")).toEqual([]);
    expect(registered.length).toBeGreaterThan(0);
  });

  it("holds no secret in clear", async () => {
    const made = await record(() => make());
    expect(
      JSON.stringify(
        made.resources.map(({ inputs }) => inputs),
        hideSecrets,
      ),
    ).not.toContain("planted");
  });
});

/** Leaves out what is marked secret. */
function hideSecrets(_key: string, value: unknown): unknown {
  const isSecret = typeof value === "object" && value !== null && "4dabf18193072939515e22adb298388d" in value;
  return isSecret ? "secret" : value;
}
