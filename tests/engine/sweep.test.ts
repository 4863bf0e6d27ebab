import { DescribeKeyPairsCommand } from "@aws-sdk/client-ec2";
import { CreateInstanceProfileCommand } from "@aws-sdk/client-iam";
import { InvokeCommand } from "@aws-sdk/client-lambda";
import { FleetAws } from "../../sweep/aws";
import { sweep, type SweepResult } from "../../sweep/sweep";
import { Emulator } from "../tools/emulator";
import { describeWith, program } from "../tools/programs";
import { Account } from "./account";
import { makeMachine, report } from "./machines";
import { AttachedPolicies } from "./policy-simulator";
import { EngineStack } from "./project";

const logGroup = "/gitlab-runner-fleet/dev/bastion";
const minutes = (count: number) => count * 60_000;

describeWith("the sweep of the stack dev", [program("pulumi"), program("moto_server")], () => {
  let emulator: Emulator;
  let account: Account;
  let stack: EngineStack;
  let fleetId: string;
  let profile: string;
  let bastion: string;
  let subnetId: string;

  const make = (name: string, tags: Record<string, string>, of = profile) =>
    makeMachine(account, { name, profile: of, subnetId, tags });
  const instances = async () => (await account.inventory())["instances"] ?? [];
  const keyPairs = async () => (await account.inventory())["keyPairs"] ?? [];
  const invoke = async (event: object): Promise<SweepResult> => {
    const FunctionName = String((await stack.outputs())["sweepFunctionName"]);
    const { FunctionError, Payload } = await account.lambda.send(
      new InvokeCommand({ FunctionName, Payload: JSON.stringify(event) }),
    );
    const answer = Buffer.from(Payload ?? []).toString();
    if (FunctionError !== undefined) throw new Error(answer);
    return JSON.parse(answer) as SweepResult;
  };

  beforeAll(async () => {
    emulator = await Emulator.start();
    account = new Account(emulator.url, "eu-west-1");
    stack = await EngineStack.init("dev", { emulator: emulator.url }, { default: "glrt-default" });
    await stack.up();
    fleetId = Buffer.from(await stack.idOf("fleet"), "base64url").toString("hex");
    profile = await stack.idOf("workers-profile");
    bastion = String((await stack.outputs())["bastionInstanceId"]);
    subnetId = (await account.instances())[0]?.SubnetId ?? "";
    await account.iam.send(new CreateInstanceProfileCommand({ InstanceProfileName: `${profile}-2` }));
  });

  afterAll(async () => {
    stack.remove();
    await emulator.stop();
  });

  it("comes with the stack", () => {
    expect(fleetId).toMatch(/^[0-9a-f]{8}$/);
    expect(bastion).toMatch(/^i-/);
  });

  it("may touch what is the fleet's, and nothing else", async () => {
    const policies = await AttachedPolicies.ofRole(
      account,
      `arn:aws:iam::123456789012:role/${await stack.idOf("sweep-role")}`,
    );
    const arn = (service: string, resource: string) =>
      `arn:aws:${service}:eu-west-1:123456789012:${resource}`;
    const instance = (ofProfile: string) => ({
      action: "ec2:TerminateInstances",
      resource: arn("ec2", "instance/i-0123456789abcdef0"),
      context: { "ec2:InstanceProfile": `arn:aws:iam::123456789012:instance-profile/${ofProfile}` },
    });
    const keyPair = (name: string) => ({
      action: "ec2:DeleteKeyPair",
      resource: arn("ec2", `key-pair/${name}`),
    });
    const group = (id: string) => ({
      action: "autoscaling:UpdateAutoScalingGroup",
      resource: arn("autoscaling", "autoScalingGroup:1-2:autoScalingGroupName/some"),
      context: { "autoscaling:ResourceTag/fleet-id": id },
    });
    const report = (ofGroup: string, stream: string) => ({
      action: "logs:GetLogEvents",
      resource: arn("logs", `log-group:${ofGroup}:log-stream:${stream}`),
    });
    const parameter = (action: string, name: string) => ({
      action,
      resource: arn("ssm", `parameter${name}`),
    });

    for (const request of [
      instance(profile),
      keyPair(`runner-abc-${fleetId}-worker-1`),
      group(fleetId),
      report(logGroup, "i-0b0b.report"),
      parameter("ssm:PutParameter", `${logGroup}/drain`),
    ]) {
      expect([request, await policies.decide(request)]).toEqual([request, [expect.any(String)]]);
    }
    for (const request of [
      instance(`${profile}-2`),
      instance(await stack.idOf("bastion-profile")),
      keyPair(`runner-abc-${fleetId}0-worker-1`),
      keyPair("runner-abc-worker-1"),
      keyPair("of-an-operator"),
      group(`${fleetId}0`),
      report(logGroup, "i-0b0b"),
      report("/gitlab-runner-fleet/prod/bastion", "i-0b0b.report"),
      parameter("ssm:PutParameter", `${logGroup}/config.toml`),
      parameter("ssm:GetParameter", `${logGroup}/runner-token/default`),
    ]) {
      expect([request, await policies.decide(request)]).toEqual([request, []]);
    }
  });

  it("finds nothing to do", async () => {
    expect(await invoke({})).toEqual({ removed: [], kept: 0, dryRun: false });
  });

  it("removes the workers of a bastion that is gone, and nothing that only looks like them", async () => {
    const gone = "i-0123456789abcdef0";
    const orphan = await make(`runner-abc-${fleetId}-worker-1-a`, { "fleet-bastion": gone });
    const known = await make(`runner-abc-${fleetId}-worker-2-b`, { "fleet-bastion": bastion });
    const untagged = await make(`runner-abc-${fleetId}-worker-3-c`, {});
    const foreign = await make(
      `runner-abc-${fleetId}0-worker-4-d`,
      { "fleet-bastion": gone, "fleet-id": fleetId },
      `${profile}-2`,
    );
    const before = await account.inventory();

    const expected = {
      removed: [{ kind: "instance", id: orphan, why: `its bastion ${gone} is gone` }],
      kept: 5,
    };
    expect(await invoke({ dryRun: true })).toEqual({ ...expected, dryRun: true });
    expect(await account.inventory()).toEqual({ ...before, streams: before["streams"] });

    expect(await invoke({})).toEqual({ ...expected, dryRun: false });
    const left = await instances();
    expect(left).not.toContain(orphan);
    expect(left).toEqual(expect.arrayContaining([known, untagged, foreign, bastion]));
    // Its key pair is young.
    expect(await keyPairs()).toEqual(before["keyPairs"]);
  });

  it("keeps a machine that a report from a clock that was 90 minutes ahead does not know", async () => {
    await report(account, logGroup, bastion, { at: new Date(Date.now() + minutes(90)) });
    expect((await invoke({ dryRun: true })).removed).toEqual([]);
  });

  it("an hour later removes what the bastion does not know, and the key pairs of what is gone", async () => {
    const now = new Date(Date.now() + minutes(60));
    const known = `runner-abc-${fleetId}-worker-2-b`;
    await report(account, logGroup, bastion, { at: new Date(now.getTime() - minutes(1)), machines: [known] });
    Object.assign(process.env, emulator.sdkEnvironment("eu-west-1"));
    const settings = {
      fleetId,
      workerProfileArn: `arn:aws:iam::123456789012:instance-profile/${profile}`,
      bastionLogGroup: logGroup,
      drainParameter: `${logGroup}/drain`,
      drainTimeout: 3600,
      spot: true,
      functionArn: "",
    };
    const aws = new FleetAws(settings, { now: () => now });
    const lines = jest.spyOn(process.stdout, "write").mockReturnValue(true);
    const { removed, kept } = await sweep(aws, { dryRun: false });
    const said = lines.mock.calls.map(([line]) => JSON.parse(String(line)) as unknown);
    lines.mockRestore();
    expect(said).toEqual(removed.map(({ kind, id, why }) => ({ removed: id, kind, why })));
    expect(removed.map(({ kind, id, why }) => [kind, kind === "instance" ? "" : id, why])).toEqual([
      ["instance", "", "no bastion knows it"],
      ["key-pair", `runner-abc-${fleetId}-worker-1-a`, "no instance uses it"],
    ]);
    expect(kept).toBe(3);
    const { KeyPairs = [] } = await account.ec2.send(new DescribeKeyPairsCommand());
    expect(KeyPairs.map(({ KeyName }) => KeyName).sort()).toEqual([
      `runner-abc-${fleetId}-worker-2-b`,
      `runner-abc-${fleetId}-worker-3-c`,
      `runner-abc-${fleetId}0-worker-4-d`,
    ]);
  });
});
