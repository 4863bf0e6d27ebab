/** One statement of an IAM policy. */
export interface Statement {
  Sid: string;
  Effect: "Allow" | "Deny";
  Principal?: "*" | { Service: string };
  Action: string | string[];
  Resource?: string | string[];
  Condition?: Record<string, Record<string, string | string[]>>;
}

/** An IAM policy as AWS takes it. */
export interface PolicyDocument {
  Version: "2012-10-17";
  Statement: Statement[];
}

/** A policy document as JSON text. */
export function policyJson(...statements: Statement[]): string {
  const document: PolicyDocument = { Version: "2012-10-17", Statement: statements };
  return JSON.stringify(document);
}

/** Lets EC2 instances take a role. */
export const ec2MayAssume: string = policyJson({
  Sid: "Ec2MayAssume",
  Effect: "Allow",
  Principal: { Service: "ec2.amazonaws.com" },
  Action: "sts:AssumeRole",
});

/** What docker-machine may work with: the fleet's own network, group, role and images. */
export interface DockerMachineScope {
  /** `aws`, `aws-cn`, … */
  partition: string;
  region: string;
  accountId: string;
  /** The tag `fleet-id`, which is in the name of every machine. */
  fleetId: string;
  subnetIds: string[];
  securityGroupId: string;
  imageIds: string[];
  /** Of all workers, fallbacks included. */
  instanceTypes: string[];
  /** ARN of the workers' instance profile: it marks an instance as this fleet's. */
  instanceProfileArn: string;
  workerRoleArn: string;
  /** Some runner asks for spot instances, if only as a fallback. */
  spot: boolean;
}

/**
 * The calls that docker-machine's amazonec2 driver makes, each on this fleet's own things.
 * @see https://gitlab.com/gitlab-org/ci-cd/docker-machine/-/blob/main/drivers/amazonec2/amazonec2.go
 */
export function dockerMachineStatements(scope: DockerMachineScope): Statement[] {
  const { partition, region, accountId } = scope;
  const ec2 = (resource: string, owner = accountId) => `arn:${partition}:ec2:${region}:${owner}:${resource}`;
  const keyPairs = ec2(`key-pair/runner-*-${scope.fleetId}-*`);
  const isOurs = { ArnEquals: { "ec2:InstanceProfile": scope.instanceProfileArn } };
  const spotRole = `arn:${partition}:iam::${accountId}:role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot`;

  return [
    {
      // Before and after RunInstances: DescribeSubnets, DescribeKeyPairs, DescribeSecurityGroups; then DescribeInstances until it
      // runs. These calls know no narrower resource.
      Sid: "DescribeMachines",
      Effect: "Allow",
      Action: [
        "ec2:DescribeInstances",
        "ec2:DescribeKeyPairs",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeSubnets",
      ],
      Resource: "*",
    },
    {
      // `create` imports a key pair with the machine's name, `rm` deletes it. Machines are called
      // runner-<of the token>-<fleet's id>-<name in the stack file>.
      Sid: "MachineKeyPairs",
      Effect: "Allow",
      Action: ["ec2:DeleteKeyPair", "ec2:ImportKeyPair"],
      Resource: keyPairs,
    },
    {
      // RunInstances: only with the fleet's profile, its instance types and IMDSv2.
      Sid: "RunFleetInstances",
      Effect: "Allow",
      Action: "ec2:RunInstances",
      Resource: ec2("instance/*"),
      Condition: {
        ...isOurs,
        StringEquals: { "ec2:InstanceType": scope.instanceTypes, "ec2:MetadataHttpTokens": "required" },
      },
    },
    {
      // RunInstances makes the root volume: encrypted, or not at all.
      Sid: "RunWithEncryptedVolumes",
      Effect: "Allow",
      Action: "ec2:RunInstances",
      Resource: ec2("volume/*"),
      Condition: { Bool: { "ec2:Encrypted": "true" } },
    },
    {
      // What else RunInstances touches.
      Sid: "RunInFleetNetwork",
      Effect: "Allow",
      Action: "ec2:RunInstances",
      Resource: [
        ...scope.imageIds.map((id) => ec2(`image/${id}`, "")),
        keyPairs,
        ec2("network-interface/*"),
        ec2(`security-group/${scope.securityGroupId}`),
        ...scope.subnetIds.map((id) => ec2(`subnet/${id}`)),
        ...(scope.spot ? [ec2("spot-instances-request/*")] : []),
      ],
    },
    {
      // RunInstances tags what it makes when it is not asked for a spot instance.
      Sid: "TagAtLaunch",
      Effect: "Allow",
      Action: "ec2:CreateTags",
      Resource: [ec2("instance/*"), ec2("network-interface/*"), ec2("volume/*")],
      Condition: { StringEquals: { "ec2:CreateAction": "RunInstances" } },
    },
    ...(scope.spot
      ? ([
          {
            // A spot instance is tagged by a call of its own after RunInstances.
            Sid: "TagSpotInstances",
            Effect: "Allow",
            Action: "ec2:CreateTags",
            Resource: ec2("instance/*"),
            Condition: isOurs,
          },
          {
            // EC2 makes this role on an account's first spot request, in the name of whoever asks.
            Sid: "FirstSpotRequest",
            Effect: "Allow",
            Action: "iam:CreateServiceLinkedRole",
            Resource: spotRole,
            Condition: { StringEquals: { "iam:AWSServiceName": "spot.amazonaws.com" } },
          },
        ] satisfies Statement[])
      : []),
    {
      // `stop` and `rm`.
      Sid: "RemoveFleetInstances",
      Effect: "Allow",
      Action: ["ec2:StopInstances", "ec2:TerminateInstances"],
      Resource: ec2("instance/*"),
      Condition: isOurs,
    },
    {
      // RunInstances hands the workers' role to EC2.
      Sid: "PassWorkerRole",
      Effect: "Allow",
      Action: "iam:PassRole",
      Resource: scope.workerRoleArn,
      Condition: { StringEquals: { "iam:PassedToService": "ec2.amazonaws.com" } },
    },
  ];
}

