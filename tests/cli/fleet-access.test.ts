import { awsProblem } from "../../cli/fleet/aws";
import { deployedFleet } from "../../cli/fleet/deployed-fleet";
import { logLine } from "../../cli/fleet/logs";
import { sweepResult, sweepText } from "../../cli/fleet/sweep";

const outputs = {
  vpcId: "vpc-1",
  workerInstanceProfileArn: "arn:aws:iam::123456789012:instance-profile/workers",
  bastionGroupName: "bastion-group",
  runnerConfigParameterName: "/fleet/dev/bastion/config.toml",
  sweepFunctionName: "sweep-function",
  registryMirrorUrl: "http://registry-mirror.dev.fleet.internal:6000",
};
const config = {
  "aws:region": { value: "eu-west-1", secret: false },
  "fleet:runnerTokens": { secret: true },
};

describe("a deployed fleet", () => {
  it("is found by its stack's outputs and configuration", () => {
    expect(deployedFleet("stack dev", outputs, config)).toEqual({
      title: "stack dev",
      region: "eu-west-1",
      profile: undefined,
      endpoints: {},
      vpcId: "vpc-1",
      workerInstanceProfileArn: "arn:aws:iam::123456789012:instance-profile/workers",
      bastionGroupName: "bastion-group",
      runnerConfigParameterName: "/fleet/dev/bastion/config.toml",
      drainParameterName: "/fleet/dev/bastion/drain",
      sweepFunctionName: "sweep-function",
      logGroups: {
        bastion: "/fleet/dev/bastion",
        registryMirror: "/fleet/dev/registry-mirror",
        sweep: "/aws/lambda/sweep-function",
      },
    });
  });

  it("is asked for where the stack says that AWS is", () => {
    const elsewhere = {
      ...config,
      "aws:profile": { value: "build", secret: false },
      "aws:endpoints": { value: '[{"ec2":"http://127.0.0.1:1","ssm":"http://127.0.0.1:2"}]', secret: false },
    };
    expect(deployedFleet("stack dev", outputs, elsewhere)).toMatchObject({
      profile: "build",
      endpoints: { ec2: "http://127.0.0.1:1", ssm: "http://127.0.0.1:2" },
    });
  });

  it("may have its mirror switched off", () => {
    const without = { ...outputs, registryMirrorUrl: undefined };
    expect(deployedFleet("stack dev", without, config).logGroups.registryMirror).toBeUndefined();
  });

  it("has to be brought up in this version", () => {
    const older = { ...outputs, bastionGroupName: undefined, sweepFunctionName: undefined };
    expect(() => deployedFleet("stack dev", older, config)).toThrow(
      "The stack dev has no bastionGroupName, sweepFunctionName among its outputs: it is not up, or was brought up by an older version. Run pulumi up.",
    );
  });

  it("has a region", () => {
    expect(() => deployedFleet("stack dev", outputs, {})).toThrow(
      "The stack dev has no aws:region in its configuration.",
    );
  });
});

describe("a sweep's answer", () => {
  const removed = [{ kind: "instance", id: "i-1", why: "its bastion i-0 is gone" }];

  it("says what was removed, and what would be", () => {
    expect(sweepText({ removed, kept: 3, dryRun: false })).toEqual([
      "Removed 1, kept 3",
      "  instance  i-1  its bastion i-0 is gone",
    ]);
    expect(sweepText({ removed, kept: 3, dryRun: true })[0]).toBe("The next sweep removes 1, keeps 3");
    expect(sweepText({ removed: [], kept: 3, dryRun: false })).toEqual(["Removed nothing, kept 3"]);
    expect(sweepText({ removed: [], kept: 3, dryRun: true })).toEqual([
      "The next sweep removes nothing, keeps 3",
    ]);
  });

  it("is an error in one line when the function failed", () => {
    const payload = JSON.stringify({ errorType: "Error", errorMessage: "AccessDenied\nfor i-1" });
    expect(() => sweepResult("sweep-function", "Unhandled", payload)).toThrow(
      /^The sweep failed: AccessDenied for i-1\. Its log: npm run fleet -- logs sweep$/,
    );
    expect(() => sweepResult("sweep-function", "Unhandled", "")).toThrow("The sweep failed: Unhandled.");
  });

  it("is an error when it is no sweep's", () => {
    expect(() => sweepResult("sweep-function", undefined, '"hello"')).toThrow(
      'sweep-function answered what no sweep answers: "hello"',
    );
  });
});

describe("a line of a log", () => {
  const event = { timestamp: Date.UTC(2026, 10, 28, 9), logStreamName: "i-1", message: "job 11 began\n" };

  it("says when, which machine, and what", () => {
    expect(logLine("bastion", event)).toBe("2026-11-28T09:00:00Z i-1 job 11 began");
  });

  it("leaves out the stream of a Lambda function", () => {
    expect(logLine("sweep", event)).toBe("2026-11-28T09:00:00Z job 11 began");
  });
});

describe("a problem with AWS", () => {
  const error = (name: string, message: string, more: object) =>
    Object.assign(new Error(message), { name, ...more });

  it.each([
    [
      error("CredentialsProviderError", "Could not load credentials from any providers", {}),
      "There are no AWS credentials: Could not load credentials from any providers. Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
    ],
    [
      error("AccessDeniedException", "not authorized:\nssm:GetParameter", {
        $metadata: {},
        $fault: "client",
      }),
      "AWS refused: AccessDeniedException: not authorized: ssm:GetParameter",
    ],
    [error("AggregateError", "", { code: "ECONNREFUSED" }), "AWS does not answer: ECONNREFUSED"],
    [error("TypeError", "a mistake of ours", {}), undefined],
  ])("is one line: %s", (problem, line) => {
    expect(awsProblem(problem)).toBe(line);
  });
});
