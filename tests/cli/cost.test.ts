import { fleetCost, type RunnerHours } from "../../cli/cost";
import type { PlannedResource } from "../../cli/resources";
import type { PlannedRunner } from "../../cli/runners";
import { costRows, totalText, usageRows } from "../../cli/words";

const instance = (name: string, inputs: PlannedResource["inputs"]): PlannedResource => ({
  type: "aws:ec2/instance:Instance",
  name: `${name}-instance`,
  inputs: { rootBlockDevice: { volumeType: "gp3", volumeSize: 10 }, ...inputs },
});

const resource = (type: string, inputs: PlannedResource["inputs"] = {}): PlannedResource => ({
  type,
  name: "some",
  inputs,
});

const runner = (changes: Partial<PlannedRunner> = {}, idleHoursPerWeek = 0): RunnerHours => ({
  idleHoursPerWeek,
  runner: {
    name: "default",
    gitlabUrl: "https://gitlab.com",
    limit: 10,
    idle: { idleCount: 0, idleScaleFactor: 0, idleCountMin: 0 },
    autoscaling: [],
    instanceType: "m5.large",
    spot: undefined,
    fallbacks: [],
    rootVolumeSize: 73,
    publicAddress: true,
    subnetId: "",
    ...changes,
  },
});

describe("the cost of a fleet", () => {
  it("counts an instance for 730 hours, its root volume and its public address", () => {
    const { fixed, monthly } = fleetCost(
      [instance("bastion", { instanceType: "t2.micro", associatePublicIpAddress: true })],
      [],
      "us-east-1",
    );
    expect(fixed).toEqual([
      { what: "bastion, t2.micro", basis: "730 h × $0.0116", monthly: 8.47 },
      { what: "bastion root volume", basis: "10 GB gp3 × $0.08", monthly: 0.8 },
      { what: "bastion public IPv4 address", basis: "730 h × $0.005", monthly: 3.65 },
    ]);
    expect(monthly).toBe(12.92);
  });

  it("leaves the address out where there is none", () => {
    const { fixed } = fleetCost(
      [instance("bastion", { instanceType: "t2.micro", associatePublicIpAddress: false })],
      [],
      "us-east-1",
    );
    expect(fixed.map(({ what }) => what)).toEqual(["bastion, t2.micro", "bastion root volume"]);
  });

  it("counts NAT gateways with their addresses, volumes, zones and parameters that do not fit the free tier", () => {
    const { fixed, monthly, usage } = fleetCost(
      [
        resource("aws:ec2/natGateway:NatGateway"),
        resource("aws:ec2/natGateway:NatGateway"),
        resource("aws:ec2/eip:Eip"),
        resource("aws:ec2/eip:Eip"),
        { ...resource("aws:ebs/volume:Volume", { size: 50, type: "gp3" }), name: "registry-mirror-data" },
        resource("aws:route53/zone:Zone"),
        resource("aws:s3/bucket:Bucket"),
        resource("aws:ssm/parameter:Parameter", { insecureValue: "x".repeat(4096) }),
        resource("aws:ssm/parameter:Parameter", { insecureValue: "x".repeat(4097) }),
        resource("aws:ssm/parameter:Parameter", { insecureValue: "x", tier: "Advanced" }),
      ],
      [],
      "us-east-1",
    );
    expect(fixed).toEqual([
      { what: "registry-mirror-data volume", basis: "50 GB gp3 × $0.08", monthly: 4 },
      { what: "NAT gateways", basis: "2 × 730 h × $0.045", monthly: 65.7 },
      { what: "NAT gateway addresses", basis: "2 × 730 h × $0.005", monthly: 7.3 },
      { what: "private DNS zone", basis: "1 × $0.5", monthly: 0.5 },
      { what: "advanced SSM parameters", basis: "2 × $0.05", monthly: 0.1 },
    ]);
    expect(monthly).toBe(77.6);
    expect(usage).toEqual([
      { what: "distributed cache", unit: "GB and month", price: 0.023 },
      { what: "traffic through a NAT gateway", unit: "GB", price: 0.045 },
    ]);
  });

  it("adds volume and address to a worker's hour, and the idle hours of a month", () => {
    const { workers, monthly } = fleetCost([], [runner({}, 168)], "us-east-1");
    expect(workers).toEqual([
      {
        runner: "default",
        instanceType: "m5.large",
        // 0.096 the instance, 73 GB × 0.08 / 730 h the volume, 0.005 the address
        hourly: 0.109,
        spot: false,
        fallbacks: [],
        idleHours: 730,
        idleMonthly: 79.57,
      },
    ]);
    expect(monthly).toBe(79.57);
  });

  it.each([
    { spot: {}, hourly: 0.096 },
    { spot: { maxPrice: 0.05 }, hourly: 0.05 },
    { spot: { maxPrice: 9 }, hourly: 0.096 },
  ])("takes a spot instance at its cap, which is never more than on demand: $spot", ({ spot, hourly }) => {
    const { workers } = fleetCost(
      [],
      [runner({ spot, publicAddress: false, rootVolumeSize: 0 })],
      "us-east-1",
    );
    expect(workers[0]).toMatchObject({ spot: true, hourly });
  });

  it("counts what is reported, watched, shown, logged and swept", () => {
    const metric = { metric: { metricName: "BastionReports" } };
    const { fixed, monthly, usage } = fleetCost(
      [
        resource("fleet:index:Bastion"),
        resource("fleet:index:RegistryMirror"),
        resource("aws:cloudwatch/metricAlarm:MetricAlarm", { metricName: "TokensRejected" }),
        resource("aws:cloudwatch/metricAlarm:MetricAlarm", {
          metricQueries: [{ id: "heard", expression: "FILL(reports, 0)" }, metric, metric],
        }),
        resource("aws:cloudwatch/dashboard:Dashboard"),
        { ...resource("aws:lambda/function:Function", { memorySize: 256 }), name: "sweep-function" },
        resource("aws:cloudwatch/logGroup:LogGroup"),
      ],
      [],
      "us-east-1",
    );
    expect(fixed).toEqual([
      { what: "CloudWatch metrics", basis: "14 × $0.3", monthly: 4.2 },
      { what: "CloudWatch reports", basis: "87600 × $0.00001", monthly: 0.88 },
      { what: "alarm metrics", basis: "3 × $0.1", monthly: 0.3 },
      { what: "dashboard", basis: "1 × $3", monthly: 3 },
      { what: "Lambda GB-seconds", basis: "10950 × $0.0000166667", monthly: 0.18 },
    ]);
    expect(monthly).toBe(8.56);
    expect(usage).toEqual([
      { what: "logs", unit: "GB", price: 0.5 },
      { what: "logs that are kept", unit: "GB and month", price: 0.03 },
    ]);
  });

  it("counts a fleet without a registry mirror", () => {
    const { fixed } = fleetCost([resource("fleet:index:Bastion")], [], "us-east-1");
    expect(fixed).toEqual([
      { what: "CloudWatch metrics", basis: "12 × $0.3", monthly: 3.6 },
      { what: "CloudWatch reports", basis: "43800 × $0.00001", monthly: 0.44 },
    ]);
  });

  it("tells the price of fallbacks, with the volume and the address of the first choice", () => {
    const fallbacks = [
      { instanceType: "m6i.large", spot: { maxPrice: 0.05 } },
      { instanceType: "m5.xlarge", spot: undefined },
    ];
    const cost = fleetCost([], [runner({ spot: {}, fallbacks }, 168)], "us-east-1");
    expect(cost.workers[0]?.fallbacks).toEqual([
      { instanceType: "m6i.large", hourly: 0.063, spot: true },
      { instanceType: "m5.xlarge", hourly: 0.205, spot: false },
    ]);
    expect(usageRows(cost)).toEqual([
      ["a machine of default, m5.large", "at most $0.1090 an hour"],
      ["a fallback of default, m6i.large", "at most $0.0630 an hour"],
      ["a fallback of default, m5.xlarge", "$0.2050 an hour"],
    ]);
    // Idle machines are counted as of the first choice.
    expect(cost.monthly).toBe(79.57);
  });

  it("says what it does not know instead of guessing", () => {
    const { fixed, workers, monthly, unknown } = fleetCost(
      [
        instance("bastion", { instanceType: "t2.micro" }),
        instance("registry-mirror", {
          instanceType: "x9.huge",
          rootBlockDevice: { volumeType: "io2", volumeSize: 5 },
        }),
      ],
      [runner({ instanceType: "x9.huge" }, 168), runner({ name: "other", instanceType: "x9.huge" })],
      "us-east-1",
    );
    expect(fixed.slice(2)).toEqual([
      { what: "registry-mirror, x9.huge", basis: "730 h × price unknown", monthly: undefined },
      { what: "registry-mirror root volume", basis: "5 GB io2 × price unknown", monthly: undefined },
    ]);
    expect(workers[0]).toMatchObject({ hourly: undefined, idleMonthly: undefined });
    expect(monthly).toBe(9.27);
    expect(unknown).toEqual([
      "registry-mirror, x9.huge",
      "registry-mirror root volume",
      "idle machines of default",
    ]);
  });

  it("knows of other regions only what costs the same everywhere", () => {
    const resources = [
      instance("bastion", { instanceType: "t2.micro", associatePublicIpAddress: true }),
      resource("aws:route53/zone:Zone"),
    ];
    const { monthly, unknown } = fleetCost(resources, [], "eu-north-1");
    expect(monthly).toBe(4.15);
    expect(unknown).toEqual(["bastion, t2.micro", "bastion root volume"]);
    expect(fleetCost(resources, [], "cn-north-1").monthly).toBe(0);
  });

  it("is said in words", () => {
    const cost = fleetCost(
      [instance("bastion", { instanceType: "t2.micro" }), resource("aws:s3/bucket:Bucket")],
      [runner({ spot: {} }, 168), runner({ name: "odd", instanceType: "x9.huge" }, 1)],
      "us-east-1",
    );
    expect(totalText(cost)).toBe("at least $88.84");
    expect(totalText({ ...cost, unknown: [] })).toBe("$88.84");
    expect(totalText({ ...cost, monthly: 0 })).toBe("unknown");
    expect(costRows(cost)).toEqual([
      ["bastion, t2.micro", "730 h × $0.0116", "$8.47"],
      ["bastion root volume", "10 GB gp3 × $0.08", "$0.80"],
      ["idle machines of default", "730.0 h × at most $0.1090", "$79.57"],
      ["idle machines of odd", "4.3 h × price unknown", "unknown"],
    ]);
    expect(usageRows(cost)).toEqual([
      ["a machine of default, m5.large", "at most $0.1090 an hour"],
      ["a machine of odd, x9.huge", "unknown"],
      ["distributed cache", "$0.0230 a GB and month"],
    ]);
  });
});
