import { dirname } from "path";
import {
  DescribeNetworkInterfacesCommand,
  DescribeRouteTablesCommand,
  DescribeSecurityGroupsCommand,
} from "@aws-sdk/client-ec2";
import { paginateListPolicies, paginateListRolePolicies, paginateListRoles } from "@aws-sdk/client-iam";
import { z } from "zod";
import { Emulator } from "../tools/emulator";
import { describeWith, program } from "../tools/programs";
import { Account, all, type Inventory } from "./account";
import { EngineStack } from "./project";

const environments = ["dev", "prod"] as const;
type Environment = (typeof environments)[number];
type Each<T> = Record<Environment, T>;

const tokens: Each<Record<string, string>> = {
  dev: { default: "glrt-token-of-dev" },
  prod: { build: "glrt-token-of-build", test: "glrt-token-of-test" },
};

/** The same for each environment, at the same time. */
async function inEach<T>(make: (environment: Environment) => Promise<T>): Promise<Each<T>> {
  const [dev, prod] = await Promise.all([make("dev"), make("prod")]);
  return { dev, prod };
}

/** The inventory has zones by name. */
const zoneType = "aws:route53/zone:Zone";

const fleetIdType = "random:index/randomId:RandomId";

/** What a stack owns, by the ids and names of the account: what its state says, and what AWS made along with it. */
async function belongings(account: Account, stack: EngineStack): Promise<Set<string>> {
  const state = await stack.state();
  const owned = state
    .filter(({ type, id }) => type.startsWith("aws:") && id !== undefined)
    .map(({ type, id, outputs }) => (type === zoneType ? `${String(outputs["name"])}.` : String(id)));
  const ofVpc = { Filters: [{ Name: "vpc-id", Values: owned.filter((id) => /^vpc-[0-9a-f]+$/.test(id)) }] };
  const { ec2 } = account;
  const { SecurityGroups = [] } = await ec2.send(new DescribeSecurityGroupsCommand(ofVpc));
  const { RouteTables = [] } = await ec2.send(new DescribeRouteTablesCommand(ofVpc));
  const { NetworkInterfaces = [] } = await ec2.send(new DescribeNetworkInterfacesCommand(ofVpc));
  const launched = (await Promise.all(owned.map((id) => account.instancesOf(id)))).flat();
  const instances = [
    ...(await account.instances()).filter(({ InstanceId = "" }) => owned.includes(InstanceId)),
    ...launched,
  ];
  const along = [
    ...SecurityGroups.map(({ GroupId }) => GroupId),
    ...RouteTables.map(({ RouteTableId }) => RouteTableId),
    ...NetworkInterfaces.map(({ NetworkInterfaceId }) => NetworkInterfaceId),
    ...launched.map(({ InstanceId }) => InstanceId),
    ...instances.flatMap(({ BlockDeviceMappings = [] }) =>
      BlockDeviceMappings.map(({ Ebs }) => Ebs?.VolumeId),
    ),
  ];
  // The names of machines and their key pairs have it.
  const fleetIds = state
    .filter(({ type }) => type === fleetIdType)
    .map(({ outputs }) => String(outputs["hex"]));
  return new Set([...owned, ...fleetIds, ...along.filter((id) => id !== undefined)]);
}

const without = (inventory: Inventory, gone: Set<string>): Inventory =>
  Object.fromEntries(
    Object.entries(inventory).map(([kind, found]) => [kind, found.filter((id) => !gone.has(id))]),
  );

const policySchema = z.object({
  Statement: z.array(
    z.object({
      Resource: z.union([z.string(), z.array(z.string())]),
      Condition: z.record(z.string(), z.record(z.string(), z.unknown())).default({}),
    }),
  ),
});

/** Every resource that a policy of IAM's names, and every ARN in its conditions, by the policy's ARN or its role's name. */
async function namedInPolicies(account: Account): Promise<[owner: string, names: string[]][]> {
  const client = { client: account.iam };
  const policies = await all(paginateListPolicies(client, { Scope: "Local" }), (page) => page.Policies);
  const managed = policies.map(async ({ Arn = "" }): Promise<[string, string[]]> => {
    return [Arn, namesIn(await account.policyDocument(Arn))];
  });
  const roles = await all(paginateListRoles(client, {}), (page) => page.Roles);
  const inline = roles.map(async ({ RoleName = "" }): Promise<[string, string[]]> => {
    const own = await all(paginateListRolePolicies(client, { RoleName }), (page) => page.PolicyNames);
    const documents = await Promise.all(own.map((name) => account.rolePolicyDocument(RoleName, name)));
    return [RoleName, documents.flatMap(namesIn)];
  });
  return await Promise.all([...managed, ...inline]);
}

