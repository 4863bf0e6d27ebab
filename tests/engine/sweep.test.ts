import { DescribeKeyPairsCommand } from "@aws-sdk/client-ec2";
import { CreateInstanceProfileCommand } from "@aws-sdk/client-iam";
import { InvokeCommand } from "@aws-sdk/client-lambda";
import { FleetAws } from "../../sweep/aws";
import { sweep, type SweepResult } from "../../sweep/sweep";
import { Emulator } from "../tools/emulator";
import { describeWith, program } from "../tools/programs";
import { Account } from "./account";
import { makeMachine, report } from "./machines";
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
    subnetId = (await instances()).length > 0 ? ((await account.instances())[0]?.SubnetId ?? "") : "";
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

  it("an hour later removes what the bastion does not know, and the key pairs of what is gone", async () => {
    const now = new Date(Date.now() + minutes(60));
    const known = `runner-abc-${fleetId}-worker-2-b`;
    await report(account, logGroup, bastion, { at: new Date(now.getTime() - minutes(1)), machines: [known] });
    Object.assign(process.env, {
      AWS_ENDPOINT_URL: emulator.url,
      AWS_REGION: "eu-west-1",
      AWS_ACCESS_KEY_ID: "emulator",
      AWS_SECRET_ACCESS_KEY: "emulator",
    });
    const aws = new FleetAws({
      fleetId,
      workerProfileArn: `arn:aws:iam::123456789012:instance-profile/${profile}`,
      bastionLogGroup: logGroup,
      drainParameter: `${logGroup}/drain`,
      drainTimeout: 3600,
      spot: true,
      functionArn: "",
    });
    const { removed, kept } = await sweep(aws, { dryRun: false, now });
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
