import { mkdtempSync, rmSync } from "fs";
import { tmpdir } from "os";
import { join } from "path";
import {
  DescribeRouteTablesCommand,
  DescribeSecurityGroupRulesCommand,
  DescribeSecurityGroupsCommand,
  DescribeSubnetsCommand,
  DescribeVpcEndpointsCommand,
  DescribeVpcsCommand,
} from "@aws-sdk/client-ec2";
import { ListAttachedRolePoliciesCommand } from "@aws-sdk/client-iam";
import { z } from "zod";
import { projectFolder } from "../../cli/local/workspace";
import { Emulator } from "../tools/emulator";
import { describeWith, program } from "../tools/programs";
import { Account, type Inventory } from "./account";
import { EngineStack } from "./project";

const networkSchema = z.object({
  vpcId: z.string(),
  subnetIds: z.tuple([z.string(), z.string()]),
  routeTableIds: z.tuple([z.string()]),
});
const fleetSchema = z.looseObject({
  vpcId: z.string(),
  publicSubnetIds: z.array(z.string()),
  privateSubnetIds: z.array(z.string()),
  workerSecurityGroupId: z.string(),
  cachePolicyArn: z.string(),
  runnerConfigParameterName: z.string(),
  registryMirrorUrl: z.string(),
});
const consumerSchema = z.object({ databaseSecurityGroupId: z.string(), registryMirrorUrl: z.string() });

