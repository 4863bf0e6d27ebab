import { policyJson, type Statement } from "./iam";

/** Lets Lambda take a role. */
export const lambdaMayAssume: string = policyJson({
  Sid: "LambdaMayAssume",
  Effect: "Allow",
  Principal: { Service: "lambda.amazonaws.com" },
  Action: "sts:AssumeRole",
});

/** What the sweep may touch. */
export interface SweepScope {
  /** `aws`, `aws-cn`, … */
  partition: string;
  region: string;
  accountId: string;
  fleetId: string;
  /** ARN of the workers' instance profile: it marks an instance as this fleet's. */
  workerProfileArn: string;
  /** Log group with the bastions' reports. */
  bastionLogGroupName: string;
  /** SSM parameter that tells bastions to drain. */
  drainParameterName: string;
  /** The function's own log group. */
  logGroupName: string;
  /** Some runner asks for spot instances. */
  spot: boolean;
}

/**
 * The calls that the sweep makes, each on this fleet's own things. One cannot be limited to them: a spot request has no tag and no
 * other mark that a policy could ask for, because docker-machine makes it through RunInstances; the code compares its instance profile.
 */
export function sweepStatements(scope: SweepScope): Statement[] {
  const { partition, region, accountId, fleetId } = scope;
  const arn = (service: string, resource: string) =>
    `arn:${partition}:${service}:${region}:${accountId}:${resource}`;
  const streams = (group: string, stream: string) => arn("logs", `log-group:${group}:log-stream:${stream}`);
  return [
    {
      // These calls know no narrower resource.
      Sid: "Look",
      Effect: "Allow",
      Action: [
        "autoscaling:DescribeAutoScalingGroups",
        "ec2:DescribeInstances",
        "ec2:DescribeKeyPairs",
        ...(scope.spot ? ["ec2:DescribeSpotInstanceRequests"] : []),
        "events:ListRuleNamesByTarget",
      ],
      Resource: "*",
    },
    {
      Sid: "TerminateWorkers",
      Effect: "Allow",
      Action: "ec2:TerminateInstances",
      Resource: arn("ec2", "instance/*"),
      Condition: { ArnEquals: { "ec2:InstanceProfile": scope.workerProfileArn } },
    },
    {
      Sid: "DeleteKeyPairs",
      Effect: "Allow",
      Action: "ec2:DeleteKeyPair",
      Resource: arn("ec2", `key-pair/runner-*-${fleetId}-*`),
    },
    ...(scope.spot
      ? ([
          {
            Sid: "CancelSpotRequests",
            Effect: "Allow",
            Action: "ec2:CancelSpotInstanceRequests",
            Resource: arn("ec2", "spot-instances-request/*"),
          },
        ] satisfies Statement[])
      : []),
    {
      Sid: "ReadReports",
      Effect: "Allow",
      Action: "logs:GetLogEvents",
      Resource: streams(scope.bastionLogGroupName, "*.report"),
    },
    {
      Sid: "OrderDrain",
      Effect: "Allow",
      Action: ["ssm:GetParameter", "ssm:PutParameter"],
      Resource: arn("ssm", `parameter${scope.drainParameterName}`),
    },
    {
      Sid: "EmptyBastionGroups",
      Effect: "Allow",
      Action: "autoscaling:UpdateAutoScalingGroup",
      Resource: arn("autoscaling", "autoScalingGroup:*:autoScalingGroupName/*"),
      Condition: { StringEquals: { "autoscaling:ResourceTag/fleet-id": fleetId } },
    },
    {
      Sid: "WriteOwnLog",
      Effect: "Allow",
      Action: ["logs:CreateLogStream", "logs:PutLogEvents"],
      Resource: streams(scope.logGroupName, "*"),
    },
  ];
}
