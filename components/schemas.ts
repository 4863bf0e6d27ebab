import { z } from "zod";
import { dockerMachineOptionProblem } from "./docker-machine-options";
import { findArchitecture } from "./instance-types";
import { periodProblem } from "./periods";
import { dockerMachineRegions } from "./regions";
import { didYouMean } from "./suggestions";
import { table } from "./tables";
import { timezoneProblem } from "./timezones";

// Values that the stack file and the components' arguments have in common. A message continues a sentence that begins with the
// value: `"a" must be …`.

/** A text that has nothing wrong with it, as `problem` sees it. */
function text(expected: string, problem: (value: string) => string | undefined) {
  return z.string(expected).superRefine((value, context) => {
    const message = problem(value);
    if (message !== undefined) context.addIssue({ code: "custom", message });
  });
}

/** A whole number in a range. */
export function wholeNumber(min: number, max?: number, unit?: string) {
  const kind = unit === undefined ? "a whole number" : `a whole number of ${unit}`;
  const range = max === undefined ? `, at least ${min}` : ` from ${min} to ${max}`;
  return z
    .int(`must be ${kind}${range}`)
    .min(min)
    .max(max ?? Number.MAX_SAFE_INTEGER);
}

/** True or false. */
export const truth = z.boolean("must be true or false");

const cidrBlockExpected = 'must be an IPv4 range from /16 to /28, such as "10.0.0.0/16"';

/** Addresses of a VPC: IPv4, /16 to /28, from the first address of the range on. */
export const cidrBlock = text(cidrBlockExpected, (value) => {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(value);
  const [, ...numbers] = (match ?? []).map(Number);
  const mask = numbers.pop() ?? 0;
  if (!match || numbers.some((byte) => byte > 255) || mask < 16 || mask > 28) return cidrBlockExpected;
  const address = numbers.reduce((sum, byte) => sum * 256 + byte, 0);
  const first = address - (address % 2 ** (32 - mask));
  if (first === address) return undefined;
  const bytes = [24, 16, 8, 0].map((shift) => Math.floor(first / 2 ** shift) % 256);
  return `must begin with the first address of its range; write ${JSON.stringify(`${bytes.join(".")}/${mask}`)}`;
});

/** Letter of an availability zone. */
export const availabilityZone = z
  .string('must be the letter of an availability zone, such as "a" for eu-west-1a')
  .regex(/^[a-z]$/);

/** What the internet is reached through from private subnets. */
export const natGateways = z.enum(["none", "single", "one-per-az"]);

/** Whose rights GitLab Runner and docker-machine have. */
export const credentials = z.enum(["iam-user", "instance-profile"]);

function id(kind: string, prefix: string) {
  const digits = "(?:[0-9a-f]{8}|[0-9a-f]{17})";
  return z
    .string(`must be the id of ${kind}, such as "${prefix}-0123456789abcdef0"`)
    .regex(new RegExp(`^${prefix}-${digits}$`));
}

export const vpcId = id("a VPC", "vpc");
export const subnetId = id("a subnet", "subnet");
export const routeTableId = id("a route table", "rtb");
export const imageId = id("an image", "ami");

/** An image of a machine, with what it runs on. */
export const image = table(
  { id: imageId, architecture: z.enum(["amd64", "arm64"]) },
  { name: 'is not what images are found by; write "id"', arch: 'is spelt "architecture" here' },
);

/** EC2 instance type that runs Linux. */
export const instanceType = z
  .string('must be an EC2 instance type that runs Linux, such as "t3.medium"')
  .refine((value) => findArchitecture(value) !== undefined);

/** AWS region that docker-machine knows. */
export const regionName = text("must be the name of an AWS region", (value) =>
  dockerMachineRegions.includes(value)
    ? undefined
    : `is no region that docker-machine knows; ${didYouMean(value, dockerMachineRegions)}`,
);

/** USD an hour, as a text: a number would lose digits. */
export const spotPrice = z
  .string('must be a price in USD an hour above 0, such as "0.05"')
  .regex(/^\d+(\.\d+)?$/)
  .refine((value) => Number(value) > 0);

