import { textAt, type Plain } from "./resources";

/** AWS's partition of a region, and the host names in it. */
function partitionOf(region: string): { partition: string; dnsSuffix: string } {
  if (region.startsWith("cn-")) return { partition: "aws-cn", dnsSuffix: "amazonaws.com.cn" };
  if (region.startsWith("us-gov-")) return { partition: "aws-us-gov", dnsSuffix: "amazonaws.com" };
  return { partition: "aws", dnsSuffix: "amazonaws.com" };
}

/** The release and architecture in the name of Canonical's parameter for an image, or the name itself. */
function imageOf(parameter: string): string {
  const [, release, architecture] =
    /\/ubuntu\/server\/([\d.]+)\/stable\/current\/(\w+)\//.exec(parameter) ?? [];
  return release && architecture ? `<ubuntu-${release}-${architecture}>` : `<${parameter}>`;
}

/**
 * Answers a question to AWS without asking AWS.
 * @throws Error that names a question it does not know, so that no plan rests on a made-up answer.
 */
export function answerCall(
  token: string,
  inputs: Record<string, Plain>,
  region: string,
): Record<string, Plain> {
  switch (token) {
    case "aws:ssm/getParameter:getParameter": {
      const name = textAt(inputs, "name") ?? "";
      const value = imageOf(name);
      return { id: name, name, type: "String", value, insecureValue: value, version: 1 };
    }
    case "aws:index/getCallerIdentity:getCallerIdentity":
      return { id: "<account>", accountId: "<account>", arn: "<caller.arn>", userId: "<caller.userId>" };
    case "aws:index/getPartition:getPartition": {
      const { partition, dnsSuffix } = partitionOf(region);
      return {
        id: partition,
        partition,
        dnsSuffix,
        reverseDnsPrefix: dnsSuffix.split(".").reverse().join("."),
      };
    }
    case "aws:ec2/getInstances:getInstances": {
      const group = textAt(inputs, "instanceTags", "aws:autoscaling:groupName") ?? "";
      return { ...inputs, ids: [group.replace(/\.\w+>$/, ".instanceId>")] };
    }
    case "aws:ec2/getSubnet:getSubnet":
      // docker-machine takes a zone's last letter: of this one it is an honest question mark.
      return { ...inputs, availabilityZone: `${region}?` };
    default:
      throw new Error(`the plan has no answer to ${token}: add one to cli/calls.ts`);
  }
}
