import { readFileSync } from "fs";
import { join } from "path";
import { z } from "zod";
import { alarmsOf } from "../components/alarms";
import { bastionMetrics, mirrorMetrics } from "../components/metrics";
import { Observability, type ObservabilityArgs } from "../components/observability";
import { observabilityArgs } from "./helpers/fleet";
import { record, type Recording } from "./helpers/record";

const make = (args: Partial<ObservabilityArgs> = {}) =>
  record(() => new Observability("observability", { ...observabilityArgs, ...args }));

const { region, fleet, bastion } = observabilityArgs;
const leastArgs: ObservabilityArgs = { region, fleet, bastion };

const alarms = alarmsOf(observabilityArgs);

const alarmType = "aws:cloudwatch/metricAlarm:MetricAlarm";

const dashboardSchema = z.object({
  widgets: z.array(
    z.object({
      type: z.string(),
      x: z.int(),
      y: z.int(),
      width: z.int(),
      height: z.int(),
      properties: z.looseObject({ title: z.string() }),
    }),
  ),
});

function dashboard(made: Recording) {
  const { dashboardBody } = made.resource(
    "aws:cloudwatch/dashboard:Dashboard",
    "observability-dashboard",
  ).inputs;
  return dashboardSchema.parse(JSON.parse(String(dashboardBody))).widgets;
}

describe("Observability", () => {
  it("makes each alarm, which tells the topic when it begins and when it is over", async () => {
    const made = await make();
    expect(made.resource(alarmType, "observability-token-expires").inputs).toEqual({
      name: "fleet-test-token-expires",
      alarmDescription: "A runner's token expires in less than 7 days. docs/operations.md#token-expires",
      namespace: "GitLabRunnerFleet",
      metricName: "TokenDaysLeft",
      dimensions: { Fleet: "fleet/test" },
      statistic: "Minimum",
      period: 300,
      evaluationPeriods: 1,
      comparisonOperator: "LessThanThreshold",
      threshold: 7,
      treatMissingData: "notBreaching",
      alarmActions: ["arn:of:observability-topic"],
      okActions: ["arn:of:observability-topic"],
      tags: { team: "ci" },
    });
    expect(made.ofType(alarmType)).toHaveLength(alarms.length);
    for (const { name, what, rule } of alarms) {
      expect(made.resource(alarmType, `observability-${name}`).inputs).toEqual({
        ...rule,
        name: `fleet-test-${name}`,
        alarmDescription: `${what} docs/operations.md#${name}`,
        alarmActions: ["arn:of:observability-topic"],
        okActions: ["arn:of:observability-topic"],
        tags: { team: "ci" },
      });
    }
  });

  it("links each alarm to its paragraph in one's own copy of the project", async () => {
    const runbookUrl = "https://gitlab.example.com/ci/fleet/-/blob/main/docs/operations.md";
    const made = await make({ runbookUrl });
    for (const { name } of alarms) {
      const { alarmDescription } = made.resource(alarmType, `observability-${name}`).inputs;
      expect(String(alarmDescription).split(" ").at(-1)).toBe(`${runbookUrl}#${name}`);
    }
  });

  it("does not encrypt the topic with AWS's own key, which alarms cannot use", async () => {
    const made = await make();
    expect(made.resource("aws:sns/topic:Topic", "observability-topic").inputs).toEqual({
      displayName: "Alarms of fleet-test",
      tags: { team: "ci" },
    });
  });

  it("sends mails to whom it was told, and to nobody by default", async () => {
    const made = await make({ emails: ["a@example.com", "b@example.com"] });
    expect(
      made.ofType("aws:sns/topicSubscription:TopicSubscription").map(({ name, inputs }) => [name, inputs]),
    ).toEqual(
      ["a@example.com", "b@example.com"].map((endpoint) => [
        `observability-to-${endpoint}`,
        { topic: "arn:of:observability-topic", protocol: "email", endpoint },
      ]),
    );
    const other = await record(() => new Observability("observability", leastArgs));
    expect(other.ofType("aws:sns/topicSubscription:TopicSubscription")).toEqual([]);
  });

  it("uses a topic that is given, and leaves it as it is", async () => {
    const topicArn = "arn:aws:sns:eu-west-1:123456789012:on-call";
    const made = await make({ topicArn });
    expect(made.resources.filter(({ type }) => type.startsWith("aws:sns"))).toEqual([]);
    for (const { inputs } of made.ofType(alarmType)) {
      expect(inputs).toMatchObject({ alarmActions: [topicArn], okActions: [topicArn] });
    }
  });

  it("shows the state of every alarm and every metric that is reported on one dashboard", async () => {
    const made = await make();
    const [states, ...graphs] = dashboard(made);
    expect(states).toEqual({
      type: "alarm",
      x: 0,
      y: 0,
      width: 24,
      height: 3,
      properties: {
        title: "Alarms",
        alarms: alarms.map(({ name }) => `arn:of:observability-${name}`),
      },
    });
    expect(graphs.map(({ x, y, properties }) => [x, y, properties.title])).toEqual([
      [0, 3, "Machines by state"],
      [8, 3, "Machines made"],
      [16, 3, "Running jobs"],
      [0, 9, "Seconds that jobs waited"],
      [8, 9, "Configuration and tokens"],
      [16, 9, "Reports a minute"],
      [0, 15, "Registry mirror's disk, percent"],
      [8, 15, "Sweep"],
    ]);
    expect(graphs[4]?.properties).toEqual({
      title: "Configuration and tokens",
      region: "eu-west-1",
      view: "timeSeries",
      stat: "Maximum",
      period: 60,
      stacked: false,
      metrics: [
        [
          "GitLabRunnerFleet",
          "ConfigurationRejected",
          "Fleet",
          "fleet/test",
          { label: "configuration rejected" },
        ],
        ["GitLabRunnerFleet", "TokensRejected", "Fleet", "fleet/test", { label: "tokens rejected" }],
        [
          "GitLabRunnerFleet",
          "TokenDaysLeft",
          "Fleet",
          "fleet/test",
          { label: "days until a token expires", yAxis: "right" },
        ],
      ],
      yAxis: { left: { min: 0 }, right: { min: 0 } },
    });
    const shown = [...JSON.stringify(graphs).matchAll(/"GitLabRunnerFleet","(\w+)"/g)].map(
      ([, name]) => name,
    );
    expect(shown.sort()).toEqual([...bastionMetrics, ...mirrorMetrics].sort());
  });

  it("shows nothing of a mirror and a sweep that are not there", async () => {
    const made = await record(() => new Observability("observability", leastArgs));
    expect(JSON.stringify(dashboard(made))).not.toMatch(/mirror|sweep/i);
  });

  it("gives the dashboard a name that CloudWatch takes", async () => {
    const made = await make({ fleet: "my.fleet/test" });
    expect(
      made.resource("aws:cloudwatch/dashboard:Dashboard", "observability-dashboard").inputs["dashboardName"],
    ).toBe("my-fleet-test");
  });
});

describe("docs/operations.md", () => {
  const text = readFileSync(join(__dirname, "../docs/operations.md"), "utf8");
  const [, alarmsSection = ""] = /^## Alarms$([\s\S]*?)^## /m.exec(text) ?? [];

  it("has a paragraph for each alarm, and for nothing else", () => {
    const headings = [...alarmsSection.matchAll(/^### (.+)$/gm)].map(([, heading]) => heading ?? "");
    expect(headings).toEqual(alarms.map(({ name }) => name));
  });
});