/** Days of a lifecycle rule. */
export const days = wholeNumber(1, undefined, "days");

/** Size of an EBS volume: at least as large as Ubuntu's image, at most what gp3 has. */
export const gibibytes = wholeNumber(8, 16384, "GiB");

/** Seconds of swapSize are GiB too; 0 is none. */
export const swapSize = wholeNumber(0, 16, "GiB");

/** Seven fields, cron with seconds and years. */
export const period = text("must be a text of 7 fields", periodProblem);

/** A time zone that the bastion's Ubuntu knows. */
export const timezone = text("must be the name of a time zone", timezoneProblem);

/** Name of a runner; it is part of the name of an SSM parameter. */
export const runnerName = z
  .string('must be 1 to 64 letters, digits, ".", "_" or "-", the first a letter or digit')
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/);

// A host name has 63 characters: `runner-`, 9 of the token, `-`, and in place of %s a time and 8 digits, 19 characters.
const longestMachineName = 63 - "runner-".length - 9 - 1 - 19;

/** Name of a runner's machines, with `%s` for what makes it unique. */
export const machineName = text('must be a text with "%s"', (value) => {
  const [before = "", after = "", ...more] = value.split("%s");
  const fixed = before + after;
  if (!value.includes("%s") || more.length > 0) return 'must contain "%s" exactly once, such as "worker-%s"';
  if (!/^[A-Za-z0-9-]*$/.test(fixed)) return 'must be made of letters, digits and "-" besides "%s"';
  if (after.endsWith("-")) return 'must not end with "-", because a host name may not';
  const excess = fixed.length - longestMachineName;
  if (excess <= 0) return undefined;
  return `is ${excess} character${excess === 1 ? "" : "s"} too long: besides "%s" it may have ${longestMachineName}, because a host name has at most 63`;
});

/** A further option for docker-machine. */
export const dockerMachineOption = text(
  'must be a text, such as "amazonec2-volume-iops=4000"',
  dockerMachineOptionProblem,
);

/** Name of an environment variable. */
export const environmentName = z
  .string('must be made of letters, digits and "_", and not begin with a digit')
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/);

const gitlabUrlExpected = 'must be the address of GitLab, such as "https://gitlab.com"';

/** Where GitLab is. GitLab Runner would expand a `$` in it. */
export const gitlabUrl = text(gitlabUrlExpected, (value) => {
  if (!/^https?:\/\/[^\s$]+$/.test(value) || !URL.canParse(value)) return gitlabUrlExpected;
  const { origin, pathname } = new URL(value);
  const expected = origin + pathname.replace(/\/(ci\/?)?$/, "");
  return value === expected
    ? undefined
    : `must be nothing but the address of GitLab; write ${JSON.stringify(expected)}`;
});

const tagKeyExpected =
  "must be 1 to 128 characters without a comma, because docker-machine takes tags as a list with commas";

/** Key of a tag of AWS's that docker-machine sets, too. */
export const tagKey = text(tagKeyExpected, (value) => {
  if (!/^[^,\p{Cc}]{1,128}$/u.test(value)) return tagKeyExpected;
  if (/^aws:/i.test(value)) return 'must not begin with "aws:", which AWS keeps for itself';
  return value === "Name"
    ? "is set on every machine, and AWS takes no key twice; use another key"
    : undefined;
});

/** Value of a tag of AWS's that docker-machine sets, too. */
export const tagValue = z
  .string(
    "must be a text of at most 256 characters without a comma, because docker-machine takes tags as a list with commas",
  )
  .regex(/^[^,\p{Cc}]{0,256}$/u);

/** Tags of AWS's. */
export const tags = z.record(tagKey, tagValue, "must be a table of texts");

/** Where SSM parameters are. */
export const parameterPath = z
  .string('must be a path of SSM parameters, such as "/my-project/dev/bastion"')
  .regex(/^(\/[A-Za-z0-9_.-]+)+$/);

/** Name of a private DNS zone. */
export const domainName = z
  .string('must be a domain name, such as "dev.my-project.internal"')
  .regex(/^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/i);