function namesIn(document: string): string[] {
  const { Statement } = policySchema.parse(JSON.parse(document));
  return Statement.flatMap(({ Resource, Condition }) => [
    ...(typeof Resource === "string" ? [Resource] : Resource),
    ...Object.values(Condition)
      .flatMap((test) => Object.values(test))
      .filter((value) => typeof value === "string" && value.startsWith("arn:")),
  ]).map(String);
}

/** Which environment something in a policy belongs to; what is nobody's stands for itself. */
function ownerOf(name: string, owned: Each<Set<string>>): string {
  const owners = environments.filter((environment) =>
    [...owned[environment]].some((id) => name.includes(/^\/(?!aws\/)/.test(id) ? dirname(id) : id)),
  );
  return owners.length > 0 ? owners.join(" and ") : name;
}

describeWith(
  "two environments in one account and region",
  [program("pulumi"), program("moto_server")],
  () => {
    let emulator: Emulator;
    let account: Account;
    let before: Inventory;
    let stacks: Each<EngineStack>;
    let both: Inventory;
    let owned: Each<Set<string>>;

    beforeAll(async () => {
      emulator = await Emulator.start();
      account = new Account(emulator.url, "eu-west-1");
      before = await account.inventory();
      stacks = await inEach(async (environment) => {
        const stack = await EngineStack.init(environment, { emulator: emulator.url }, tokens[environment]);
        stack.configure({ "aws:region": "eu-west-1" });
        await stack.up();
        return stack;
      });
      both = await account.inventory();
      owned = await inEach((environment) => belongings(account, stacks[environment]));
    });

    afterAll(async () => {
      for (const environment of environments) stacks[environment].remove();
      await emulator.stop();
    });

    it("share nothing, and all that is there is one's or the other's", () => {
      expect([...owned.dev].filter((id) => owned.prod.has(id))).toEqual([]);
      expect(without(without(both, owned.dev), owned.prod)).toEqual(before);
    });

    it("each have their own names where a name is fixed", () => {
      expect(both["parameters"]).toEqual([
        "/gitlab-runner-fleet/dev/bastion/aws-credentials",
        "/gitlab-runner-fleet/dev/bastion/config.toml",
        "/gitlab-runner-fleet/dev/bastion/drain",
        "/gitlab-runner-fleet/dev/bastion/runner-token/default",
        "/gitlab-runner-fleet/dev/bastion/worker-user-data",
        "/gitlab-runner-fleet/dev/registry-mirror/http-secret",
        "/gitlab-runner-fleet/dev/workers/image-amd64",
        "/gitlab-runner-fleet/prod/bastion/config.toml",
        "/gitlab-runner-fleet/prod/bastion/drain",
        "/gitlab-runner-fleet/prod/bastion/runner-token/build",
        "/gitlab-runner-fleet/prod/bastion/runner-token/test",
        "/gitlab-runner-fleet/prod/bastion/worker-user-data",
        "/gitlab-runner-fleet/prod/registry-mirror/http-secret",
        "/gitlab-runner-fleet/prod/workers/image-amd64",
      ]);
      expect(both["zones"]).toEqual([
        "dev.gitlab-runner-fleet.internal.",
        "prod.gitlab-runner-fleet.internal.",
      ]);
    });

    it("each are allowed to use nothing of the other's", async () => {
      const named = await namedInPolicies(account);
      const ec2 = "arn:aws:ec2:eu-west-1:123456789012";
      const nobodys = [
        "*",
        `${ec2}:instance/*`,
        `${ec2}:network-interface/*`,
        `${ec2}:spot-instances-request/*`,
        `${ec2}:volume/*`,
        // A condition asks for the fleet's tag.
        "arn:aws:autoscaling:eu-west-1:123456789012:autoScalingGroup:*:autoScalingGroupName/*",
        "arn:aws:ec2:eu-west-1::image/ami-0a24040000000a64a",
        "arn:aws:iam::123456789012:role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot",
      ];
      const of = (environment: Environment) =>
        named
          .filter(([owner]) => owned[environment].has(owner))
          .flatMap(([, names]) => names.map((name) => ownerOf(name, owned)));
      expect(new Set(of("dev"))).toEqual(new Set(["dev", ...nobodys]));
      expect(new Set(of("prod"))).toEqual(new Set(["prod", ...nobodys]));
    });

    describe("of which one goes", () => {
      beforeAll(async () => {
        await stacks.dev.destroy();
      });

      it("leave the other exactly as it was", async () => {
        expect(await account.inventory()).toEqual(without(both, owned.dev));
        await stacks.prod.must("preview", "--expect-no-changes");
      });

      it("leave nothing behind when the other goes, too", async () => {
        await stacks.prod.destroy();
        expect(await account.inventory()).toEqual(before);
      });
    });
  },
);
