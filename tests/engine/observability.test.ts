import { alarmsOf, type AlarmRule } from "../../components/alarms";
import { Emulator } from "../tools/emulator";
import { describeWith, program } from "../tools/programs";
import { Account, type Inventory } from "./account";
import { EngineStack } from "./project";

const alarms = alarmsOf({
  fleet: "observability/test",
  bastion: { groupName: "bastion-group-1" },
  registryMirror: { instanceId: "i-0a1b2c3d4e5f60718", mirrorShare: 40, layerCacheShare: 45 },
  sweep: { functionName: "sweep-function-1" },
});

/** An alarm's rule as CloudWatch describes it. */
function described(rule: AlarmRule): object {
  const dimensions = (values: unknown) =>
    Object.entries({ ...(values as object) }).map(([Name, Value]: [string, unknown]) => ({ Name, Value }));
  return JSON.parse(
    JSON.stringify({
      Namespace: rule.namespace,
      MetricName: rule.metricName,
      Dimensions: dimensions(rule.dimensions),
      Statistic: rule.statistic,
      Period: rule.period,
      EvaluationPeriods: rule.evaluationPeriods,
      ComparisonOperator: rule.comparisonOperator,
      Threshold: rule.threshold,
      TreatMissingData: rule.treatMissingData,
    }),
  ) as object;
}

describeWith("alarms, their topic and the dashboard", [program("pulumi"), program("moto_server")], () => {
  let emulator: Emulator;
  let account: Account;
  let stack: EngineStack;
  let before: Inventory;

  beforeAll(async () => {
    emulator = await Emulator.start();
    account = new Account(emulator.url, "eu-west-1");
    before = await account.inventory();
    stack = await EngineStack.init("test", {
      emulator: emulator.url,
      stackFile: "none",
      program: `${__dirname}/observability-stack`,
    });
  });

  afterAll(async () => {
    stack.remove();
    await emulator.stop();
  });

  it("come up, and are what CloudWatch takes", async () => {
    await stack.up();
    const { topicArn, dashboardName } = await stack.outputs();
    expect(await account.topics()).toEqual([topicArn]);
    expect(await account.subscribers()).toEqual(["on-call@example.com"]);
    expect(dashboardName).toBe("observability-test");
    expect(await account.dashboards()).toEqual(["observability-test"]);
    const made = await account.alarms();
    expect(made.map(({ AlarmName }) => AlarmName).sort()).toEqual(
      alarms.map(({ name }) => `observability-test-${name}`).sort(),
    );
    for (const { name, what, rule } of alarms) {
      expect(made.find(({ AlarmName }) => AlarmName === `observability-test-${name}`)).toMatchObject({
        ...described(rule),
        ActionsEnabled: true,
        AlarmDescription: `${what} docs/operations.md#${name}`,
        AlarmActions: [topicArn],
        OKActions: [topicArn],
      });
    }
  });

  it("hand an expression and its metrics to CloudWatch", async () => {
    const stuck = (await account.alarms()).find(({ AlarmName }) => /no-machine/.test(AlarmName));
    const metric = (Id: string, MetricName: string, Stat: string): unknown =>
      expect.objectContaining({
        Id,
        MetricStat: {
          Metric: {
            Namespace: "GitLabRunnerFleet",
            MetricName,
            Dimensions: [{ Name: "Fleet", Value: "observability/test" }],
          },
          Period: 300,
          Stat,
        },
      });
    expect(stuck?.["Metrics"]).toHaveLength(4);
    expect(stuck?.["Metrics"]).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          Id: "stuck",
          Expression: "IF((FILL(failures, 0) > 0 OR FILL(creating, 0) > 0) AND FILL(created, 0) == 0, 1, 0)",
          ReturnData: true,
        }),
        metric("failures", "MachineCreationFailures", "Sum"),
        metric("creating", "MachinesCreating", "Maximum"),
        metric("created", "MachinesCreated", "Sum"),
      ]),
    );
  });

  it("stay as they are without a change, and after a refresh", async () => {
    await stack.must("preview", "--expect-no-changes");
    await stack.must("refresh", "--yes", "--skip-preview");
    await stack.must("preview", "--expect-no-changes");
  });

  it("tell another topic when one is given, and the former goes", async () => {
    const topicArn = "arn:aws:sns:eu-west-1:123456789012:on-call";
    stack.configure({ "observability:topicArn": topicArn });
    await stack.up();
    expect(await account.topics()).toEqual([]);
    for (const { AlarmActions, OKActions } of await account.alarms()) {
      expect({ AlarmActions, OKActions }).toEqual({ AlarmActions: [topicArn], OKActions: [topicArn] });
    }
  });

  it("go, and leave nothing behind", async () => {
    await stack.destroy();
    expect(await account.inventory()).toEqual(before);
  });
});
