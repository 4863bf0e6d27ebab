import { z } from "zod";
import { parsePeriod, PeriodError } from "./periods";
import { timezoneProblem } from "./timezones";

/** A text that matches a pattern; every other value gets the same message, which says what is allowed. */
export function text(pattern: RegExp, allowed: string) {
  return z.string({ error: allowed }).regex(pattern, { error: allowed });
}

/** A whole number within bounds, with one message for whatever is wrong. */
export function wholeNumber(least: number, most: number, unit = "") {
  const allowed = `must be a whole number${unit && ` of ${unit}`} from ${least} to ${most}`;
  return z.int({ error: allowed }).min(least, { error: allowed }).max(most, { error: allowed });
}

/** True or false, not their names. */
export const flag = z.boolean({ error: "must be true or false, without quotes" });

/** One of a few words. */
export function oneOf<const T extends readonly [string, ...string[]]>(words: T) {
  return z.enum(words, { error: `must be ${words.map((word) => `"${word}"`).join(" or ")}` });
}

/**
 * Regions that docker-machine knows.
 * @see https://gitlab.com/gitlab-org/ci-cd/docker-machine/-/blob/main/drivers/amazonec2/region.go
 */
const regions =
  "af-south-1 ap-east-1 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 ap-southeast-1 ap-southeast-2 ap-southeast-3 ap-southeast-4 ca-central-1 ca-west-1 cn-north-1 cn-northwest-1 eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 eu-west-1 eu-west-2 eu-west-3 il-central-1 me-central-1 me-south-1 sa-east-1 us-east-1 us-east-2 us-gov-east-1 us-gov-west-1 us-west-1 us-west-2".split(
    " ",
  );

export const regionName = z
  .string({ error: "must be the name of an AWS region, e.g. eu-west-1" })
  .refine((name) => regions.includes(name), {
    error: `must be a region that docker-machine knows: ${regions.join(", ")}`,
  });

const cidrMessage = "must be an IPv4 block from /16 to /24, e.g. 10.0.0.0/16";

export const cidrBlock = text(/^(\d{1,3}\.){3}\d{1,3}\/\d{1,2}$/, cidrMessage).superRefine(
  (block, context) => {
    const [address = "", prefix = ""] = block.split("/");
    const bytes = address.split(".").map(Number);
    if (bytes.some((byte) => byte > 255) || Number(prefix) < 16 || Number(prefix) > 24) {
      context.addIssue({ code: "custom", message: cidrMessage });
      return;
    }
    const number = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
    const rest = number % 2 ** (32 - Number(prefix));
    if (rest !== 0) {
      const start = number - rest;
      const first = [24, 16, 8, 0].map((shift) => Math.floor(start / 2 ** shift) % 256).join(".");
      context.addIssue({
        code: "custom",
        message: `must be the first address of its block: write ${first}/${prefix}`,
      });
    }
  },
);

export const availabilityZone = text(/^[a-f]$/, 'must be the letter of an availability zone, e.g. "a"');
export const natGateways = oneOf(["none", "single", "one-per-az"]);
export const credentials = oneOf(["iam-user", "instance-profile"]);
export const vpcId = text(/^vpc-[0-9a-f]{8,17}$/, "must be the id of a VPC, e.g. vpc-0123456789abcdef0");
export const subnetId = text(
  /^subnet-[0-9a-f]{8,17}$/,
  "must be the id of a subnet, e.g. subnet-0123456789abcdef0",
);
export const routeTableId = text(
  /^rtb-[0-9a-f]{8,17}$/,
  "must be the id of a route table, e.g. rtb-0123456789abcdef0",
);
export const stackName = text(
  /^[\w.-]+\/[\w.-]+\/[\w.-]+$/,
  "must be the full name of a stack, e.g. organization/network/dev",
);
export const accountId = text(
  /^\d{12}$/,
  'must be the 12 digits of an AWS account in quotes, e.g. "123456789012"',
);
export const instanceType = text(
  /^(?!mac)[a-z][a-z0-9-]*\d[a-z0-9-]*\.(nano|micro|small|medium|(\d*x)?large|metal(-\d+xl)?)$/,
  "must be an EC2 instance type that runs Linux, e.g. m6i.large",
);
export const image = z.strictObject({
  /** E.g. `ami-0123456789abcdef0`. */
  id: text(/^ami-[0-9a-f]{8,17}$/, "must be the id of an image, e.g. ami-0123456789abcdef0"),
  /** Has to be the instance type's. */
  architecture: oneOf(["amd64", "arm64"]),
});
export const days = wholeNumber(1, 3650, "days");
export const gibibytes = wholeNumber(8, 16384, "GiB");
export const drainTimeout = wholeNumber(0, 7200, "seconds");
export const percent = wholeNumber(1, 90, "percent");
/** Hosts of registries besides Docker Hub. */
export const upstreams = z
  .array(
    text(
      /^(?!docker\.io$|registry-1\.docker\.io$|index\.docker\.io$)[a-z0-9-]+(\.[a-z0-9-]+)+$/,
      "must be the host of a registry, e.g. ghcr.io; Docker Hub is mirrored anyway",
    ),
  )
  .max(9, { error: "must have at most 9 registries" })
  .refine((hosts) => new Set(hosts).size === hosts.length, { error: "must name each registry once" });
