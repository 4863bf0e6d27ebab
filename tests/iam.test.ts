import {
  cacheStatements,
  dockerMachineStatements,
  ec2MayAssume,
  readParametersStatement,
  reportStatements,
  s3EndpointStatements,
  sessionManagerStatement,
  tlsOnlyStatement,
} from "../components/iam";

const scope = {
  partition: "aws",
  region: "eu-west-1",
  accountId: "123456789012",
  subnetIds: ["subnet-1"],
  securityGroupId: "sg-1",
  imageIds: ["ami-1", "ami-2"],
  instanceTypes: ["m6i.large"],
  instanceProfileArn: "arn:aws:iam::123456789012:instance-profile/workers",
  workerRoleArn: "arn:aws:iam::123456789012:role/workers",
  spot: false,
};
const ec2 = "arn:aws:ec2:eu-west-1:123456789012";
const ours = { ArnEquals: { "ec2:InstanceProfile": scope.instanceProfileArn } };

const describeMachines = {
  Sid: "DescribeMachines",
  Effect: "Allow",
  Action: [
    "ec2:DescribeInstances",
    "ec2:DescribeKeyPairs",
    "ec2:DescribeSecurityGroups",
    "ec2:DescribeSubnets",
  ],
  Resource: "*",
};
const keyPairs = {
  Sid: "MachineKeyPairs",
  Effect: "Allow",
  Action: ["ec2:DeleteKeyPair", "ec2:ImportKeyPair"],
  Resource: `${ec2}:key-pair/runner-*`,
};
const runInstances = {
  Sid: "RunFleetInstances",
  Effect: "Allow",
  Action: "ec2:RunInstances",
  Resource: `${ec2}:instance/*`,
  Condition: {
    ...ours,
    StringEquals: { "ec2:InstanceType": ["m6i.large"], "ec2:MetadataHttpTokens": "required" },
  },
};
const encryptedVolumes = {
  Sid: "RunWithEncryptedVolumes",
  Effect: "Allow",
  Action: "ec2:RunInstances",
  Resource: `${ec2}:volume/*`,
  Condition: { Bool: { "ec2:Encrypted": "true" } },
};
const inNetwork = (...more: string[]) => ({
  Sid: "RunInFleetNetwork",
  Effect: "Allow",
  Action: "ec2:RunInstances",
  Resource: [
    "arn:aws:ec2:eu-west-1::image/ami-1",
    "arn:aws:ec2:eu-west-1::image/ami-2",
    `${ec2}:key-pair/runner-*`,
    `${ec2}:network-interface/*`,
    `${ec2}:security-group/sg-1`,
    `${ec2}:subnet/subnet-1`,
    ...more,
  ],
});
const tagAtLaunch = {
  Sid: "TagAtLaunch",
  Effect: "Allow",
  Action: "ec2:CreateTags",
  Resource: [`${ec2}:instance/*`, `${ec2}:network-interface/*`, `${ec2}:volume/*`],
  Condition: { StringEquals: { "ec2:CreateAction": "RunInstances" } },
};
const remove = {
  Sid: "RemoveFleetInstances",
  Effect: "Allow",
  Action: ["ec2:StopInstances", "ec2:TerminateInstances"],
  Resource: `${ec2}:instance/*`,
  Condition: ours,
};
const passRole = {
  Sid: "PassWorkerRole",
  Effect: "Allow",
  Action: "iam:PassRole",
  Resource: scope.workerRoleArn,
  Condition: { StringEquals: { "iam:PassedToService": "ec2.amazonaws.com" } },
};

