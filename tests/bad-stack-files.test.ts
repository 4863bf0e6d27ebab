import { goodConfig, problemsIn } from "./helpers/stack-file";

const runner = (more: object) => ({ runners: [{ name: "default", ...more }] });
const machine = (more: object) => runner({ machine: more });
const workers = (more: object) => runner({ workers: more });
const period = (text: unknown, more: object = {}) =>
  runner({ autoscaling: [{ periods: [text], idleCount: 0, idleTime: 60, ...more }] });

const minio = { type: "minio", serverAddress: "minio:9000", bucketName: "cache" };
const keys = { accessKey: "planted-access", secretKey: "planted-secret" };

const cases: [title: string, change: Record<string, unknown>, problems: string[], secretKeys?: string[]][] = [
  [
    "no region",
    { "aws:region": undefined },
    ["aws:region: is missing; it must be the name of an AWS region, e.g. eu-west-1"],
  ],
  [
    "a region that docker-machine does not know",
    { "aws:region": "us-central-1" },
    [
      'aws:region: "us-central-1": must be a region that docker-machine knows: af-south-1, ap-east-1, ap-northeast-1, ap-northeast-2, ap-northeast-3, ap-south-1, ap-south-2, ap-southeast-1, ap-southeast-2, ap-southeast-3, ap-southeast-4, ca-central-1, ca-west-1, cn-north-1, cn-northwest-1, eu-central-1, eu-central-2, eu-north-1, eu-south-1, eu-south-2, eu-west-1, eu-west-2, eu-west-3, il-central-1, me-central-1, me-south-1, sa-east-1, us-east-1, us-east-2, us-gov-east-1, us-gov-west-1, us-west-1, us-west-2',
    ],
  ],
  [
    "default tags with a comma, which docker-machine cannot pass on",
    { "aws:defaultTags": { tags: { team: "a,b" } } },
    [
      'aws:defaultTags.tags.team: "a,b": must be a text of 256 characters at most, in quotes, and not have a comma',
    ],
  ],
  ["a misspelt key", { concurent: 5 }, ["concurent: there is no such key; did you mean concurrent?"]],
  [
    "a key that resembles none",
    { terraform: true },
    [
      "terraform: there is no such key; there are: gitlabUrl, concurrent, checkInterval, shutdownTimeout, credentials, network, cache, registryMirror, bastion, logs, alarms, workers, runners, extra",
    ],
  ],
  [
    "a key that belongs elsewhere",
    { idleCount: 3 },
    [
      "idleCount: there is no such key here; there is runners[].machine.idleCount and runners[].autoscaling[].idleCount",
    ],
  ],
  [
    "a key in GitLab's spelling",
    runner({ request_concurrency: 2 }),
    ["runners[0].request_concurrency: there is no such key here; there is runners[].requestConcurrency"],
  ],
  [
    "a key of the machine's at its runner",
    runner({ maxBuilds: 2 }),
    ["runners[0].maxBuilds: there is no such key here; there is runners[].machine.maxBuilds"],
  ],
  [
    "a time that CloudWatch does not keep logs for",
    { logs: { retentionDays: 10 } },
    [
      "logs.retentionDays: 10: must be a number of days that CloudWatch Logs knows: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653",
    ],
  ],
  [
    "logs that are kept for half a day",
    { logs: { retentionDays: 0.5 } },
    [
      "logs.retentionDays: 0.5: must be a number of days that CloudWatch Logs knows: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653",
    ],
  ],
  ["no runners", { runners: undefined, runnerTokens: undefined }, ["runners: is missing; it must be a list"]],
  [
    "an empty list of runners",
    { runners: [], runnerTokens: {} },
    ["runners: []: must have at least one runner"],
  ],
  [
    "a runner without a name",
    { runners: [{}], runnerTokens: {} },
    [
      "runners[0].name: is missing; it must be of letters, digits, dots, dashes and underscores, 64 at most: it names an SSM parameter",
    ],
  ],
  [
    "a runner's name with a slash",
    { runners: [{ name: "a/b" }], runnerTokens: { "a/b": "glrt-x" } },
    [
      'runners[0].name: "a/b": must be of letters, digits, dots, dashes and underscores, 64 at most: it names an SSM parameter',
      'runnerTokens["a/b"]: the key must be of letters, digits, dots, dashes and underscores, 64 at most: it names an SSM parameter',
    ],
  ],
  [
    "two runners of one name",
    { runners: [{ name: "default" }, { name: "default" }] },
    ['runners[1].name: "default": is the name of runners[0] too; each needs its own'],
  ],
  [
    "a runner without a token",
    { runnerTokens: {} },
    ["runnerTokens.default: is missing: pulumi config set --secret --path 'runnerTokens.default' <token>"],
  ],
  [
    "several runners without tokens",
    { runners: [{ name: "one" }, { name: "gpu.big" }], runnerTokens: {} },
    [
      "runnerTokens.one: is missing: pulumi config set --secret --path 'runnerTokens.one' <token>",
      'runnerTokens["gpu.big"]: is missing: pulumi config set --secret --path \'runnerTokens["gpu.big"]\' <token>',
    ],
  ],
  [
    "a token for no runner",
    { runnerTokens: { default: "glrt-x", other: "glrt-y" } },
    ["runnerTokens.other: there is no runner other: remove the token"],
  ],
  [
    "a registration token",
    { runnerTokens: { default: "GR1348941abcdefghijkl" } },
    [
      "runnerTokens.default: is a registration token, which is gone from GitLab; make a runner in GitLab and take its authentication token (glrt-…)",
    ],
  ],
  [
    "the key of a registration token",
    runner({ registrationToken: "x" }),
    [
      "runners[0].registrationToken: is gone from GitLab; make a runner in GitLab and put its authentication token (glrt-…) into runnerTokens.<runner name>",
    ],
  ],
  [
    "a token with a character that no token has",
    { runnerTokens: { default: 'glrt-"x' } },
    [
      "runnerTokens.default: must be an authentication token of GitLab's, which begins with glrt-; its value is not shown here",
    ],
  ],
  [
    "a Docker Hub account without a password",
    { dockerHub: { username: "someone" } },
    ["dockerHub.password: is missing: pulumi config set --secret --path 'dockerHub.password' <access token>"],
  ],
  [
    "memory for builds that cannot be",
    runner({ docker: { buildMemory: 4 } }),
    [
      "runners[0].docker.buildMemory: 4: is for docker:dind, which needs privileged: true; set that too, or remove it",
    ],
  ],
  [
    "registries to mirror that are none",
    { registryMirror: { upstreams: ["https://ghcr.io", "docker.io"] } },
    [
      'registryMirror.upstreams[0]: "https://ghcr.io": must be the host of a registry, e.g. ghcr.io; Docker Hub is mirrored anyway',
      'registryMirror.upstreams[1]: "docker.io": must be the host of a registry, e.g. ghcr.io; Docker Hub is mirrored anyway',
    ],
  ],
  [
    "a registry that is mirrored twice",
    { registryMirror: { upstreams: ["ghcr.io", "ghcr.io"] } },
    ['registryMirror.upstreams: ["ghcr.io","ghcr.io"]: must name each registry once'],
  ],
  [
    "registries that would fill the whole volume",
    { registryMirror: { mirrorShare: 50 } },
    [
      "registryMirror.layerCacheShare: 45: leaves less than 10 percent of the volume free with mirrorShare 50: make one of them smaller",
    ],
  ],
  [
    "a runner that may write protected refs, but is none",
    { registryMirror: { protectedRefWriters: ["default", "release"] } },
    ['registryMirror.protectedRefWriters[1]: "release": there is no such runner'],
  ],
  [
    "a topic in another region",
    { alarms: { topicArn: "arn:aws:sns:us-east-1:123456789012:on-call" } },
    [
      'alarms.topicArn: "arn:aws:sns:us-east-1:123456789012:on-call": must be in aws:region, eu-west-1: alarms reach topics of their own region only',
    ],
  ],
  [
    "a FIFO topic, which alarms cannot reach",
    { alarms: { topicArn: "arn:aws:sns:eu-west-1:123456789012:on-call.fifo" } },
    [
      'alarms.topicArn: "arn:aws:sns:eu-west-1:123456789012:on-call.fifo": must be the ARN of a standard SNS topic, e.g. arn:aws:sns:eu-west-1:123456789012:on-call',
    ],
  ],
  [
    "subscribers to a topic that is not the fleet's",
    { alarms: { topicArn: "arn:aws:sns:eu-west-1:123456789012:on-call", emails: ["on-call@example.com"] } },
    [
      "alarms.emails: goes with the fleet's own topic: subscribe to the topic given where it was made, or remove topicArn",
    ],
  ],
  [
    "mail addresses that are none",
    { alarms: { emails: ["on-call", "on-call@example.com", "on-call@example.com"] } },
    [
      'alarms.emails[0]: "on-call": must be a mail address, e.g. on-call@example.com',
      'alarms.emails: ["on-call","on-call@example.com","on-call@example.com"]: must name each address once',
    ],
  ],
  [
    "a runbook that is no address",
    { alarms: { runbookUrl: "docs/operations.md#bastion-silent" } },
    [
      'alarms.runbookUrl: "docs/operations.md#bastion-silent": must be the address of docs/operations.md in your copy of the project, without #…',
    ],
  ],
  ["zero jobs at once", { concurrent: "0" }, ["concurrent: 0: must be a whole number from 1 to 10000"]],
  [
    "a number that is not one",
    { concurrent: "many" },
    ['concurrent: "many": must be a whole number from 1 to 10000'],
  ],
  [
    "fewer jobs at once than runners",
    {
      concurrent: 1,
      runners: [{ name: "default" }, { name: "b" }],
      runnerTokens: { default: "glrt-x", b: "glrt-y" },
    },
    ["concurrent: 1: must be at least the number of runners, 2"],
  ],
  [
    "fewer jobs at once than idle machines",
    { concurrent: 2, ...machine({ idleCount: 3 }) },
    ["concurrent: 2: must be at least the idle machines at once, 3: more jobs never run at once"],
  ],
  [
    "a GitLab address with a slash at its end",
    { gitlabUrl: "https://gitlab.example.com/" },
    [
      'gitlabUrl: "https://gitlab.example.com/": must be where GitLab is, e.g. https://gitlab.example.com, without a slash at its end',
    ],
  ],
  [
    "a GitLab address without a scheme",
    { gitlabUrl: "gitlab.example.com" },
    [
      'gitlabUrl: "gitlab.example.com": must be where GitLab is, e.g. https://gitlab.example.com, without a slash at its end',
    ],
  ],
  [
    "unknown credentials",
    { credentials: "root" },
    ['credentials: "root": must be "iam-user" or "instance-profile"'],
  ],
  [
    "a limit of zero, which GitLab would take as none",
    runner({ limit: 0 }),
    ["runners[0].limit: 0: must be a whole number from 1 to 1000"],
  ],
  [
    "more idle machines than the limit",
    runner({ limit: 2, machine: { idleCount: 3 } }),
    ["runners[0].machine.idleCount: 3: must be at most the runner's limit, 2: lower it, or raise the limit"],
  ],
  [
    "more idle machines in a period than the limit",
    runner({ limit: 2, ...period("* * * * * * *", { idleCount: 3 }).runners[0] }),
    [
      "runners[0].autoscaling[0].idleCount: 3: must be at most the runner's limit, 2: lower it, or raise the limit",
    ],
  ],
  [
    "idleCountMin without idleScaleFactor",
    machine({ idleCount: 2, idleCountMin: 1 }),
    ["runners[0].machine.idleCountMin: 1: has an effect with idleScaleFactor only: add that, or remove this"],
  ],
  [
    "idleCountMin over idleCount",
    machine({ idleCount: 2, idleCountMin: 3, idleScaleFactor: 1 }),
    ["runners[0].machine.idleCountMin: 3: must be at most idleCount, 2"],
  ],
  [
    "a scale factor of zero",
    machine({ idleScaleFactor: 0 }),
    ["runners[0].machine.idleScaleFactor: 0: must be over 0"],
  ],
  [
    "a period of 6 fields",
    period("* 8-18 * * mon-fri *"),
    [
      'runners[0].autoscaling[0].periods[0]: "* 8-18 * * mon-fri *": it has 6 fields, and a period has 7: second minute hour day month weekday year',
    ],
  ],
  [
    "a period of 5 fields",
    period("8-18 * * mon-fri *"),
    [
      'runners[0].autoscaling[0].periods[0]: "8-18 * * mon-fri *": it has 5 fields, and a period has 7: second minute hour day month weekday year',
    ],
  ],
  [
    "a period whose seconds are not *",
    period("0 * 8-18 * * mon-fri *"),
    [
      'runners[0].autoscaling[0].periods[0]: "0 * 8-18 * * mon-fri *": its second is "0", so it would hold for a moment of each minute only: write *',
    ],
  ],
  [
    "a period with an hour that is none",
    period("* * 8-24 * * * *"),
    ['runners[0].autoscaling[0].periods[0]: "* * 8-24 * * * *": its hour "24" is not a number from 0 to 23'],
  ],
  [
    "a period with a weekday that is none",
    period("* * * * * mon-fry *"),
    [
      'runners[0].autoscaling[0].periods[0]: "* * * * * mon-fry *": its weekday "fry" is not a number from 0 to 7 or sun, mon, tue, wed, thu, fri, sat',
    ],
  ],
  [
    "a period whose range ends before it begins",
    period("* * 22-6 * * * *"),
    [
      'runners[0].autoscaling[0].periods[0]: "* * 22-6 * * * *": its hour range "22-6" ends before it begins: write it as two, separated by a comma',
    ],
  ],
  [
    "a period that is no text",
    period(5),
    ['runners[0].autoscaling[0].periods[0]: 5: must be a text of 7 fields, e.g. "* * 8-17 * * mon-fri *"'],
  ],
  [
    "an empty list of periods",
    runner({ autoscaling: [{ periods: [], idleCount: 0, idleTime: 60 }] }),
    ["runners[0].autoscaling[0].periods: []: must have at least one period"],
  ],
  [
    "a period without what holds in it, for nothing is inherited",
    runner({ autoscaling: [{ periods: ["* * * * * * *"] }] }),
    [
      "runners[0].autoscaling[0].idleCount: is missing; it must be a whole number from 0 to 10000",
      "runners[0].autoscaling[0].idleTime: is missing; it must be a whole number of seconds from 0 to 604800",
    ],
  ],
  [
    "an unknown time zone",
    period("* * * * * * *", { timezone: "Europe/Bonn" }),
    [
      'runners[0].autoscaling[0].timezone: "Europe/Bonn": must be a name of the IANA time zone database, e.g. Europe/Berlin or UTC, in its own spelling',
    ],
  ],
  [
    "the bastion's own time zone",
    period("* * * * * * *", { timezone: "Local" }),
    [
      'runners[0].autoscaling[0].timezone: "Local": must be a name of the IANA time zone database, e.g. Europe/Berlin or UTC, in its own spelling',
    ],
  ],
  [
    "a former name of a time zone",
    period("* * * * * * *", { timezone: "Asia/Calcutta" }),
    [
      'runners[0].autoscaling[0].timezone: "Asia/Calcutta": is a former name, which the bastion does not know: write Asia/Kolkata',
    ],
  ],
  [
    "a token in the place of a runner's name",
    { runnerTokens: { default: "glrt-x", "glrt-planted": "default" } },
    ["runnerTokens.<secret>: there is no runner <secret>: remove the token"],
  ],
  [
    "OffPeakPeriods",
    machine({ OffPeakPeriods: ["* * * * * sat,sun *"] }),
    [
      "runners[0].machine.OffPeakPeriods: is gone since GitLab Runner 14; write it as a section of runners[].autoscaling, with periods",
    ],
  ],
  [
    "OffPeakIdleCount",
    machine({ OffPeakIdleCount: 0 }),
    [
      "runners[0].machine.OffPeakIdleCount: is gone since GitLab Runner 14; write it as a section of runners[].autoscaling, with idleCount",
    ],
  ],
  [
    "offPeakTimezone",
    machine({ offPeakTimezone: "UTC" }),
    [
      "runners[0].machine.offPeakTimezone: is gone since GitLab Runner 14; write it as a section of runners[].autoscaling, with timezone",
    ],
  ],
  [
    "flat keys of the cache",
    {
      cache: {
        ServerAddress: "s3.amazonaws.com",
        AccessKey: "a",
        SecretKey: "b",
        BucketName: "c",
        BucketLocation: "d",
      },
    },
    [
      "cache.ServerAddress: is now runners[].cache.serverAddress, with type: minio",
      "cache.AccessKey: is a secret of a cache with type: minio, and belongs into cacheCredentials.<runner name>.accessKey; the fleet's own bucket needs none",
      "cache.SecretKey: is a secret of a cache with type: minio, and belongs into cacheCredentials.<runner name>.secretKey; the fleet's own bucket needs none",
      "cache.BucketName: is now runners[].cache.bucketName, with type: minio or gcs; the fleet makes its own bucket itself",
      "cache.BucketLocation: is now runners[].cache.bucketLocation, with type: minio; the fleet makes its own bucket itself",
    ],
  ],
  [
    "block-duration-minutes",
    workers({ "block-duration-minutes": 60 }),
    [
      "runners[0].workers.block-duration-minutes: is gone: AWS ended spot instances of a fixed duration; leave it out",
    ],
  ],
  [
    "block-duration-minutes as an option",
    workers({ extraOptions: ["amazonec2-block-duration-minutes=60"] }),
    [
      "runners[0].workers.extraOptions[0]: amazonec2-block-duration-minutes: leave it out: AWS ended spot instances of a fixed duration",
    ],
  ],
  [
    "an access key as an option",
    workers({ extraOptions: ["amazonec2-access-key=AKIA"] }),
    [
      "runners[0].workers.extraOptions[0]: amazonec2-access-key: leave it out: the bastion has its credentials from SSM",
    ],
  ],
  [
    "an option that has a key of its own",
    { workers: { extraOptions: ["amazonec2-monitoring=true", "amazonec2-instance-type=t3.large"] } },
    ["workers.extraOptions[1]: amazonec2-instance-type: use workers.instanceType"],
  ],
  [
    "an option of no driver",
    workers({ extraOptions: ["--verbose"] }),
    [
      'runners[0].workers.extraOptions[0]: "--verbose": must be an option of docker-machine, e.g. "amazonec2-monitoring=true"',
    ],
  ],
  [
    "an instance type that is none",
    workers({ instanceType: "large" }),
    [
      'runners[0].workers.instanceType: "large": must be an EC2 instance type that runs Linux, e.g. m6i.large',
    ],
  ],
  [
    "an image of another architecture",
    workers({ instanceType: "c7g.large", image: { id: "ami-0a1b2c3d", architecture: "amd64" } }),
    ["runners[0].workers.image: is for amd64, and c7g.large is arm64: change one of them"],
  ],
  [
    "an image of another architecture for the bastion",
    { bastion: { image: { id: "ami-0a1b2c3d", architecture: "arm64" } } },
    ["bastion.image: is for arm64, and t2.micro is amd64: change one of them"],
  ],
  [
    "an image without its architecture",
    { bastion: { image: { id: "ami-0a1b2c3d" } } },
    ['bastion.image.architecture: is missing; it must be "amd64" or "arm64"'],
  ],
  [
    "a spot price that is a number",
    workers({ spot: { maxPrice: 0.05 } }),
    [
      'runners[0].workers.spot.maxPrice: 0.05: must be a price in USD an hour in quotes, e.g. "0.05"; leave it out for the on-demand price',
    ],
  ],
  [
    "a spot price of nothing",
    workers({ spot: { maxPrice: "0.00" } }),
    [
      'runners[0].workers.spot.maxPrice: "0.00": must be a price in USD an hour in quotes, e.g. "0.05"; leave it out for the on-demand price',
    ],
  ],
  [
    "a spot price with a currency",
    workers({ spot: { maxPrice: "$0.05" } }),
    [
      'runners[0].workers.spot.maxPrice: "$0.05": must be a price in USD an hour in quotes, e.g. "0.05"; leave it out for the on-demand price',
    ],
  ],
  [
    "a fallback that says nothing",
    workers({ fallbacks: [{}] }),
    ["runners[0].workers.fallbacks[0]: {}: must have instanceType, spot or both"],
  ],
  [
    "a fallback with a key of its runner's",
    workers({ fallbacks: [{ spot: null, rootVolumeSize: 30 }] }),
    [
      "runners[0].workers.fallbacks[0].rootVolumeSize: there is no such key here; there is bastion.rootVolumeSize and workers.rootVolumeSize and runners[].workers.rootVolumeSize",
    ],
  ],
  [
    "a fallback of another architecture",
    workers({ instanceType: "m7g.large", fallbacks: [{ instanceType: "m6i.large" }] }),
    [
      'runners[0].workers.fallbacks[0].instanceType: "m6i.large": is amd64, and the first choice, m7g.large, is arm64: both start from one image',
    ],
  ],
  [
    "a fallback of the stack's that a runner's own instance type does not go with",
    { workers: { fallbacks: [{ instanceType: "m6i.large" }] }, ...workers({ instanceType: "m7g.large" }) },
    [
      'workers.fallbacks[0].instanceType: "m6i.large": is amd64, and the first choice, m7g.large, is arm64: both start from one image',
    ],
  ],
  [
    "a fallback that is the first choice",
    workers({ instanceType: "m6i.large", fallbacks: [{ instanceType: "m6i.large", spot: null }] }),
    ["runners[0].workers.fallbacks[0]: is m6i.large on demand, as the first choice: change or remove it"],
  ],
  [
    "a fallback that is there already",
    workers({
      spot: {},
      fallbacks: [{ spot: { maxPrice: "0.05" } }, { instanceType: "t3.medium", spot: { maxPrice: "0.05" } }],
    }),
    [
      "runners[0].workers.fallbacks[1]: is t3.medium, spot up to 0.05, as runners[0].workers.fallbacks[0]: change or remove it",
    ],
  ],
  [
    "more fallbacks than a creation should try",
    workers({
      fallbacks: ["t3", "t3a", "m5", "m5a", "m6i", "m6a"].map((family) => ({
        instanceType: `${family}.large`,
      })),
    }),
    [
      'runners[0].workers.fallbacks: [{"instanceType":"t3.large"},{"instanceType":"t3a.large"}...: must have at most 5 fallbacks',
    ],
  ],
  [
    "a root volume that is too small for Ubuntu",
    workers({ rootVolumeSize: 2 }),
    ["runners[0].workers.rootVolumeSize: 2: must be a whole number of GiB from 8 to 16384"],
  ],
  [
    "a tag with a comma",
    workers({ tags: { team: "a,b" } }),
    [
      'runners[0].workers.tags.team: "a,b": must be a text of 256 characters at most, in quotes, and not have a comma',
    ],
  ],
  [
    "a tag that is no text",
    workers({ tags: { build: true } }),
    [
      "runners[0].workers.tags.build: true: must be a text of 256 characters at most, in quotes, and not have a comma",
    ],
  ],
  [
    "a machine name without %s",
    machine({ name: "worker" }),
    [
      'runners[0].machine.name: "worker": must be of small letters, digits and dashes, contain %s once and not end with a dash, e.g. worker-%s',
    ],
  ],
  [
    "a machine name that makes the host name too long",
    machine({ name: "a-quite-long-name-for-a-machine-%s" }),
    [
      'runners[0].machine.name: "a-quite-long-name-for-a-machine-%s": is 14 characters too long: with what is added it becomes a host name of more than 63',
    ],
  ],
  [
    "a zone that the network does not have",
    workers({ availabilityZone: "c" }),
    ['runners[0].workers.availabilityZone: "c": must be one of network.availabilityZones: a, b'],
  ],
  [
    "a zone in an existing VPC",
    {
      network: { vpcId: "vpc-0a1b2c3d", subnetIds: ["subnet-0a1b2c3d"] },
      ...workers({ availabilityZone: "a" }),
    },
    [
      'runners[0].workers.availabilityZone: "a": goes with a new VPC only; in an existing one workers live in the first of its subnetIds',
    ],
  ],
  [
    "a CIDR block that does not begin at its first address",
    { network: { cidrBlock: "10.0.1.0/16" } },
    ['network.cidrBlock: "10.0.1.0/16": must be the first address of its block: write 10.0.0.0/16'],
  ],
  [
    "a CIDR block that is too large",
    { network: { cidrBlock: "10.0.0.0/8" } },
    ['network.cidrBlock: "10.0.0.0/8": must be an IPv4 block from /16 to /24, e.g. 10.0.0.0/16'],
  ],
  [
    "a CIDR block that is none",
    { network: { cidrBlock: "10.0.0.300/16" } },
    ['network.cidrBlock: "10.0.0.300/16": must be an IPv4 block from /16 to /24, e.g. 10.0.0.0/16'],
  ],
  [
    "subnets that cannot hold the machines",
    { concurrent: 400, network: { cidrBlock: "10.0.0.0/24" }, ...runner({ limit: 200 }) },
    [
      'network.cidrBlock: "10.0.0.0/24": zone a would have up to 202 machines, and its subnet (/25) has room for 123: use a larger block, lower limits, or spread the runners over zones',
    ],
  ],
  [
    "an unknown way to the internet",
    { network: { natGateways: "two" } },
    ['network.natGateways: "two": must be "none" or "single" or "one-per-az"'],
  ],
  [
    "an existing VPC without subnets",
    { network: { vpcId: "vpc-0a1b2c3d" } },
    ["network.subnetIds: is missing: name the subnets of the VPC that the fleet lives in"],
  ],
  [
    "an existing VPC with a new one's keys",
    { network: { vpcId: "vpc-0a1b2c3d", subnetIds: ["subnet-0a1b2c3d"], natGateways: "single" } },
    ["network.natGateways: belongs to a new VPC: remove it, or remove vpcId"],
  ],
  [
    "an existing VPC's keys without its id",
    { network: { subnetIds: ["subnet-0a1b2c3d"] } },
    ["network.subnetIds: belongs to an existing VPC: give its vpcId or stack too, or remove it"],
  ],
  [
    "a security group's id in the place of a VPC's",
    { network: { vpcId: "sg-0a1b2c3d", subnetIds: ["subnet-0a1b2c3d"] } },
    ['network.vpcId: "sg-0a1b2c3d": must be the id of a VPC, e.g. vpc-0123456789abcdef0'],
  ],
  [
    "an existing VPC of a stack without its full name",
    { network: { stack: "network" } },
    ['network.stack: "network": must be the full name of a stack, e.g. organization/network/dev'],
  ],
  [
    "an existing VPC of a stack, with what it puts out",
    {
      network: {
        stack: "organization/network/dev",
        vpcId: "vpc-0a1b2c3d",
        subnetIds: ["subnet-0a1b2c3d"],
        routeTableIds: ["rtb-0a1b2c3d"],
      },
    },
    [
      "network.vpcId: is an output of the stack: remove it, or remove stack",
      "network.subnetIds: is an output of the stack: remove it, or remove stack",
      "network.routeTableIds: is an output of the stack: remove it, or remove stack",
    ],
  ],
  [
    "an existing VPC of a stack, with settings of a new one",
    {
      network: { stack: "organization/network/dev", cidrBlock: "10.0.0.0/16", natGateways: "single" },
      ...workers({ availabilityZone: "a" }),
    },
    [
      "network.cidrBlock: belongs to a new VPC: remove it, or remove stack",
      "network.natGateways: belongs to a new VPC: remove it, or remove stack",
      'runners[0].workers.availabilityZone: "a": goes with a new VPC only; in an existing one workers live in the first of its subnetIds',
    ],
  ],
  ["a text in the place of a table", { cache: "s3" }, ['cache: "s3": must be a table of keys']],
  [
    "true in quotes",
    { cache: { forceDestroy: "true" } },
    ['cache.forceDestroy: "true": must be true or false, without quotes'],
  ],
  [
    "an environment variable that cannot be",
    runner({ environment: { "MY-VARIABLE": "x" } }),
    ["runners[0].environment.MY-VARIABLE: the key must be a name of letters, digits and underscores"],
  ],
  [
    "extra keys that have keys of their own",
    {
      extra: { concurrent: 3 },
      ...runner({
        extra: { token: "x" },
        docker: { extra: { privileged: true } },
        machine: { extra: { idlecount: 1 } },
      }),
    },
    [
      "extra.concurrent: use concurrent",
      "runners[0].extra.token: use runnerTokens",
      "runners[0].docker.extra.privileged: use runners[].docker.privileged",
      "runners[0].machine.extra.idlecount: use runners[].machine.idleCount",
    ],
  ],
  [
    "several problems at once, also where one hides another's place",
    {
      concurrent: 0,
      network: { cidrBlock: "x" },
      runners: [
        { name: "default", limit: 1, machine: { idleCount: 2 } },
        { name: "other", limit: -1 },
      ],
    },
    [
      "concurrent: 0: must be a whole number from 1 to 10000",
      'network.cidrBlock: "x": must be an IPv4 block from /16 to /24, e.g. 10.0.0.0/16',
      "runners[1].limit: -1: must be a whole number from 1 to 1000",
      "runnerTokens.other: is missing: pulumi config set --secret --path 'runnerTokens.other' <token>",
      "runners[0].machine.idleCount: 2: must be at most the runner's limit, 1: lower it, or raise the limit",
    ],
  ],
  [
    "a secret in a table that has other problems: it is not shown",
    { runners: [{ name: "default", limit: "planted-secret" }] },
    [
      "runners[0].limit: must be a whole number from 1 to 1000",
      "runners: holds a secret, and would be readable in config.toml; secrets go into runnerTokens, dockerHub and cacheCredentials only, and those of jobs into GitLab's CI/CD variables",
    ],
    ["gitlab-runner-fleet:runners", "gitlab-runner-fleet:runnerTokens"],
  ],
  [
    "a token in clear",
    {},
    [
      "runnerTokens: stands in the stack file in clear: set what is secret in it with pulumi config set --secret --path",
    ],
    [],
  ],
  [
    "one token for two runners",
    { runners: [{ name: "default" }, { name: "b" }], runnerTokens: { default: "glrt-x", b: "glrt-x" } },
    [
      "runnerTokens.default: is the token of b too; each runner needs its own, for its machines are known by it",
    ],
  ],
  [
    "a number in quotes",
    runner({ limit: "20" }),
    ['runners[0].limit: "20": must be a whole number from 1 to 1000: remove the quotes'],
  ],
  [
    "an arm64 image for the default instance type",
    workers({ image: { id: "ami-0a1b2c3d", architecture: "arm64" } }),
    ["runners[0].workers.image: is for arm64, and t3.medium is amd64: change one of them"],
  ],
  [
    "a tag that each machine has for itself",
    workers({ tags: { Name: "x" } }),
    [
      "runners[0].workers.tags.Name: the key must not be Name, fleet-id or fleet-bastion: each machine has its own",
    ],
  ],
  [
    "a default tag that each machine has for itself",
    { "aws:defaultTags": { tags: { Name: "x" } } },
    [
      "aws:defaultTags.tags.Name: the key must not be Name, fleet-id or fleet-bastion: each machine has its own",
    ],
  ],
  [
    "a Mac",
    workers({ instanceType: "mac2.metal" }),
    [
      'runners[0].workers.instanceType: "mac2.metal": must be an EC2 instance type that runs Linux, e.g. m6i.large',
    ],
  ],
  [
    "an instance type of no size",
    workers({ instanceType: "m6i.huge" }),
    [
      'runners[0].workers.instanceType: "m6i.huge": must be an EC2 instance type that runs Linux, e.g. m6i.large',
    ],
  ],
  [
    "a time zone in another spelling",
    period("* * * * * * *", { timezone: "europe/berlin" }),
    [
      'runners[0].autoscaling[0].timezone: "europe/berlin": must be a name of the IANA time zone database, e.g. Europe/Berlin or UTC, in its own spelling',
    ],
  ],
  [
    "a zone twice",
    { network: { availabilityZones: ["a", "a"] } },
    ['network.availabilityZones: ["a","a"]: must name each zone once'],
  ],
  [
    "a machine name that ends with a dash",
    machine({ name: "x-%s-" }),
    [
      'runners[0].machine.name: "x-%s-": must be of small letters, digits and dashes, contain %s once and not end with a dash, e.g. worker-%s',
    ],
  ],
  [
    "a GitLab address of long ago",
    { gitlabUrl: "https://gitlab.example.com/ci" },
    ['gitlabUrl: "https://gitlab.example.com/ci": must be without /ci, which GitLab had long ago'],
  ],
  [
    "a misspelt option of docker-machine",
    workers({ extraOptions: ["amazonec2-volume-iop=4000"] }),
    [
      "runners[0].workers.extraOptions[0]: amazonec2-volume-iop: there is no such option; did you mean amazonec2-volume-iops?",
    ],
  ],
  [
    "a scale factor of no idle machines",
    machine({ idleScaleFactor: 0.5 }),
    [
      "runners[0].machine.idleScaleFactor: 0.5: has no effect with idleCount 0: that is the most idle machines; raise it, or remove this",
    ],
  ],
  [
    "a swap file that fills the bastion's disk",
    { bastion: { rootVolumeSize: 8, swapSize: 4 } },
    [
      "bastion.swapSize: 4: leaves too little of the root volume's 8 GiB, the system takes 6: raise rootVolumeSize",
    ],
  ],
  [
    "more time to drain than the longest job of most",
    { bastion: { drainTimeout: 86_400 } },
    ["bastion.drainTimeout: 86400: must be a whole number of seconds from 0 to 7200"],
  ],
  [
    "less time to remove the machines than GitLab Runner asks for",
    { shutdownTimeout: "60" },
    ["shutdownTimeout: 60: must be a whole number of seconds from 300 to 7200"],
  ],
  [
    "keys of the cache's bucket",
    runner({ cache: { extra: { s3: { BucketName: "x" } } } }),
    ["runners[0].cache.extra.s3.BucketName: the fleet sets it itself; leave it out"],
  ],
  [
    "a cache of another kind",
    runner({ cache: { type: "s3 " } }),
    ['runners[0].cache.type: "s3 ": must be "s3", "minio", "gcs" or "azure"'],
  ],
  [
    "a cache that is no table",
    runner({ cache: "minio" }),
    ['runners[0].cache: "minio": must be a table of keys'],
  ],
  [
    "a key of another kind of cache",
    { ...runner({ cache: { ...minio, accessId: "x" } }), cacheCredentials: { default: keys } },
    ["runners[0].cache.accessId: there is no such key here; there is runners[].cache.accessId"],
  ],
  [
    "a misspelt key of a kind of cache",
    { ...runner({ cache: { ...minio, serverAdress: "x" } }), cacheCredentials: { default: keys } },
    ["runners[0].cache.serverAdress: there is no such key; did you mean serverAddress?"],
  ],
  [
    "a cache server with its scheme, without a bucket, and without its keys",
    runner({ cache: { type: "minio", serverAddress: "https://minio.example.com" } }),
    [
      'runners[0].cache.serverAddress: "https://minio.example.com": must be the server\'s host and port without https://, e.g. minio.example.com:9000',
      "runners[0].cache.bucketName: is missing; it must be the name of a bucket, of 3 to 63 small letters, digits, dots, dashes and underscores",
      "cacheCredentials.default.accessKey: is missing: pulumi config set --secret --path 'cacheCredentials.default.accessKey' <access key>",
      "cacheCredentials.default.secretKey: is missing: pulumi config set --secret --path 'cacheCredentials.default.secretKey' <secret key>",
    ],
  ],
  [
    "a cache in Google Cloud Storage without all that it needs",
    { ...runner({ name: "gpu.big", cache: { type: "gcs" } }), runnerTokens: { "gpu.big": "glrt-x" } },
    [
      "runners[0].cache.bucketName: is missing; it must be the name of a bucket, of 3 to 63 small letters, digits, dots, dashes and underscores",
      "runners[0].cache.accessId: is missing; it must be the address of a service account, e.g. cache@project.iam.gserviceaccount.com",
      'cacheCredentials["gpu.big"].privateKey: is missing: pulumi config set --secret --path \'cacheCredentials["gpu.big"].privateKey\' < key.pem',
    ],
  ],
  [
    "a cache in Azure without all that it needs",
    runner({ cache: { type: "azure", containerName: "a--b", storageDomain: "https://x" } }),
    [
      "runners[0].cache.accountName: is missing; it must be a storage account, of 3 to 24 small letters and digits",
      'runners[0].cache.containerName: "a--b": must be a container, of 3 to 63 small letters, digits and single dashes',
      'runners[0].cache.storageDomain: "https://x": must be a domain, e.g. blob.core.chinacloudapi.cn',
      "cacheCredentials.default.accountKey: is missing: pulumi config set --secret --path 'cacheCredentials.default.accountKey' <account key>",
    ],
  ],
  [
    "secrets of a cache that needs none, and of no runner",
    { cacheCredentials: { default: keys, other: keys } },
    [
      "cacheCredentials.default: the fleet's own bucket needs none: remove them, or give the runner's cache another type",
      "cacheCredentials.other: there is no runner other: remove its credentials",
    ],
  ],
  [
    "a secret that another kind of cache needs",
    { ...runner({ cache: minio }), cacheCredentials: { default: { ...keys, accountKey: "planted" } } },
    [
      "cacheCredentials.default.accountKey: there is no such key for this cache; there are: accessKey, secretKey",
    ],
  ],
  [
    "secrets of a cache that cannot be",
    {
      runners: [
        { name: "default", cache: minio },
        { name: "gcs", cache: { type: "gcs", bucketName: "cache", accessId: "a@b" } },
        { name: "azure", cache: { type: "azure", accountName: "cache", containerName: "cache" } },
      ],
      runnerTokens: { default: "glrt-x", gcs: "glrt-y", azure: "glrt-z" },
      cacheCredentials: {
        default: { accessKey: "", secretKey: "planted".repeat(600) },
        gcs: { privateKey: "-----BEGIN PRIVATE KEY-----\\nplanted\\n-----END PRIVATE KEY-----\\n" },
        azure: { accountKey: "planted-key" },
      },
    },
    [
      "cacheCredentials.default.accessKey: must be a text, of 4096 characters at most; its value is not shown here",
      "cacheCredentials.default.secretKey: must be a text, of 4096 characters at most; its value is not shown here",
      "cacheCredentials.gcs.privateKey: must be a private key in PEM, with its line breaks, of 4096 characters at most; its value is not shown here",
      "cacheCredentials.azure.accountKey: must be the storage account's key, in base64, of 4096 characters at most; its value is not shown here",
    ],
  ],
  [
    "secrets of a cache in clear",
    { ...runner({ cache: minio }), cacheCredentials: { default: keys } },
    [
      "cacheCredentials: stands in the stack file in clear: set what is secret in it with pulumi config set --secret --path",
    ],
    ["gitlab-runner-fleet:runnerTokens"],
  ],
  [
    "secrets of a cache where its settings are",
    {
      ...runner({
        cache: { ...minio, SecretKey: "x" },
      }),
      cacheCredentials: { default: keys },
    },
    [
      "runners[0].cache.SecretKey: is a secret of a cache with type: minio, and belongs into cacheCredentials.<runner name>.secretKey; the fleet's own bucket needs none",
    ],
  ],
  [
    "further keys of a cache that have keys of their own",
    {
      ...runner({ cache: { ...minio, extra: { s3: { accesskey: "x", BucketName: "y" }, Type: "s3" } } }),
      cacheCredentials: { default: keys },
    },
    [
      "runners[0].cache.extra.Type: use runners[].cache.type",
      "runners[0].cache.extra.s3.accesskey: use cacheCredentials",
      "runners[0].cache.extra.s3.BucketName: use runners[].cache.bucketName",
    ],
  ],
];

describe("a bad stack file", () => {
  const named = cases.map(([title, change, problems, secretKeys]) => ({
    title,
    change,
    problems,
    secretKeys,
  }));

  it.each(named)("$title", ({ change, problems, secretKeys }) => {
    expect(problemsIn({ ...goodConfig, ...change }, secretKeys)).toEqual(problems);
  });
});
