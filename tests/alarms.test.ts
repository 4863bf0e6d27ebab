import { alarmsOf, type AlarmRule, type Watched } from "../components/alarms";

const watched: Watched = {
  fleet: "fleet/test",
  bastion: { groupName: "bastion-group-1" },
  registryMirror: { instanceId: "i-mirror", mirrorShare: 40, layerCacheShare: 45 },
  sweep: { functionName: "sweep-1" },
};

const rules = (changes: Partial<Watched> = {}): Record<string, AlarmRule> =>
  Object.fromEntries(alarmsOf({ ...watched, ...changes }).map(({ name, rule }) => [name, rule]));

const reported = (metricName: string) => ({
  namespace: "GitLabRunnerFleet",
  metricName,
  dimensions: { Fleet: "fleet/test" },
});

const ofSweep = (metricName: string) => ({
  namespace: "AWS/Lambda",
  metricName,
  dimensions: { FunctionName: "sweep-1" },
});

const statusCheck = (dimensions: Record<string, string>) => ({
  namespace: "AWS/EC2",
  metricName: "StatusCheckFailed",
  dimensions,
  statistic: "Maximum",
  period: 60,
  evaluationPeriods: 3,
  comparisonOperator: "GreaterThanThreshold",
  threshold: 0,
  treatMissingData: "notBreaching",
});

const silence = (
  metric: { metricName: string },
  { period, evaluationPeriods }: { period: number; evaluationPeriods: number },
) => ({
  metricQueries: [
    { id: "heard", expression: "FILL(reports, 0)", label: metric.metricName, returnData: true },
    { id: "reports", metric: { ...metric, stat: "Sum", period } },
  ],
  evaluationPeriods,
  comparisonOperator: "LessThanThreshold",
  threshold: 1,
  treatMissingData: "breaching",
});

const wrong = (metricName: string) => ({
  ...reported(metricName),
  statistic: "Maximum",
  period: 60,
  evaluationPeriods: 3,
  comparisonOperator: "GreaterThanThreshold",
  threshold: 0,
  treatMissingData: "ignore",
});

describe("the alarms of a fleet", () => {
  const cases: [name: string, when: string, rule: object][] = [
    [
      "bastion-silent",
      "no bastion reported in 8 minutes, or ever",
      silence(reported("BastionReports"), { period: 60, evaluationPeriods: 8 }),
    ],
    [
      "bastion-unreachable",
      "EC2 finds the group's instance unreachable for 3 minutes",
      statusCheck({ AutoScalingGroupName: "bastion-group-1" }),
    ],
    [
      "configuration-rejected",
      "the bastion says so three times, and until it says otherwise",
      wrong("ConfigurationRejected"),
    ],
    [
      "token-invalid",
      "the bastion says so three times, and until it says otherwise",
      wrong("TokensRejected"),
    ],
    [
      "token-expires",
      "one has less than 7 days, but not where none expires",
      {
        ...reported("TokenDaysLeft"),
        statistic: "Minimum",
        period: 300,
        evaluationPeriods: 1,
        comparisonOperator: "LessThanThreshold",
        threshold: 7,
        treatMissingData: "notBreaching",
      },
    ],
    [
      "no-machine-can-be-created",
      "machines failed or hung in two periods of 5 minutes, without one success",
      {
        metricQueries: [
          {
            id: "stuck",
            expression:
              "IF((FILL(failures, 0) > 0 OR FILL(creating, 0) > 0) AND FILL(created, 0) == 0, 1, 0)",
            label: "Machines are being made, and none is finished",
            returnData: true,
          },
          { id: "failures", metric: { ...reported("MachineCreationFailures"), stat: "Sum", period: 300 } },
          { id: "creating", metric: { ...reported("MachinesCreating"), stat: "Maximum", period: 300 } },
          { id: "created", metric: { ...reported("MachinesCreated"), stat: "Sum", period: 300 } },
        ],
        evaluationPeriods: 2,
        comparisonOperator: "GreaterThanThreshold",
        threshold: 0,
        treatMissingData: "notBreaching",
      },
    ],
    [
      "jobs-wait",
      "jobs that began in each of three periods of 5 minutes had waited for more than 5 minutes",
      {
        ...reported("JobWaitSeconds"),
        statistic: "Average",
        period: 300,
        evaluationPeriods: 3,
        comparisonOperator: "GreaterThanThreshold",
        threshold: 300,
        treatMissingData: "notBreaching",
      },
    ],
    [
      "registry-mirror-silent",
      "the mirror did not report in 8 minutes, or ever",
      silence(reported("MirrorReports"), { period: 60, evaluationPeriods: 8 }),
    ],
    [
      "registry-mirror-unreachable",
      "EC2 finds the mirror unreachable for 3 minutes",
      statusCheck({ InstanceId: "i-mirror" }),
    ],
    [
      "mirror-disk-full",
      "the disk was over its threshold for 15 minutes, and until the mirror says otherwise",
      {
        ...reported("MirrorDiskUsedPercent"),
        statistic: "Average",
        period: 300,
        evaluationPeriods: 3,
        comparisonOperator: "GreaterThanThreshold",
        threshold: 87.5,
        treatMissingData: "ignore",
      },
    ],
    [
      "sweep-failed",
      "two runs in a row failed",
      {
        ...ofSweep("Errors"),
        statistic: "Sum",
        period: 300,
        evaluationPeriods: 2,
        comparisonOperator: "GreaterThanThreshold",
        threshold: 0,
        treatMissingData: "notBreaching",
      },
    ],
    [
      "sweep-silent",
      "it did not run in 30 minutes, or ever",
      silence(ofSweep("Invocations"), { period: 300, evaluationPeriods: 6 }),
    ],
  ];

  it.each(cases)("%s: %s", (name, _, rule) => {
    expect(rules()[name]).toEqual(rule);
  });

  it("are no others", () => {
    expect(Object.keys(rules())).toEqual(cases.map(([name]) => name));
  });

  it("leave out the mirror's and the sweep's where these are not", () => {
    const { fleet, bastion } = watched;
    expect(alarmsOf({ fleet, bastion }).map(({ name }) => name)).toEqual(
      cases.map(([name]) => name).filter((name) => !/mirror|sweep/.test(name)),
    );
  });

  it.each([
    { mirrorShare: 40, layerCacheShare: 45, threshold: 87.5 },
    { mirrorShare: 45, layerCacheShare: 45, threshold: 90 },
    { mirrorShare: 40, layerCacheShare: 30, threshold: 80 },
    { mirrorShare: 5, layerCacheShare: 5, threshold: 80 },
  ])(
    "say that the mirror's disk is full between shares of $mirrorShare + $layerCacheShare % and the end of downloads, at $threshold %",
    ({ mirrorShare, layerCacheShare, threshold }) => {
      const registryMirror = { instanceId: "i-mirror", mirrorShare, layerCacheShare };
      expect(rules({ registryMirror })["mirror-disk-full"]?.threshold).toBe(threshold);
    },
  );
});
