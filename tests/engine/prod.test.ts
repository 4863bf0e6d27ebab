import { Emulator } from "../tools/emulator";
import { describeWith, program } from "../tools/programs";
import { EngineStack } from "./project";

describeWith("the stack prod on the real engine", [program("pulumi"), program("moto_server")], () => {
  let emulator: Emulator;
  let stack: EngineStack;

  beforeAll(async () => {
    emulator = await Emulator.start();
    stack = new EngineStack("prod", "prod", emulator.url);
    await stack.must("stack", "init", "prod");
    for (const runner of ["build", "test"]) {
      await stack.must("config", "set", "--secret", "--path", `runnerTokens.${runner}`, `glrt-${runner}`);
    }
  });

  afterAll(async () => {
    stack.remove();
    await emulator.stop();
  });

  const ec2 = (action: string, more: Record<string, string> = {}) =>
    emulator.query("eu-central-1", "ec2", "2016-11-15", { Action: action, ...more });

  it("comes up in private subnets behind one NAT gateway, without an access key", async () => {
    await stack.must("up", "--yes", "--skip-preview");
    expect((await ec2("DescribeNatGateways")).match(/<natGatewayId>nat-/g)).toHaveLength(1);
    expect(await ec2("DescribeInstances")).not.toContain("<publicIp>");
    const users = await emulator.query("us-east-1", "iam", "2010-05-08", { Action: "ListUsers" });
    expect(users).not.toContain("<UserName>");
  });

  it("has the S3 endpoint on every route table of the VPC's subnets", async () => {
    const vpcId = (JSON.parse(await stack.must("stack", "output", "--json")) as { vpcId: string }).vpcId;
    const filter = { "Filter.1.Name": "vpc-id", "Filter.1.Value.1": vpcId };
    const tables = [
      ...(await ec2("DescribeRouteTables", filter)).matchAll(/<subnetId>(subnet-\w+)<\/subnetId>/g),
    ];
    expect(tables).toHaveLength(4);
    const endpoint = await ec2("DescribeVpcEndpoints");
    expect(endpoint.match(/<item>rtb-\w+<\/item>/g)).toHaveLength(4);
  });

  it("changes nothing without a change", async () => {
    await stack.must("preview", "--expect-no-changes");
  });

  it("goes to an IAM user with a key and back, without replacing an instance", async () => {
    const isReplaced = (change: string) => /^(create-|delete-)?replace/.test(change);
    await stack.must("config", "set", "credentials", "iam-user");
    expect((await stack.plannedChanges()).filter(isReplaced)).toEqual([]);
    await stack.must("up", "--yes", "--skip-preview");
    await stack.must("config", "set", "credentials", "instance-profile");
    expect((await stack.plannedChanges()).filter(isReplaced)).toEqual([]);
    await stack.must("up", "--yes", "--skip-preview");
    const users = await emulator.query("us-east-1", "iam", "2010-05-08", { Action: "ListUsers" });
    expect(users).not.toContain("<UserName>");
  });

  it("goes, and leaves no machine, address or gateway behind", async () => {
    // The stack file keeps the cache's objects; there are none.
    await stack.must("destroy", "--yes", "--skip-preview");
    expect(await ec2("DescribeAddresses")).not.toContain("<allocationId>");
    expect(await ec2("DescribeNatGateways")).not.toContain("<state>available</state>");
    expect(await ec2("DescribeInstances")).not.toMatch(/<name>(running|stopped)<\/name>/);
  });
});