/**
 * What GitLab Runner does with the distributed cache: it signs a GET, a HEAD and a PUT of one object, on the bastion; jobs use
 * the signed addresses. Without ListBucket a missing object is 403 instead of 404.
 * @see https://docs.gitlab.com/runner/configuration/advanced-configuration/#the-runnerscaches3-section
 */
export function cacheStatements(bucketArn: string): Statement[] {
  return [
    {
      Sid: "CacheObjects",
      Effect: "Allow",
      Action: ["s3:GetObject", "s3:PutObject"],
      Resource: `${bucketArn}/*`,
    },
    { Sid: "CacheMisses", Effect: "Allow", Action: "s3:ListBucket", Resource: bucketArn },
  ];
}

/** The bucket answers over TLS only. */
export function tlsOnlyStatement(bucketArn: string): Statement {
  return {
    Sid: "TlsOnly",
    Effect: "Deny",
    Principal: "*",
    Action: "s3:*",
    Resource: [bucketArn, `${bucketArn}/*`],
    Condition: { Bool: { "aws:SecureTransport": "false" } },
  };
}

/**
 * Through the VPC's S3 endpoint: read anything (package mirrors, image layers), write to buckets of the accounts given only, so
 * that a job cannot carry data to a stranger's bucket.
 * @see https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-s3.html
 */
export function s3EndpointStatements(writableAccounts: string[]): Statement[] {
  return [
    {
      Sid: "ReadAnything",
      Effect: "Allow",
      Principal: "*",
      Action: ["s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:GetBucketLocation"],
      Resource: "*",
    },
    {
      Sid: "WriteToOwnAccounts",
      Effect: "Allow",
      Principal: "*",
      Action: "s3:*",
      Resource: "*",
      Condition: { StringEquals: { "aws:ResourceAccount": writableAccounts } },
    },
  ];
}

/**
 * A machine reads all parameters below its own path, decrypted. SecureStrings use the key `aws/ssm`, which needs no further
 * permission within the account.
 * @see https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-access.html
 */
export function readParametersStatement(scope: {
  partition: string;
  region: string;
  accountId: string;
  /** E.g. `/gitlab-runner-fleet/dev/bastion`. */
  path: string;
}): Statement {
  const arn = `arn:${scope.partition}:ssm:${scope.region}:${scope.accountId}:parameter${scope.path}`;
  return {
    Sid: "ReadOwnParameters",
    Effect: "Allow",
    Action: "ssm:GetParametersByPath",
    Resource: [arn, `${arn}/*`],
  };
}

/** Namespace of the metrics that the fleet's machines report. */
export const metricNamespace = "GitLabRunnerFleet";

/**
 * A machine writes to its own log group, which is there already, and reports metrics, which have no resource to name.
 * @see https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html
 */
export function reportStatements(scope: {
  partition: string;
  region: string;
  accountId: string;
  logGroupName: string;
}): Statement[] {
  const { partition, region, accountId, logGroupName } = scope;
  return [
    {
      Sid: "WriteOwnLogs",
      Effect: "Allow",
      Action: ["logs:CreateLogStream", "logs:PutLogEvents"],
      Resource: `arn:${partition}:logs:${region}:${accountId}:log-group:${logGroupName}:*`,
    },
    {
      Sid: "ReportMetrics",
      Effect: "Allow",
      Action: "cloudwatch:PutMetricData",
      Resource: "*",
      Condition: { StringEquals: { "cloudwatch:namespace": metricNamespace } },
    },
  ];
}

/**
 * What Session Manager needs for a shell without an open port. AWS's own AmazonSSMManagedInstanceCore would also let the machine
 * read every parameter of the account.
 * @see https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-create-iam-instance-profile.html
 */
export const sessionManagerStatement: Statement = {
  Sid: "SessionManager",
  Effect: "Allow",
  Action: [
    "ssm:UpdateInstanceInformation",
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
  ],
  Resource: "*",
};
