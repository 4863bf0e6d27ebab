/** Prices of one region, in USD, without tax, for Linux on demand. What is absent is unknown. */
export interface RegionPrices {
  /** An hour of an instance type. */
  instanceHour: Partial<Record<string, number>>;
  /** A GB and month of a gp3 volume with its included speed. */
  gp3GigabyteMonth: number;
  natGatewayHour: number;
  /** A GB through a NAT gateway. */
  natGatewayGigabyte?: number;
  /** An hour of a public IPv4 address, in use or not. */
  publicAddressHour: number;
  /** A GB and month of S3 Standard, of the first 50 TB. */
  s3GigabyteMonth: number;
  /** A month of an SSM parameter of the advanced tier. */
  advancedParameterMonth?: number;
  /** A month of a hosted zone, of the first 25. */
  hostedZoneMonth: number;
  /** A month of a metric of one's own in CloudWatch, of the first 10,000. */
  customMetricMonth: number;
  /** A month of a metric that an alarm watches. */
  alarmMetricMonth: number;
  dashboardMonth: number;
  /** A call of PutMetricData. */
  metricRequest: number;
  /** A GB of logs, when it is written. */
  logGigabyte: number;
  /** A GB and month of logs that are kept; they are compressed. */
  logGigabyteMonth: number;
  /** A GB of memory for a second, on x86. */
  lambdaGigabyteSecond: number;
}

/** When the prices were read. */
export const pricesAsOf = "2026-10-04";

/** Where the prices come from. */
export const pricesSource =
  "AWS Price List: instances as published by skypilot-org/skypilot-catalog (catalogs/v9/aws/vms.csv, 2026) and " +
  "aws/karpenter-provider-aws (2026-01-19); volumes, addresses, NAT gateways, S3 and Route 53 as of July to October 2026; " +
  "advanced SSM parameters as in infracost's tests; CloudWatch and Lambda as on aws.amazon.com/cloudwatch/pricing and " +
  "aws.amazon.com/lambda/pricing, logs in other regions than us-east-1 are estimates, 2026";

const types = [
  ...["t2.micro", "t3.micro", "t3.small", "t3.medium", "t3.large", "t3a.small"],
  ...["t4g.micro", "t4g.small", "t4g.medium"],
  ...["m4.2xlarge", "m5.large", "m5.xlarge", "m5.2xlarge", "m6i.large", "m6i.xlarge", "m7g.large"],
  ...["c5.large", "c5.xlarge", "c6i.large", "c6i.xlarge", "c7i.large", "c7g.large"],
];

/** Prices of an hour, in the order of `types`. */
const hours = (...prices: number[]): Partial<Record<string, number>> =>
  Object.fromEntries(types.map((type, i) => [type, prices[i]]));

/** The same in every region but China's and the government's. */
const everywhere = {
  publicAddressHour: 0.005,
  hostedZoneMonth: 0.5,
  customMetricMonth: 0.3,
  alarmMetricMonth: 0.1,
  dashboardMonth: 3,
  metricRequest: 0.00001,
  lambdaGigabyteSecond: 0.0000166667,
};

const unitedStates = {
  ...everywhere,
  instanceHour: hours(
    ...[0.0116, 0.0104, 0.0208, 0.0416, 0.0832, 0.0188],
    ...[0.0084, 0.0168, 0.0336],
    ...[0.4, 0.096, 0.192, 0.384, 0.096, 0.192, 0.0816],
    ...[0.085, 0.17, 0.085, 0.17, 0.08925, 0.0725],
  ),
  gp3GigabyteMonth: 0.08,
  logGigabyte: 0.5,
  logGigabyteMonth: 0.03,
  natGatewayHour: 0.045,
  s3GigabyteMonth: 0.023,
};

const regions: Partial<Record<string, RegionPrices>> = {
  "us-east-1": { ...unitedStates, natGatewayGigabyte: 0.045, advancedParameterMonth: 0.05 },
  "us-west-2": unitedStates,
  "eu-west-1": {
    ...everywhere,
    instanceHour: hours(
      ...[0.0126, 0.0114, 0.0228, 0.0456, 0.0912, 0.0204],
      ...[0.0092, 0.0184, 0.0368],
      ...[0.444, 0.107, 0.214, 0.428, 0.107, 0.214, 0.091],
      ...[0.096, 0.192, 0.0912, 0.1824, 0.09576, 0.0775],
    ),
    gp3GigabyteMonth: 0.088,
    logGigabyte: 0.57,
    logGigabyteMonth: 0.03,
    natGatewayHour: 0.048,
    natGatewayGigabyte: 0.048,
    s3GigabyteMonth: 0.023,
  },
  "eu-central-1": {
    ...everywhere,
    instanceHour: hours(
      ...[0.0134, 0.012, 0.024, 0.048, 0.096, 0.0216],
      ...[0.0096, 0.0192, 0.0384],
      ...[0.48, 0.115, 0.23, 0.46, 0.115, 0.23, 0.0978],
      ...[0.097, 0.194, 0.097, 0.194, 0.10185, 0.0825],
    ),
    gp3GigabyteMonth: 0.0952,
    logGigabyte: 0.63,
    logGigabyteMonth: 0.0324,
    natGatewayHour: 0.052,
    natGatewayGigabyte: 0.052,
    s3GigabyteMonth: 0.0245,
  },
};

/** Prices of a region, as far as they are known. */
export function pricesOf(region: string): Partial<RegionPrices> {
  return regions[region] ?? (/^(cn|us-gov)-/.test(region) ? {} : everywhere);
}
