import { Emulator } from "../tools/emulator";
import { describeWith, program } from "../tools/programs";
import { Account, type Inventory } from "./account";
import { FaultProxy, type Fault } from "./fault-proxy";
import { EngineStack } from "./project";

const tokens = { default: "glrt-planted-token-of-the-fault-test" };
/** How often the provider may ask before it gives up. AWS's own default would take minutes. */
const attempts = 3;

interface Row {
  action: string;
  fault: Fault;
  /** How often the provider asks. */
  asked: number;
  /** What it is asked for. */
  resource: RegExp;
}

const row = (
  action: string,
  asked: number,
  resource: RegExp,
  status: number,
  code: string,
  message: string,
): Row => ({ action, asked, resource, fault: { status, code, message } });

const bucket = /^cache-bucket$/;
const endpoint = /^network-s3$/;
const parameter =
  /^(registry-mirror-http-secret-parameter|bastion-runner-token-default|bastion-drain|bastion-worker-user-data|workers-image-amd64|cache-credentials)$/;
const instance = /^registry-mirror-instance$/;
const group = /^bastion-group$/;
const autoScaling = "autoscaling CreateAutoScalingGroup";

/** Action by action: what comes later is refused meanwhile, so that it is not there yet when its turn comes. */
const rows = [
  row("s3 CreateBucket", attempts, bucket, 503, "SlowDown", "Please reduce your request rate."),
  row("s3 CreateBucket", 1, bucket, 400, "TooManyBuckets", "You have attempted to create more buckets than"),
  row("ec2 CreateVpcEndpoint", attempts, endpoint, 503, "RequestLimitExceeded", "Request limit exceeded."),
  row("ec2 CreateVpcEndpoint", 1, endpoint, 400, "VpcEndpointLimitExceeded", "The maximum number of VPC end"),
  row("ssm PutParameter", attempts, parameter, 400, "ThrottlingException", "Rate exceeded"),
  row("ssm PutParameter", 1, parameter, 400, "AccessDeniedException", "not authorized to perform: ssm:Put"),
  row(
    "ec2 RunInstances",
    attempts,
    instance,
    500,
    "InsufficientInstanceCapacity",
    "We currently do not have",
  ),
  row("ec2 RunInstances", 1, instance, 403, "UnauthorizedOperation", "You are not authorized to perform"),
  row(
    "ec2 RunInstances",
    1,
    instance,
    400,
    "VcpuLimitExceeded",
    "You have requested more vCPU capacity than",
  ),
  row(autoScaling, attempts, group, 400, "Throttling", "Rate exceeded"),
  row(autoScaling, 1, group, 403, "AccessDenied", "not authorized to perform: autoscaling:CreateAutoSc"),
];

const notYet: Fault = { status: 403, code: "AccessDenied", message: "Its turn has not come." };

/** Refuses the actions of the rows after those of this one. */
function later(action: string): { action: string; fault: Fault }[] {
  const actions = [...new Set(rows.map((row) => row.action))];
  return actions.slice(actions.indexOf(action) + 1).map((action) => ({ action, fault: notYet }));
}

/** What there is one of, or two, in the environment dev, once. */
const complete = {
  instances: 2,
  groups: 1,
  launchTemplates: 1,
  logGroups: 3,
  addresses: 0,
  vpcEndpoints: 1,
  buckets: 1,
  users: 1,
  accessKeys: 1,
  roles: 4,
  instanceProfiles: 3,
  policies: 2,
  parameters: 7,
  zones: 1,
  internetGateways: 1,
};

describeWith("a fault of AWS", [program("pulumi"), program("moto_server")], () => {
  let emulator: Emulator;
  let proxy: FaultProxy;
  let account: Account;
  let stack: EngineStack;

  const counts = async (): Promise<Record<string, number>> => {
    const inventory = await account.inventory();
    return Object.fromEntries(Object.keys(complete).map((kind) => [kind, inventory[kind]?.length ?? 0]));
  };

  const begin = async () => {
    emulator = await Emulator.start();
    proxy = await FaultProxy.start(emulator.url);
    account = new Account(emulator.url, "eu-west-1");
    stack = await EngineStack.init("dev", { emulator: proxy.url }, tokens);
  };

  const end = async () => {
    stack.remove();
    await proxy.stop();
    await emulator.stop();
  };

  describe("that lasts", () => {
    let existed: Inventory = {};

    beforeAll(async () => {
      await begin();
      stack.configure({ "aws:maxRetries": String(attempts) });
    });

    afterAll(end);

    it.each(rows)("ends the up with AWS's reason: $action, $fault.code", async (row) => {
      const { action, fault, asked, resource } = row;
      proxy.answerAlways([{ action, fault }, ...later(action)]);
      proxy.calls.length = 0;
      const { code, stdout } = await stack.run("up", "--yes", "--skip-preview", "--continue-on-error");

      expect(code).not.toBe(0);
      const failed = [...stdout.matchAll(/ (\S+) \*\*creating failed\*\* error: (.*)/g)].filter(
        ([, , reason = ""]) => !reason.includes(notYet.message),
      );
      expect(failed.length).toBeGreaterThan(0);
      for (const [, name, reason] of failed) {
        expect(name).toMatch(resource);
        expect(reason).toContain(`${fault.code}: ${fault.message}`);
      }
      expect(proxy.calls.filter((call) => call === action)).toHaveLength(asked * failed.length);

      const exists = await account.inventory();
      for (const [kind, before] of Object.entries(existed)) {
        expect({ [kind]: exists[kind] }).toEqual({ [kind]: expect.arrayContaining(before) as unknown });
      }
      existed = exists;
    });

    it("is forgotten by the next up without it: nothing was made twice, and nothing lost", async () => {
      proxy.heal();
      await stack.up();
      const exists = await account.inventory();
      for (const [kind, before] of Object.entries(existed)) {
        expect({ [kind]: exists[kind] }).toEqual({ [kind]: expect.arrayContaining(before) as unknown });
      }
      expect(await counts()).toEqual(complete);
      await stack.must("preview", "--expect-no-changes");
    });
  });

  describe("that passes", () => {
    beforeAll(begin);

    afterAll(end);

    it("is not noticed: the provider asks again", async () => {
      const toCome = proxy.answerNext(rows.filter(({ asked }) => asked > 1));
      expect(toCome).toHaveLength(5);
      expect(await stack.up()).not.toContain("error");
      expect(toCome).toEqual([]);
      expect(await counts()).toEqual(complete);
      await stack.must("preview", "--expect-no-changes");
    });
  });
});
