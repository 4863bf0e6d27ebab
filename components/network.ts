import * as aws from "@pulumi/aws";
import * as awsx from "@pulumi/awsx";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { accountOf } from "./account";
import { policyJson, s3EndpointStatements } from "./iam";
import { checkArgs, input, problemsOf } from "./problems";
import { availabilityZone, cidrBlock, natGateways, regionName, stackName, subnetId, vpcId } from "./schemas";
import { subnetMask } from "./subnets";

/** A subnet that members of the fleet live in. */
export interface FleetSubnet {
  id: pulumi.Input<string>;
  /** E.g. `eu-west-1a`. */
  availabilityZone: pulumi.Input<string>;
  /** It gives each instance a public address by itself. Default: false. */
  givesPublicAddress?: boolean;
}

/** A VPC that exists already. */
export interface ExistingVpcArgs {
  vpcId: pulumi.Input<string>;
  /** The fleet lives in the first one, unless a runner names another zone. At least one. */
  subnetIds: pulumi.Input<string>[];
  /** Route tables of these subnets, for the S3 endpoint. Without them no endpoint is made, and a warning says so. */
  routeTableIds?: pulumi.Input<string>[];
  /** The subnets reach the internet through a NAT gateway or a proxy, so machines get no public address. Default: false. */
  privateSubnets?: boolean;
}

/** A VPC that another stack has: its outputs are `vpcId`, `subnetIds` and `routeTableIds`, as in {@link ExistingVpcArgs}. */
export interface StackVpcArgs extends Pick<ExistingVpcArgs, "privateSubnets"> {
  /** Full name of the stack, e.g. `organization/network/dev`. */
  stack: string;
}

/** What a network is made of. */
export interface NetworkArgs {
  /** AWS region, e.g. `eu-west-1`. */
  region: string;
  /** Addresses of a new VPC, /16 to /24. Default: `10.0.0.0/16`. */
  cidrBlock?: string;
  /** Letters of a new VPC's availability zones. Default: `["a", "b"]`. */
  availabilityZones?: string[];
  /**
   * `none`: the fleet lives in public subnets, and its machines have public addresses that nothing may connect to.
   * `single` or `one-per-az`: it lives in private subnets behind NAT gateways. Default: `none`.
   * @see https://www.pulumi.com/docs/iac/clouds/aws/guides/vpc/
   */
  natGateways?: "none" | "single" | "one-per-az";
  /** Adopts a VPC instead of making one; excludes the three above. */
  existing?: ExistingVpcArgs | StackVpcArgs;
  /** Account ids whose buckets may be written to through the S3 endpoint, besides the account's own. Default: none. */
  s3WriteAccounts?: pulumi.Input<string>[];
  tags?: Record<string, pulumi.Input<string>>;
}

const existingVpc = z.object({
  vpcId: input(vpcId),
  subnetIds: z.array(input(subnetId)).min(1, { error: "must have at least one subnet" }),
  routeTableIds: z.array(input(z.string())).optional(),
});
const stackVpc = z.object({ stack: stackName });

const isOfStack = (existing: ExistingVpcArgs | StackVpcArgs): existing is StackVpcArgs => "stack" in existing;

const argsSchema = ({ existing }: NetworkArgs) =>
  z
    .object({
      region: regionName,
      cidrBlock: cidrBlock.optional(),
      availabilityZones: z
        .array(availabilityZone)
        .min(1, { error: "must have at least one zone" })
        .optional(),
      natGateways: natGateways.optional(),
      existing: (existing && isOfStack(existing) ? stackVpc : existingVpc).optional(),
    })
    .superRefine((args, context) => {
      for (const key of ["cidrBlock", "availabilityZones", "natGateways"] as const) {
        if (args.existing && args[key] !== undefined) {
          context.addIssue({
            code: "custom",
            path: [key],
            message: "belongs to a new VPC; remove it, or remove existing",
          });
        }
      }
    });

const ids = z.array(z.string(), { error: "must be a list of ids" });

/** What a stack with a VPC puts out. */
const stackOutputs = z.object({
  vpcId: z.string({ error: "must be the id of a VPC" }),
  subnetIds: ids.min(1, { error: "must have at least one subnet" }),
  routeTableIds: ids,
});

/**
 * The VPC among a stack's outputs.
 * @throws pulumi.RunError that says what is missing or wrong.
 */
export function readStackOutputs(stack: string, outputs: unknown): z.output<typeof stackOutputs> {
  const { data, error } = stackOutputs.safeParse(outputs);
  if (data) return data;
  const problems = problemsOf(error, outputs, stackOutputs).map(({ path, reason }) => `${path}: ${reason}`);
  throw new pulumi.RunError(`The outputs of ${stack} are no VPC: ${problems.join("; ")}`);
}

function elementAt<T>(items: T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new RangeError(`the VPC has ${items.length} subnets, and none for each zone`);
  return item;
}

/**
 * The VPC that the fleet lives in, and a gateway endpoint that takes its traffic to S3 past the internet.
 *
 * Makes: a VPC with a public subnet for each zone (and a private one with NAT gateways), an S3 endpoint on all its route tables;
 * or, with `existing`, the endpoint only.
 *
 * Cost: nothing without NAT gateways; about $35 a month for each gateway, and its traffic.
 */