describeWith("a fleet in another stack's VPC", [program("pulumi"), program("moto_server")], () => {
  const stateFolder = mkdtempSync(join(tmpdir(), "fleet-states-"));
  const made: EngineStack[] = [];
  let emulator: Emulator;
  let account: Account;
  let network: EngineStack;
  let fleet: EngineStack;
  let consumer: EngineStack;

  const stackOf = async (folder: string, tokens: Record<string, string> = {}): Promise<EngineStack> => {
    const args = { emulator: emulator.url, stackFile: "none", stateFolder };
    const stack = await EngineStack.init("dev", { ...args, program: join(projectFolder, folder) }, tokens);
    made.push(stack);
    return stack;
  };
  /** The VPC with its subnets and route tables, but for the endpoint's routes in them. */
  const vpc = async (vpcId: string) => {
    const ofVpc = { Filters: [{ Name: "vpc-id", Values: [vpcId] }] };
    const { RouteTables } = await account.ec2.send(new DescribeRouteTablesCommand(ofVpc));
    return {
      vpcs: (await account.ec2.send(new DescribeVpcsCommand(ofVpc))).Vpcs,
      subnets: (await account.ec2.send(new DescribeSubnetsCommand(ofVpc))).Subnets,
      routeTables: RouteTables,
      securityGroups: (await account.ec2.send(new DescribeSecurityGroupsCommand(ofVpc))).SecurityGroups,
    };
  };

  beforeAll(async () => {
    emulator = await Emulator.start();
    account = new Account(emulator.url, "eu-west-1");
    network = await stackOf("tests/engine/network-stack");
    fleet = await stackOf("", { default: "glrt-token-of-the-fleet" });
    fleet.configure({
      "gitlab-runner-fleet:network": { stack: "organization/network/dev" },
      "gitlab-runner-fleet:cache": { forceDestroy: true },
      "gitlab-runner-fleet:runners": [{ name: "default" }],
    });
    consumer = await stackOf("examples/consumer");
    consumer.configure({ "fleet-consumer:fleet": "organization/gitlab-runner-fleet/dev" });
  });

  afterAll(async () => {
    for (const stack of made) stack.remove();
    rmSync(stateFolder, { recursive: true, force: true });
    await emulator.stop();
  });

  it("says which outputs a stack lacks, and makes nothing", async () => {
    const before = await account.inventory();
    const { code, stdout } = await fleet.run("preview");
    expect(code).not.toBe(0);
    expect(stdout).toContain(
      "The outputs of organization/network/dev are no VPC: vpcId: is missing; it must be the id of a VPC; subnetIds: is missing; it must be a list of ids; routeTableIds: is missing; it must be a list of ids",
    );
    expect(await account.inventory()).toEqual(before);
  });

  describe("that is there", () => {
    const before: Record<"network" | "fleet" | "consumer", Inventory> = {
      network: {},
      fleet: {},
      consumer: {},
    };
    let theirs: z.infer<typeof networkSchema>;
    let own: z.infer<typeof fleetSchema>;
    let untouched: Awaited<ReturnType<typeof vpc>>;

    beforeAll(async () => {
      before.network = await account.inventory();
      await network.up();
      theirs = networkSchema.parse(await network.outputs());
      untouched = await vpc(theirs.vpcId);
      before.fleet = await account.inventory();
      await fleet.up();
      own = fleetSchema.parse(await fleet.outputs());
      before.consumer = await account.inventory();
      await consumer.up();
    });

    it("has its machines in the first of the subnets, and makes no network of its own", async () => {
      const machines = await account.instances();
      const [first] = theirs.subnetIds;
      expect(machines.map(({ SubnetId, VpcId }) => [VpcId, SubnetId])).toEqual([
        [theirs.vpcId, first],
        [theirs.vpcId, first],
      ]);
      const config = await account.published(own.runnerConfigParameterName);
      expect(config).toContain(`"amazonec2-vpc-id=${theirs.vpcId}"`);
      expect(config).toContain(`"amazonec2-subnet-id=${first}"`);
      expect(config).toContain('"amazonec2-zone=a"');
      const after = await account.inventory();
      for (const kind of ["vpcs", "subnets", "routeTables", "internetGateways", "natGateways"]) {
        expect(after[kind]).toEqual(before.fleet[kind]);
      }
    });

    it("puts S3's endpoint on the route tables, and the VPC among its outputs", async () => {
      const { VpcEndpoints = [] } = await account.ec2.send(new DescribeVpcEndpointsCommand());
      expect(VpcEndpoints.map(({ VpcId, RouteTableIds }) => [VpcId, RouteTableIds])).toEqual([
        [theirs.vpcId, theirs.routeTableIds],
      ]);
      expect(own).toMatchObject({
        vpcId: theirs.vpcId,
        publicSubnetIds: theirs.subnetIds,
        privateSubnetIds: [],
      });
    });

    it("lets a third stack open a service to its jobs, and write to its cache", async () => {
      const database = consumerSchema.parse(await consumer.outputs());
      expect(database.registryMirrorUrl).toBe(own.registryMirrorUrl);
      const GroupIds = [database.databaseSecurityGroupId];
      const { SecurityGroups = [] } = await account.ec2.send(new DescribeSecurityGroupsCommand({ GroupIds }));
      expect(SecurityGroups.map(({ VpcId }) => VpcId)).toEqual([theirs.vpcId]);
      const { SecurityGroupRules = [] } = await account.ec2.send(
        new DescribeSecurityGroupRulesCommand({ Filters: [{ Name: "group-id", Values: GroupIds }] }),
      );
      const entries = SecurityGroupRules.filter(({ IsEgress }) => IsEgress === false);
      expect(entries.map((rule) => [rule.ReferencedGroupInfo?.GroupId, rule.FromPort, rule.ToPort])).toEqual([
        [own.workerSecurityGroupId, 5432, 5432],
      ]);
      const RoleName = await consumer.idOf("cache-seeder");
      const { AttachedPolicies = [] } = await account.iam.send(
        new ListAttachedRolePoliciesCommand({ RoleName }),
      );
      expect(AttachedPolicies.map(({ PolicyArn }) => PolicyArn)).toEqual([own.cachePolicyArn]);
    });

    it("changes nothing without a change", async () => {
      for (const stack of [network, fleet, consumer]) await stack.must("preview", "--expect-no-changes");
    });

    describe("when all of it goes, in reverse order", () => {
      it("ends with what was there before the third stack", async () => {
        await consumer.destroy();
        expect(await account.inventory()).toEqual(before.consumer);
      });

      it("leaves the VPC as it was before the fleet", async () => {
        await fleet.destroy();
        expect(await account.inventory()).toEqual(before.fleet);
        expect(await vpc(theirs.vpcId)).toEqual(untouched);
      });

      it("leaves nothing behind", async () => {
        await network.destroy();
        expect(await account.inventory()).toEqual(before.network);
      });
    });
  });
});
