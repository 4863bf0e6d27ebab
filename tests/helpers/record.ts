import * as pulumi from "@pulumi/pulumi";
import { runProgram } from "../../cli/program";

/** A resource that a program registered. */
export interface Recorded {
  type: string;
  name: string;
  custom: boolean;
  /** As sent to the engine: a secret carries its mark. */
  inputs: Record<string, unknown>;
  /** The options that the program gave. */
  options: pulumi.CustomResourceOptions;
  /** Reference of the provider that the SDK chose; empty for the default one. */
  provider: string;
}

/** All that a program did. */
export interface Recording {
  resources: Recorded[];
  warnings: string[];
  /** Names of the outputs of each component, by the component's name. */
  registeredOutputs: Map<string, string[]>;
  /** The one resource of a type and name. */
  resource(type: string, name: string): Recorded;
  /** All resources of a type. */
  ofType(type: string): Recorded[];
}

/** How the SDK marks a secret on its way to the engine. */
export const secretMark = {
  "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
};

const tableOf = (inputs: unknown): Record<string, unknown> =>
  Object.fromEntries(Object.entries<unknown>(typeof inputs === "object" ? { ...inputs } : {}));

const calls: Record<string, (inputs: Record<string, unknown>) => Record<string, unknown>> = {
  "aws:index/getCallerIdentity:getCallerIdentity": () => ({ accountId: "123456789012" }),
  "aws:index/getPartition:getPartition": () => ({ partition: "aws" }),
  "aws:ssm/getParameter:getParameter": ({ name }) => ({
    insecureValue: `ami-of-${String(name).split("/").at(9) ?? ""}`,
  }),
  "aws:iam/getPolicyDocument:getPolicyDocument": () => ({ json: "{}" }),
  "aws:ec2/getInstances:getInstances": ({ instanceTags }) => ({
    ids: [`instance-of-${String(tableOf(instanceTags)["aws:autoscaling:groupName"])}`],
  }),
  "aws:ec2/getSubnet:getSubnet": () => ({ availabilityZone: "eu-west-1c" }),
};

function made(type: string, name: string, inputs: Record<string, unknown>): Record<string, unknown> {
  switch (type) {
    case "awsx:ec2:Vpc": {
      const zones = Array.isArray(inputs["availabilityZoneNames"]) ? inputs["availabilityZoneNames"] : [];
      const specs = JSON.stringify(inputs["subnetSpecs"]);
      const ids = (tier: string) =>
        specs.includes(`"${tier}"`) ? zones.map((_, i) => `subnet-${tier.toLowerCase()}-${i + 1}`) : [];
      return {
        vpcId: "vpc-of-network",
        publicSubnetIds: ids("Public"),
        privateSubnetIds: ids("Private"),
        routeTables: zones.map((_, i) => ({ id: `rtb-${i + 1}` })),
      };
    }
    case "pulumi:pulumi:StackReference":
      return {
        outputs: {
          vpcId: "vpc-of-stack",
          publicSubnetIds: ["subnet-of-stack"],
          privateSubnetIds: [],
          ...Object.fromEntries(
            "bastionInstanceId bastionGroupName bastionSecurityGroupId workerSecurityGroupId workerSecurityGroupName workerRoleArn workerInstanceProfileArn cacheBucketName cacheBucketArn cachePolicyArn runnerConfigParameterName fleetPolicyArn alarmTopicArn dashboardName sweepFunctionName"
              .split(" ")
              // The stack `bucketless` has its caches elsewhere.
              .filter((output) => !(String(inputs["name"]).endsWith("/bucketless") && /^cache/.test(output)))
              .map((output) => [output, `${output}-of-stack`]),
          ),
        },
      };
    case "aws:ec2/instance:Instance":
      return { privateIp: "10.0.0.10" };
    case "aws:iam/accessKey:AccessKey":
      return { secret: "planted-secret-access-key" };
    case "random:index/randomPassword:RandomPassword":
      return { result: pulumi.secret("planted-http-secret") };
    case "random:index/randomBytes:RandomBytes":
      return { base64: pulumi.secret(Buffer.alloc(32, name).toString("base64")) };
    case "random:index/randomId:RandomId":
      return { hex: "0a1b2c3d" };
    case "aws:ec2/launchTemplate:LaunchTemplate":
      return { latestVersion: 7 };
    default:
      return {
        arn: `arn:of:${name}`,
        name: inputs["name"] ?? `${name}-physical`,
        bucket: `${name}-physical`,
      };
  }
}

/** The value of an output, for a test to wait for after the program. */
export function valueOf<T>(output: pulumi.Output<T>): Promise<T> {
  return new Promise((resolve) => {
    output.apply(resolve);
  });
}

/** Runs a program under recording mocks. A call that is not mocked fails. */
export async function record(
  program: () => unknown,
  values: Record<string, string> = {},
  secretKeys: string[] = [],
): Promise<Recording> {
  const resources: Recorded[] = [];
  const options = new Map<string, pulumi.CustomResourceOptions>();
  const registeredOutputs = new Map<string, string[]>();
  const key = (type: string, name: string) => `${type} ${name}`;

  const prototype = pulumi.ComponentResource.prototype;
  const registerOutputs: unknown = Reflect.get(prototype, "registerOutputs");
  Reflect.set(prototype, "registerOutputs", function (this: pulumi.ComponentResource, outputs?: object) {
    if (outputs) registeredOutputs.set(this.constructor.name, Object.keys(outputs));
    if (typeof registerOutputs === "function") Reflect.apply(registerOutputs, this, [outputs]);
  });
  try {
    const { warnings } = await runProgram(program, {
      project: "gitlab-runner-fleet",
      stack: "test",
      values,
      secretKeys,
      onResource: ({ type, name, opts }) => {
        options.set(key(type, name), opts);
        return undefined;
      },
      mocks: {
        newResource: ({ type, name, inputs, custom, provider }) => {
          const properties = tableOf(inputs);
          if (type !== "pulumi:pulumi:Stack") {
            resources.push({
              type,
              name,
              custom: custom ?? false,
              inputs: properties,
              options: options.get(key(type, name)) ?? {},
              provider: provider ?? "",
            });
          }
          return {
            id: custom ? `${name}-id` : undefined,
            state: { ...properties, ...made(type, name, properties) },
          };
        },
        call: ({ token, inputs }) => {
          const answer = calls[token];
          if (!answer) throw new Error(`the call ${token} is not mocked`);
          return answer(tableOf(inputs));
        },
      },
    });
    return {
      resources,
      warnings,
      registeredOutputs,
      resource: (type, name) => {
        const found = resources.filter((resource) => resource.type === type && resource.name === name);
        const [only] = found;
        if (!only || found.length > 1) {
          throw new Error(
            `${found.length} resources ${key(type, name)} among: ${resources.map((r) => r.name).join(", ")}`,
          );
        }
        return only;
      },
      ofType: (type) => resources.filter((resource) => resource.type === type),
    };
  } finally {
    Reflect.set(prototype, "registerOutputs", registerOutputs);
  }
}
