import type { ApiCall } from "./docker-machine";
import type { AccessRequest } from "./policy-simulator";

/** Where the calls are made, and what AWS knows that they do not say. */
export interface CallScope {
  region: string;
  accountId: string;
  /** ARN of the role in an instance profile, by the profile's name. */
  roleArns: Record<string, string>;
  /** ARN of an instance's profile, by the instance's id. */
  profileArns: Record<string, string>;
}

/**
 * What AWS asks the caller's policies about for one of docker-machine's calls.
 * @see https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
 */
export function accessRequests(call: ApiCall, scope: CallScope): AccessRequest[] {
  const { action, parameters } = call;
  const ec2 = (resource: string, owner = scope.accountId) =>
    `arn:aws:ec2:${scope.region}:${owner}:${resource}`;
  const instance = (id: string): AccessRequest => ({
    action,
    resource: ec2(`instance/${id}`),
    context: { "ec2:InstanceProfile": scope.profileArns[id] ?? "" },
  });
  switch (action) {
    case "ec2:DescribeInstances":
    case "ec2:DescribeKeyPairs":
    case "ec2:DescribeSecurityGroups":
    case "ec2:DescribeSubnets":
      return [{ action, resource: "*" }];
    case "ec2:ImportKeyPair":
    case "ec2:DeleteKeyPair":
      return [{ action, resource: ec2(`key-pair/${parameters["KeyName"] ?? ""}`) }];
    case "ec2:StopInstances":
    case "ec2:TerminateInstances":
      return values(parameters, /^InstanceId\.\d+$/).map(instance);
    case "ec2:CreateTags":
      return values(parameters, /^ResourceId\.\d+$/).map(instance);
    case "ec2:RunInstances":
      return runInstances(parameters, ec2, scope);
    default:
      throw new Error(`docker-machine is not known to call ${action}`);
  }
}

function runInstances(
  parameters: Record<string, string>,
  ec2: (resource: string, owner?: string) => string,
  { accountId, roleArns }: CallScope,
): AccessRequest[] {
  const action = "ec2:RunInstances";
  const profile = parameters["IamInstanceProfile.Name"];
  const context = (keys: Record<string, string | undefined>) =>
    Object.fromEntries(Object.entries(keys).filter((key): key is [string, string] => key[1] !== undefined));
  const made = (kind: string, keys: Record<string, string | undefined>): AccessRequest => ({
    action,
    resource: ec2(`${kind}/${newId}`),
    context: context(keys),
  });
  const used = (kind: string, pattern: RegExp, owner?: string): AccessRequest[] =>
    values(parameters, pattern).map((id) => ({ action, resource: ec2(`${kind}/${id}`, owner) }));

  return [
    made("instance", {
      "ec2:InstanceType": parameters["InstanceType"],
      "ec2:MetadataHttpTokens": parameters["MetadataOptions.HttpTokens"],
      "ec2:MetadataHttpPutResponseHopLimit": parameters["MetadataOptions.HttpPutResponseHopLimit"],
      "ec2:InstanceProfile": profile && `arn:aws:iam::${accountId}:instance-profile/${profile}`,
    }),
    made("network-interface", {}),
    ...(parameters["InstanceMarketOptions.MarketType"] === "spot"
      ? [made("spot-instances-request", {})]
      : []),
    ...values(parameters, /^BlockDeviceMapping\.\d+\.DeviceName$/).map((_, i) => {
      const volume = `BlockDeviceMapping.${i + 1}.Ebs`;
      return made("volume", {
        "ec2:Encrypted": parameters[`${volume}.Encrypted`] ?? "false",
        "ec2:VolumeSize": parameters[`${volume}.VolumeSize`],
        "ec2:VolumeType": parameters[`${volume}.VolumeType`],
      });
    }),
    ...used("snapshot", /^BlockDeviceMapping\.\d+\.Ebs\.SnapshotId$/, ""),
    ...used("launch-template", /^LaunchTemplate\.LaunchTemplateId$/),
    ...used("image", /^ImageId$/, ""),
    ...used("key-pair", /^KeyName$/),
    ...used("subnet", /^NetworkInterface\.\d+\.SubnetId$/),
    ...used("security-group", /^NetworkInterface\.\d+\.SecurityGroupId\.\d+$/),
    ...values(parameters, /^TagSpecification\.\d+\.ResourceType$/).map((kind) => ({
      action: "ec2:CreateTags",
      resource: ec2(`${kind}/${newId}`),
      context: { "ec2:CreateAction": "RunInstances" },
    })),
    ...(profile === undefined
      ? []
      : [
          {
            action: "iam:PassRole",
            resource: roleArns[profile] ?? "",
            context: { "iam:PassedToService": "ec2.amazonaws.com" },
          },
        ]),
  ];
}

/** Stands for the id of what is about to be made. */
const newId = "new";

function values(parameters: Record<string, string>, pattern: RegExp): string[] {
  return Object.entries(parameters)
    .filter(([name]) => pattern.test(name))
    .map(([, value]) => value);
}