describe("the fleet's policy", () => {
  it("allows the calls of docker-machine for on-demand machines, each on the fleet's own things", () => {
    expect(dockerMachineStatements(scope)).toEqual([
      describeMachines,
      keyPairs,
      runInstances,
      encryptedVolumes,
      inNetwork(),
      tagAtLaunch,
      remove,
      passRole,
    ]);
  });

  it("allows for spot machines to tag them after launch, and the account's first spot request", () => {
    expect(dockerMachineStatements({ ...scope, spot: true })).toEqual([
      describeMachines,
      keyPairs,
      runInstances,
      encryptedVolumes,
      inNetwork(`${ec2}:spot-instances-request/*`),
      tagAtLaunch,
      {
        Sid: "TagSpotInstances",
        Effect: "Allow",
        Action: "ec2:CreateTags",
        Resource: `${ec2}:instance/*`,
        Condition: ours,
      },
      {
        Sid: "FirstSpotRequest",
        Effect: "Allow",
        Action: "iam:CreateServiceLinkedRole",
        Resource:
          "arn:aws:iam::123456789012:role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot",
        Condition: { StringEquals: { "iam:AWSServiceName": "spot.amazonaws.com" } },
      },
      remove,
      passRole,
    ]);
  });

  it("names the partition of the region", () => {
    const text = JSON.stringify(
      dockerMachineStatements({ ...scope, partition: "aws-cn", region: "cn-north-1" }),
    );
    expect(text).toContain("arn:aws-cn:ec2:cn-north-1:123456789012:instance/*");
    expect(text).not.toContain("arn:aws:ec2");
  });
});

describe("the cache's policy", () => {
  it("allows to read and write objects, and to see that one is missing", () => {
    expect(cacheStatements("arn:aws:s3:::cache")).toEqual([
      {
        Sid: "CacheObjects",
        Effect: "Allow",
        Action: ["s3:GetObject", "s3:PutObject"],
        Resource: "arn:aws:s3:::cache/*",
      },
      { Sid: "CacheMisses", Effect: "Allow", Action: "s3:ListBucket", Resource: "arn:aws:s3:::cache" },
    ]);
  });

  it("refuses everyone without TLS", () => {
    expect(tlsOnlyStatement("arn:aws:s3:::cache")).toEqual({
      Sid: "TlsOnly",
      Effect: "Deny",
      Principal: "*",
      Action: "s3:*",
      Resource: ["arn:aws:s3:::cache", "arn:aws:s3:::cache/*"],
      Condition: { Bool: { "aws:SecureTransport": "false" } },
    });
  });
});

describe("the S3 endpoint's policy", () => {
  it("lets anything be read, and only buckets of the accounts given be written", () => {
    expect(s3EndpointStatements(["123456789012", "210987654321"])).toEqual([
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
        Condition: { StringEquals: { "aws:ResourceAccount": ["123456789012", "210987654321"] } },
      },
    ]);
  });
});

describe("a machine's own policy", () => {
  it("allows to read the parameters below its path, and no others", () => {
    expect(readParametersStatement({ ...scope, path: "/gitlab-runner-fleet/dev/bastion" })).toEqual({
      Sid: "ReadOwnParameters",
      Effect: "Allow",
      Action: "ssm:GetParametersByPath",
      Resource: [
        "arn:aws:ssm:eu-west-1:123456789012:parameter/gitlab-runner-fleet/dev/bastion",
        "arn:aws:ssm:eu-west-1:123456789012:parameter/gitlab-runner-fleet/dev/bastion/*",
      ],
    });
  });

  it("allows to write to its log group, and to report metrics of the fleet's namespace", () => {
    expect(reportStatements({ ...scope, logGroupName: "/gitlab-runner-fleet/dev/bastion" })).toEqual([
      {
        Sid: "WriteOwnLogs",
        Effect: "Allow",
        Action: ["logs:CreateLogStream", "logs:PutLogEvents"],
        Resource: "arn:aws:logs:eu-west-1:123456789012:log-group:/gitlab-runner-fleet/dev/bastion:*",
      },
      {
        Sid: "ReportMetrics",
        Effect: "Allow",
        Action: "cloudwatch:PutMetricData",
        Resource: "*",
        Condition: { StringEquals: { "cloudwatch:namespace": "GitLabRunnerFleet" } },
      },
    ]);
  });

  it("allows what a Session Manager shell needs, and nothing of the parameter store", () => {
    expect(sessionManagerStatement).toEqual({
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
    });
  });

  it("may be taken by EC2 only", () => {
    expect(JSON.parse(ec2MayAssume)).toEqual({
      Version: "2012-10-17",
      Statement: [
        {
          Sid: "Ec2MayAssume",
          Effect: "Allow",
          Principal: { Service: "ec2.amazonaws.com" },
          Action: "sts:AssumeRole",
        },
      ],
    });
  });
});