export class Network extends pulumi.ComponentResource {
  readonly vpcId: pulumi.Output<string>;
  /** Empty for an existing VPC with `privateSubnets`. */
  readonly publicSubnetIds: pulumi.Output<string[]>;
  /** Empty without NAT gateways. */
  readonly privateSubnetIds: pulumi.Output<string[]>;
  /** Where members of the fleet live: one subnet for each zone. */
  readonly subnets: FleetSubnet[];
  /** The first of them: home of what there is one of. */
  readonly home: FleetSubnet;
  /** Members of the fleet get no public address. */
  readonly privateAddressOnly: boolean;

  constructor(name: string, args: NetworkArgs, opts?: pulumi.ComponentResourceOptions) {
    checkArgs("Network", argsSchema(args), args);
    super("fleet:index:Network", name, {}, opts);

    const vpc = args.existing ? this.adopt(name, args.existing) : this.make(name, args);
    this.vpcId = vpc.vpcId;
    this.publicSubnetIds = vpc.publicSubnetIds;
    this.privateSubnetIds = vpc.privateSubnetIds;
    this.subnets = vpc.subnets;
    this.home = elementAt(this.subnets, 0);
    this.privateAddressOnly = vpc.privateAddressOnly;

    if (vpc.routeTableIds) {
      const { accountId } = accountOf(this);
      new aws.ec2.VpcEndpoint(
        `${name}-s3`,
        {
          vpcId: this.vpcId,
          serviceName: `com.amazonaws.${args.region}.s3`,
          vpcEndpointType: "Gateway",
          routeTableIds: vpc.routeTableIds,
          policy: pulumi
            .all([accountId, ...(args.s3WriteAccounts ?? [])])
            .apply((accounts) => policyJson(...s3EndpointStatements(accounts))),
          tags: { ...args.tags, Name: `${name}-s3` },
        },
        { parent: this },
      );
    } else {
      void pulumi.log.warn(
        "No routeTableIds were given for the existing VPC, so it gets no S3 endpoint: cache traffic goes over the internet.",
        this,
      );
    }

    this.registerOutputs({
      vpcId: this.vpcId,
      publicSubnetIds: this.publicSubnetIds,
      privateSubnetIds: this.privateSubnetIds,
    });
  }

  private make(name: string, args: NetworkArgs) {
    const { cidrBlock = "10.0.0.0/16", availabilityZones = ["a", "b"], natGateways = "none" } = args;
    const privateAddressOnly = natGateways !== "none";
    const tiers = privateAddressOnly ? (["Public", "Private"] as const) : (["Public"] as const);
    const cidrMask = subnetMask(cidrBlock, availabilityZones.length, tiers.length);
    const availabilityZoneNames = availabilityZones.map((letter) => `${args.region}${letter}`);

    const vpc = new awsx.ec2.Vpc(
      `${name}-vpc`,
      {
        cidrBlock,
        availabilityZoneNames,
        subnetStrategy: "Auto",
        subnetSpecs: tiers.map((type) => ({ type, cidrMask })),
        natGateways: {
          strategy: ({ none: "None", single: "Single", "one-per-az": "OnePerAz" } as const)[natGateways],
        },
        enableDnsHostnames: true,
        enableDnsSupport: true,
        tags: { ...args.tags },
      },
      { parent: this },
    );
    const homes = privateAddressOnly ? vpc.privateSubnetIds : vpc.publicSubnetIds;
    return {
      vpcId: vpc.vpcId,
      publicSubnetIds: vpc.publicSubnetIds,
      privateSubnetIds: vpc.privateSubnetIds,
      subnets: availabilityZoneNames.map((availabilityZone, i) => ({
        id: homes.apply((ids) => elementAt(ids, i)),
        availabilityZone,
        givesPublicAddress: !privateAddressOnly,
      })),
      routeTableIds: vpc.routeTables.apply((tables) => pulumi.all(tables.map((table) => table.id))),
      privateAddressOnly,
    };
  }

  private adopt(name: string, existing: ExistingVpcArgs | StackVpcArgs) {
    const { privateSubnets = false } = existing;
    const vpc = isOfStack(existing) ? this.vpcOf(name, existing.stack) : existing;
    const subnetIds = pulumi.output(vpc.subnetIds);
    // How many there are has to be known now; of those that a stack puts out the first is enough.
    const homes = Array.isArray(vpc.subnetIds)
      ? vpc.subnetIds
      : [subnetIds.apply((ids) => elementAt(ids, 0))];
    const none = pulumi.output<string[]>([]);
    return {
      vpcId: pulumi.output(vpc.vpcId),
      publicSubnetIds: privateSubnets ? none : subnetIds,
      privateSubnetIds: privateSubnets ? subnetIds : none,
      subnets: homes.map((id) => ({
        id,
        availabilityZone: aws.ec2.getSubnetOutput({ id }, { parent: this }).availabilityZone,
      })),
      routeTableIds: vpc.routeTableIds && pulumi.output(vpc.routeTableIds),
      privateAddressOnly: privateSubnets,
    };
  }

  /** The VPC that another stack puts out. */
  private vpcOf(name: string, stack: string) {
    const reference = new pulumi.StackReference(`${name}-stack`, { name: stack }, { parent: this });
    const vpc = pulumi
      .all({
        vpcId: reference.getOutput("vpcId"),
        subnetIds: reference.getOutput("subnetIds"),
        routeTableIds: reference.getOutput("routeTableIds"),
      })
      .apply((outputs) => readStackOutputs(stack, outputs));
    return { vpcId: vpc.vpcId, subnetIds: vpc.subnetIds, routeTableIds: vpc.routeTableIds };
  }
}
