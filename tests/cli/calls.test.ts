import { answerCall } from "../../cli/calls";

describe("a question to AWS", () => {
  it("for an Ubuntu image is answered by its release and architecture", () => {
    const name = "/aws/service/canonical/ubuntu/server/24.04/stable/current/arm64/hvm/ebs-gp3/ami-id";
    expect(answerCall("aws:ssm/getParameter:getParameter", { name }, "eu-west-1")).toMatchObject({
      value: "<ubuntu-24.04-arm64>",
      insecureValue: "<ubuntu-24.04-arm64>",
    });
  });

  it("for another parameter is answered by its name", () => {
    expect(
      answerCall("aws:ssm/getParameter:getParameter", { name: "/own/image" }, "eu-west-1"),
    ).toMatchObject({
      insecureValue: "</own/image>",
    });
  });

  it("for the account is answered by its name", () => {
    expect(answerCall("aws:index/getCallerIdentity:getCallerIdentity", {}, "eu-west-1")).toMatchObject({
      accountId: "<account>",
    });
  });

  it.each([
    { region: "eu-west-1", partition: "aws", dnsSuffix: "amazonaws.com" },
    { region: "cn-north-1", partition: "aws-cn", dnsSuffix: "amazonaws.com.cn" },
    { region: "us-gov-east-1", partition: "aws-us-gov", dnsSuffix: "amazonaws.com" },
  ])("for the partition is answered from the region: $region", ({ region, partition, dnsSuffix }) => {
    expect(answerCall("aws:index/getPartition:getPartition", {}, region)).toMatchObject({
      partition,
      dnsSuffix,
    });
  });

  it("for a subnet's zone is answered by a question mark in place of its letter", () => {
    expect(answerCall("aws:ec2/getSubnet:getSubnet", { id: "subnet-1" }, "eu-west-1")).toEqual({
      id: "subnet-1",
      availabilityZone: "eu-west-1?",
    });
  });

  it("for a group's instances is answered by the one that it runs", () => {
    const instanceTags = { "aws:autoscaling:groupName": "<bastion-group.name>" };
    expect(answerCall("aws:ec2/getInstances:getInstances", { instanceTags }, "eu-west-1")).toEqual({
      instanceTags,
      ids: ["<bastion-group.instanceId>"],
    });
  });

  it("that nobody foresaw stops the plan", () => {
    expect(() => answerCall("aws:ec2/getVpc:getVpc", {}, "eu-west-1")).toThrow(
      "the plan has no answer to aws:ec2/getVpc:getVpc: add one to cli/calls.ts",
    );
  });
});
