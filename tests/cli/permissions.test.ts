import { listPermissions, managedPolicies, permissionDocuments } from "../../cli/permissions";
import type { Plain, PlannedResource } from "../../cli/resources";

const policy = (...Statement: Plain[]): string => JSON.stringify({ Version: "2012-10-17", Statement });

const allow = policy({ Sid: "ReadCache", Effect: "Allow", Action: "s3:GetObject", Resource: "*" });

const resource = (type: string, name: string, inputs: PlannedResource["inputs"]): PlannedResource => ({
  type,
  name,
  inputs,
});

describe("the permissions", () => {
  it("are for every role and user that a policy is attached to", () => {
    const documents = permissionDocuments([
      resource("aws:iam/policy:Policy", "cache", { policy: allow }),
      resource("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "a", {
        role: "<bastion.name>",
        policyArn: "<cache.arn>",
      }),
      resource("aws:iam/userPolicyAttachment:UserPolicyAttachment", "b", {
        user: "ci",
        policyArn: "<cache.arn>",
      }),
    ]);
    expect(documents).toMatchObject([
      { file: "cache", kind: "permissions", who: ["role bastion", "user ci"] },
    ]);
  });

  it("of a policy that is attached to nothing are nobody's yet", () => {
    const [document] = permissionDocuments([resource("aws:iam/policy:Policy", "cache", { policy: allow })]);
    expect(document?.who).toEqual(["nobody yet"]);
  });

  it("include inline policies, who may take a role, and what a bucket and an endpoint let through", () => {
    const documents = permissionDocuments([
      resource("aws:iam/rolePolicy:RolePolicy", "d-inline", { role: "<bastion.name>", policy: allow }),
      resource("aws:iam/role:Role", "c-role", { assumeRolePolicy: allow }),
      resource("aws:s3/bucketPolicy:BucketPolicy", "b-tls", { bucket: "<cache.bucket>", policy: allow }),
      resource("aws:ec2/vpcEndpoint:VpcEndpoint", "a-s3", { policy: allow }),
    ]);
    expect(documents.map(({ file, kind, who }) => [file, kind, ...who])).toEqual([
      ["a-s3", "resource", "endpoint a-s3"],
      ["b-tls", "resource", "bucket cache"],
      ["c-role", "trust", "role c-role"],
      ["d-inline", "permissions", "role bastion"],
    ]);
  });

  it("are readable: a statement's name in words, who, conditions", () => {
    const statement = {
      Sid: "RunFleetInstances",
      Effect: "Allow",
      Principal: { Service: "ec2.amazonaws.com" },
      Action: ["ec2:RunInstances", "ec2:CreateTags"],
      Resource: ["a", "b"],
      Condition: {
        StringEquals: { "ec2:MetadataHttpTokens": "required" },
        ArnLike: { "ec2:InstanceProfile": ["x", "y"] },
        Bool: { "ec2:Encrypted": true },
        Null: { "aws:RequestTag": "false" },
      },
    };
    expect(
      listPermissions([resource("aws:iam/role:Role", "role", { assumeRolePolicy: policy(statement) })]),
    ).toEqual([
      {
        who: "role role",
        kind: "trust",
        effect: "Allow",
        purpose: "Run fleet instances",
        principals: ["ec2.amazonaws.com"],
        actions: ["ec2:RunInstances", "ec2:CreateTags"],
        resources: ["a", "b"],
        conditions: [
          "ec2:MetadataHttpTokens is required",
          "ec2:InstanceProfile is like x or y",
          "ec2:Encrypted is true",
          "aws:RequestTag Null false",
        ],
        file: "role",
      },
    ]);
  });

  it("include AWS's own policies", () => {
    const attachment = resource("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "a", {
      role: "<bastion.name>",
      policyArn: "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore",
    });
    expect(managedPolicies([attachment])).toEqual([
      { who: "role bastion", arn: "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore" },
    ]);
  });

  it("have a file each, or the plan stops", () => {
    const twice = [
      resource("aws:iam/policy:Policy", "same", { policy: allow }),
      resource("aws:iam/rolePolicy:RolePolicy", "same", { role: "r", policy: allow }),
    ];
    expect(() => permissionDocuments(twice)).toThrow("two policies are called same");
  });
});