export const parameterPath = text(
  /^(\/[\w.-]+)+$/,
  "must be the path of an SSM parameter, e.g. /gitlab-runner-fleet/dev",
);
export const domainName = text(
  /^[a-z0-9-]+(\.[a-z0-9-]+)*$/,
  "must be a domain name, e.g. dev.fleet.internal",
);
export const spotPrice = text(
  /^(?=.*[1-9])\d+(\.\d+)?$/,
  'must be a price in USD an hour in quotes, e.g. "0.05"; leave it out for the on-demand price',
);
export const gitlabUrl = text(
  /^https?:\/\/[^\s/?#$]+(\/[^\s?#$]*[^\s/?#$])?$/,
  "must be where GitLab is, e.g. https://gitlab.example.com, without a slash at its end",
).refine((url) => !url.endsWith("/ci"), { error: "must be without /ci, which GitLab had long ago" });
export const runnerName = text(
  /^[A-Za-z0-9_.-]{1,64}$/,
  "must be of letters, digits, dots, dashes and underscores, 64 at most: it names an SSM parameter",
);
export const tagKey = text(/^[^,]{1,128}$/, "must be of 1 to 128 characters, and not have a comma").refine(
  (key) => !["Name", "fleet-id", "fleet-bastion"].includes(key),
  { error: "must not be Name, fleet-id or fleet-bastion: each machine has its own" },
);
export const tagValue = text(
  /^[^,]{0,256}$/,
  "must be a text of 256 characters at most, in quotes, and not have a comma",
);
export const topicArn = text(
  /^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}$/,
  "must be the ARN of a standard SNS topic, e.g. arn:aws:sns:eu-west-1:123456789012:on-call",
);
export const emails = z
  .array(text(/^[^\s@]+@[^\s@]+\.[^\s@]+$/, "must be a mail address, e.g. on-call@example.com"))
  .refine((addresses) => new Set(addresses).size === addresses.length, {
    error: "must name each address once",
  });
export const runbookUrl = text(
  /^https?:\/\/[^\s#]{1,500}$/,
  "must be the address of docs/operations.md in your copy of the project, without #…",
);
export const environmentName = text(
  /^[A-Za-z_][A-Za-z0-9_]*$/,
  "must be a name of letters, digits and underscores",
);

// runner-<9 of the token>-<8 of the fleet's id>-<machine name with %s>, where %s becomes 19 characters; a host name has at most 63.
const longestMachineName = 63 - "runner-".length - 9 - "-".length - 8 - "-".length - 19;

export const machineName = text(
  /^[a-z0-9-]*%s([a-z0-9-]*[a-z0-9])?$/,
  "must be of small letters, digits and dashes, contain %s once and not end with a dash, e.g. worker-%s",
).superRefine((name, context) => {
  const excess = name.length - "%s".length - longestMachineName;
  if (excess > 0) {
    const message = `is ${excess} characters too long: with what is added it becomes a host name of more than 63`;
    context.addIssue({ code: "custom", message });
  }
});

export const timezone = z
  .string({ error: "must be a time zone, e.g. Europe/Berlin or UTC" })
  .superRefine((name, context) => {
    const message = timezoneProblem(name);
    if (message !== undefined) context.addIssue({ code: "custom", message });
  });

export const period = z
  .string({ error: 'must be a text of 7 fields, e.g. "* * 8-17 * * mon-fri *"' })
  .superRefine((value, context) => {
    try {
      parsePeriod(value);
    } catch (error) {
      if (!(error instanceof PeriodError)) throw error;
      context.addIssue({ code: "custom", message: error.message });
    }
  });

/**
 * How long CloudWatch Logs can keep a group's events.
 * @see https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
 */
const logRetentions = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];
const logRetentionMessage = `must be a number of days that CloudWatch Logs knows: ${logRetentions.join(", ")}`;

/** Days that logs are kept. */
export const logRetentionDays = z
  .int({ error: logRetentionMessage })
  .refine((days) => logRetentions.includes(days), { error: logRetentionMessage });
