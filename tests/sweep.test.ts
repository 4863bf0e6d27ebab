import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { handoverSteps, Sweep, type SweepArgs } from "../components/sweep";
import { sweepCode } from "../components/sweep-code";
import { sweepArgs } from "./helpers/fleet";
import { record, type Recorded } from "./helpers/record";

const make = (args: Partial<SweepArgs> = {}) => record(() => new Sweep("sweep", { ...sweepArgs, ...args }));
const invocation = "aws:lambda/invocation:Invocation";

/** Logical names of what a resource depends on by its options. */
const dependsOn = ({ options }: Recorded): string[] => {
  const resources: unknown[] = Array.isArray(options.dependsOn) ? options.dependsOn : [options.dependsOn];
  return resources.map((resource) =>
    pulumi.Resource.isInstance(resource) ? String(Reflect.get(resource, "__name")) : "",
  );
};

describe("Sweep", () => {
  it("is a function that runs for as long as Lambda lets it, and knows what is the fleet's", async () => {
    const { inputs } = (await make({ drainTimeout: 600 })).resource(
      "aws:lambda/function:Function",
      "sweep-function",
    );
    expect(inputs).toMatchObject({
      runtime: "nodejs22.x",
      architectures: ["arm64"],
      handler: "handler.handler",
      timeout: 900,
      environment: {
        variables: {
          FLEET_ID: "0a1b2c3d",
          WORKER_PROFILE_ARN: "arn:aws:iam::123456789012:instance-profile/workers",
          BASTION_LOG_GROUP: "/fleet/test/bastion",
          DRAIN_PARAMETER: "/fleet/test/bastion/drain",
          DRAIN_TIMEOUT: "600",
          SPOT: "true",
        },
      },
    });
  });

  it("sweeps every five minutes", async () => {
    const made = await make();
    expect(made.resource("aws:cloudwatch/eventRule:EventRule", "sweep-schedule").inputs).toMatchObject({
      scheduleExpression: "rate(5 minutes)",
    });
    expect(
      made.resource("aws:cloudwatch/eventTarget:EventTarget", "sweep-schedule-target").inputs,
    ).toMatchObject({ arn: "arn:of:sweep-function", input: "{}" });
    expect(
      made.resource("aws:lambda/permission:Permission", "sweep-schedule-permission").inputs,
    ).toMatchObject({ principal: "events.amazonaws.com", sourceArn: "arn:of:sweep-schedule" });
  });

  it("has a log of its own, which does not grow for ever", async () => {
    const { inputs } = (await make({ logRetentionDays: 7 })).resource(
      "aws:cloudwatch/logGroup:LogGroup",
      "sweep-log",
    );
    expect(inputs).toMatchObject({ name: "/aws/lambda/sweep-function-physical", retentionInDays: 7 });
  });

  it.each([
    [0, 2],
    [240, 2],
    [241, 3],
    [3600, 6],
    [7200, 11],
  ])("takes leave of a bastion that may drain for %i s in %i invocations", async (drainTimeout, steps) => {
    const invocations = (await make({ drainTimeout })).ofType(invocation);
    expect(invocations.map(({ inputs }) => inputs["input"])).toEqual(
      Array.from({ length: steps }, (_, i) =>
        JSON.stringify({ step: i + 1, steps, group: "bastion-group-1" }),
      ),
    );
    expect(invocations.every(({ inputs }) => inputs["lifecycleScope"] === "CRUD")).toBe(true);
    expect(handoverSteps(drainTimeout)).toBe(steps);
    // All its waiting, a new bastion's start, and one that ends it.
    expect((steps - 1) * 840).toBeGreaterThanOrEqual(drainTimeout + 600);
  });

  it("takes leave before anything goes that a bastion or its jobs need, one invocation after the other, and without a schedule", async () => {
    let needed: pulumi.Resource[] = [];
    const made = await record(() => {
      needed = [new aws.cloudwatch.LogGroup("needed", {})];
      new Sweep("sweep", { ...sweepArgs, neededUntilDrained: needed });
    });
    const common = ["sweep-role-policy", "sweep-log", "needed"];
    expect(made.ofType(invocation).map(dependsOn)).toEqual([
      common,
      ...[1, 2, 3, 4, 5].map((step) => [...common, `sweep-handover-${step}`]),
    ]);
    const all = [1, 2, 3, 4, 5, 6].map((step) => `sweep-handover-${step}`);
    for (const { name } of made.resources.filter(({ name }) => name.startsWith("sweep-schedule"))) {
      const scheduled = made.resources.find((resource) => resource.name === name);
      expect(scheduled && dependsOn(scheduled)).toEqual(all);
    }
  });

  it("cancels spot requests only where some runner asks for spot instances", async () => {
    const policy = async (spot: boolean) =>
      String(
        (await make({ workers: { ...sweepArgs.workers, kinds: [{ spot: false }, { spot }] } })).resource(
          "aws:iam/rolePolicy:RolePolicy",
          "sweep-role-policy",
        ).inputs["policy"],
      );
    expect(await policy(true)).toContain("ec2:CancelSpotInstanceRequests");
    expect(await policy(false)).not.toContain("Spot");
  });

  it.each([
    ["a region that there is not", { region: "nowhere" }, "must be a region that docker-machine knows"],
    ["more time than two hours", { drainTimeout: 7201 }, "must be a whole number of seconds from 0 to 7200"],
  ])("refuses %s", async (_, args, message) => {
    await expect(make(args)).rejects.toThrow(message);
  });
});

describe("the code of the sweep", () => {
  it("is the same every time, and runs without anything but Node.js and AWS's SDK", async () => {
    const textOf = async () => {
      const assets = await sweepCode().assets;
      return await Promise.all(
        Object.entries(assets).map(async ([file, asset]) => {
          if (!pulumi.asset.StringAsset.isInstance(asset)) throw new Error(`${file} is no text`);
          return [file, String(await Reflect.get(asset, "text"))] as const;
        }),
      );
    };
    const files = await textOf();
    expect(await textOf()).toEqual(files);
    expect(files.map(([file]) => file)).toContain("handler.js");
    const wanted = files.flatMap(([, text]) =>
      [...text.matchAll(/require\("([^"]+)"\)/g)].map(([, module = ""]) => module),
    );
    const strangers = wanted.filter(
      (module) =>
        !/^(node:|@aws-sdk\/client-)/.test(module) && !files.some(([file]) => `./${file}` === `${module}.js`),
    );
    expect(strangers).toEqual([]);
    expect(wanted).toContain("@aws-sdk/client-ec2");
  });
});
