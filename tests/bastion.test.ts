import * as pulumi from "@pulumi/pulumi";
import { Bastion, type BastionArgs } from "../components/bastion";
import { Workers } from "../components/workers";
import { bastionArgs, workerKind, workersArgs } from "./helpers/fleet";
import { record, secretMark, valueOf, type Recording } from "./helpers/record";

const ingress = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule";
const egress = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule";
const parameter = "aws:ssm/parameter:Parameter";
const template = "aws:ec2/launchTemplate:LaunchTemplate";
const group = "aws:autoscaling/group:Group";
const logGroup = "aws:cloudwatch/logGroup:LogGroup";

const make = (args: Partial<BastionArgs> = {}) => record(() => new Bastion("bastion", bastionArgs(args)));
const own = (made: Recording, type: string) =>
  made.ofType(type).filter(({ name }) => name.startsWith("bastion"));

/** Logical name of a resource, which the SDK keeps to itself. */
const nameOf = (resource: pulumi.Resource): string => String(Reflect.get(resource, "__name"));

describe("Bastion", () => {
  it("lets nobody in", async () => {
    const made = await make();
    expect(
      made.ofType(ingress).filter(({ inputs }) => inputs["securityGroupId"] === "bastion-security-group-id"),
    ).toEqual([]);
  });

  it("alone reaches workers, on 22 and 2376", async () => {
    const made = await make();
    expect(
      made
        .ofType(ingress)
        .filter(({ inputs }) => inputs["securityGroupId"] === "workers-security-group-id")
        .map(({ inputs }) => [inputs["referencedSecurityGroupId"], inputs["fromPort"], inputs["toPort"]]),
    ).toEqual([
      ["bastion-security-group-id", 22, 22],
      ["bastion-security-group-id", 2376, 2376],
    ]);
  });

  it.each([
    ["https://gitlab.com", [443, 80, 22, 2376]],
    ["http://gitlab.example.com", [443, 80, 22, 2376]],
    ["https://gitlab.example.com:8443", [443, 80, 8443, 22, 2376]],
  ])("reaches %s, and only the ports %j", async (gitlabUrl, ports) => {
    const made = await make({ gitlabUrl });
    expect(own(made, egress).map(({ inputs }) => inputs["fromPort"])).toEqual(ports);
    expect(own(made, egress).every(({ inputs }) => inputs["fromPort"] === inputs["toPort"])).toBe(true);
  });

  it("launches a t2.micro with IMDSv2, an encrypted volume and an image that stays", async () => {
    const { inputs, options } = (await make()).resource(template, "bastion-launch-template");
    expect(inputs).toEqual({
      instanceType: "t2.micro",
      imageId: "ami-of-amd64",
      iamInstanceProfile: { arn: "arn:of:bastion-profile" },
      networkInterfaces: [
        {
          deviceIndex: 0,
          securityGroups: ["bastion-security-group-id"],
          associatePublicIpAddress: "true",
          deleteOnTermination: "true",
        },
      ],
      metadataOptions: { httpEndpoint: "enabled", httpTokens: "required", httpPutResponseHopLimit: 1 },
      blockDeviceMappings: [
        {
          deviceName: "/dev/sda1",
          ebs: { encrypted: "true", volumeType: "gp3", volumeSize: 10, deleteOnTermination: "true" },
        },
      ],
      userData: expect.stringMatching(/^H4sI/) as string,
      tagSpecifications: [
        { resourceType: "instance", tags: { team: "ci", Name: "bastion" } },
        { resourceType: "volume", tags: { team: "ci", Name: "bastion" } },
      ],
      tags: { team: "ci", Name: "bastion" },
    });
    expect(options.ignoreChanges).toEqual(["imageId"]);
  });

  it("launches an image that is named, whatever it was before", async () => {
    const image = { id: "ami-0a1b2c3d", architecture: "amd64" } as const;
    const { inputs, options } = (await make({ image })).resource(template, "bastion-launch-template");
    expect(inputs["imageId"]).toBe("ami-0a1b2c3d");
    expect(options.ignoreChanges).toBeUndefined();
  });

  it("is one instance, always: a group launches it in its subnet, and again when it fails", async () => {
    const { inputs } = (await make()).resource(group, "bastion-group");
    expect(inputs).toMatchObject({
      minSize: 1,
      maxSize: 1,
      desiredCapacity: 1,
      vpcZoneIdentifiers: ["subnet-1"],
      launchTemplate: { id: "bastion-launch-template-id", version: "7" },
      healthCheckType: "EC2",
      forceDelete: true,
      tags: [
        { key: "Name", value: "bastion", propagateAtLaunch: true },
        { key: "team", value: "ci", propagateAtLaunch: true },
      ],
    });
  });

  it("is another group when what it launches changes, made before the former goes", async () => {
    const { inputs, options } = (await make()).resource(group, "bastion-group");
    expect(options.replaceOnChanges).toEqual(["launchTemplate", "vpcZoneIdentifiers"]);
    expect(options.deleteBeforeReplace).toBeUndefined();
    // Two groups of one name could not be there at once.
    expect(inputs["name"]).toBeUndefined();
  });

  it("knows the instance that its group runs", async () => {
    let ids: Promise<string[]> | undefined;
    await record(() => {
      const { groupName, instanceId, drainParameterName } = new Bastion("bastion", bastionArgs());
      ids = valueOf(pulumi.all([groupName, instanceId, drainParameterName]));
    });
    await expect(ids).resolves.toEqual([
      "bastion-group-physical",
      "instance-of-bastion-group-physical",
      "/fleet/test/bastion/drain",
    ]);
  });

  it.each([
    ["has a public address, whatever its subnet gives", false, "true"],
    ["has no public address where it needs none", true, "false"],
  ])("%s", async (_, privateAddressOnly, associatePublicIpAddress) => {
    const made = await make({ privateAddressOnly });
    expect(made.resource(template, "bastion-launch-template").inputs["networkInterfaces"]).toMatchObject([
      { associatePublicIpAddress },
    ]);
  });

  it("publishes config.toml, the workers' user data and each token below its path, the token as a secret", async () => {
    const made = await make({ runnerTokens: { default: "glrt-planted", "gpu.big": "glrt-other" } });
    expect(
      own(made, parameter).map(({ inputs }) => [
        inputs["name"],
        inputs["type"],
        inputs["tier"] ?? "Standard",
      ]),
    ).toEqual(
      expect.arrayContaining([
        ["/fleet/test/bastion/runner-token/default", "SecureString", "Standard"],
        ["/fleet/test/bastion/runner-token/gpu.big", "SecureString", "Standard"],
        ["/fleet/test/bastion/worker-user-data", "String", "Intelligent-Tiering"],
        ["/fleet/test/bastion/config.toml", "String", "Intelligent-Tiering"],
      ]),
    );
    expect(made.resource(parameter, "bastion-runner-token-default").inputs["value"]).toEqual({
      ...secretMark,
      value: "glrt-planted",
    });
  });

  it("has a parameter that says who drains: nobody at first, and then whoever the operator says", async () => {
    const { inputs, options } = (await make()).resource(parameter, "bastion-drain");
    expect(inputs).toMatchObject({
      name: "/fleet/test/bastion/drain",
      type: "String",
      insecureValue: "none",
    });
    expect(options.ignoreChanges).toEqual(["insecureValue"]);
  });

  it.each([
    [undefined, 30],
    [365, 365],
  ])("keeps its log below its path, with logRetentionDays %s for %i days", async (logRetentionDays, days) => {
    const made = await make(logRetentionDays === undefined ? {} : { logRetentionDays });
    expect(made.resource(logGroup, "bastion-log-group").inputs).toEqual({
      name: "/fleet/test/bastion",
      retentionInDays: days,
      tags: { team: "ci" },
    });
  });

  it("boots when everything that it reads is there: parameters and permissions", async () => {
    const made = await make();
    const { dependsOn } = made.resource(group, "bastion-group").options;
    const names = (Array.isArray(dependsOn) ? dependsOn : []).map((resource: unknown) =>
      resource instanceof pulumi.CustomResource ? nameOf(resource) : "",
    );
    expect(names.sort()).toEqual([
      "bastion-config.toml",
      "bastion-drain",
      "bastion-log-group",
      "bastion-role-cache-policy",
      "bastion-role-fleet-policy",
      "bastion-role-policy",
      "bastion-runner-token-default",
      "bastion-worker-user-data",
    ]);
  });

  it("has the same user data whatever config.toml says, so that no schedule replaces it", async () => {
    const userData = async (args: Partial<BastionArgs>) =>
      (await make(args)).resource(template, "bastion-launch-template").inputs["userData"];
    expect(await userData({ runnerConfig: "concurrent = 2\n", runnerTokens: { other: "glrt-x" } })).toBe(
      await userData({}),
    );
  });

  it("manages the fleet as its own role, without an IAM user", async () => {
    const made = await make();
    expect(
      made
        .ofType("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
        .map(({ inputs }) => inputs["policyArn"])
        .sort(),
    ).toEqual(["arn:aws:iam::123456789012:policy/cache", "arn:of:bastion-fleet-policy"]);
  });

  it("leaves managing the fleet to the IAM user, where there is one", async () => {
    const made = await make({ userName: "manager" });
    expect(made.ofType("aws:iam/rolePolicyAttachment:RolePolicyAttachment")).toEqual([]);
    expect(
      made.ofType("aws:iam/userPolicyAttachment:UserPolicyAttachment").map(({ inputs }) => inputs),
    ).toEqual([{ user: "manager", policyArn: "arn:of:bastion-fleet-policy" }]);
  });

  it("may in any case read its own parameters, report, and serve a Session Manager shell", async () => {
    const { inputs } = (await make()).resource("aws:iam/rolePolicy:RolePolicy", "bastion-role-policy");
    expect(JSON.parse(String(inputs["policy"]))).toMatchObject({
      Statement: [
        {
          Sid: "ReadOwnParameters",
          Resource: [
            "arn:aws:ssm:eu-west-1:123456789012:parameter/fleet/test/bastion",
            "arn:aws:ssm:eu-west-1:123456789012:parameter/fleet/test/bastion/*",
          ],
        },
        {
          Sid: "WriteOwnLogs",
          Resource: "arn:aws:logs:eu-west-1:123456789012:log-group:/fleet/test/bastion:*",
        },
        { Sid: "ReportMetrics" },
        { Sid: "SessionManager" },
      ],
    });
  });

  it("names in the fleet's policy what the workers are made of", async () => {
    const { inputs } = (await make()).resource("aws:iam/policy:Policy", "bastion-fleet-policy");
    const policy = String(inputs["policy"]);
    for (const part of [
      "subnet/subnet-1",
      "image/ami-of-amd64",
      '"m6i.large"',
      "arn:of:workers-profile",
      "arn:of:workers-role",
    ]) {
      expect(policy).toContain(part);
    }
    expect(policy).not.toContain("spot");
  });

  it("allows in the fleet's policy what the workers' fallbacks are, too", async () => {
    const fallbacks = [{ instanceType: "m5.large", spot: {} }, { instanceType: "m5a.large" }];
    const made = await record(() => {
      const workers = new Workers("flexible", { ...workersArgs, kinds: [{ ...workerKind, fallbacks }] });
      return new Bastion("bastion", { ...bastionArgs(), workers });
    });
    const policy = String(made.resource("aws:iam/policy:Policy", "bastion-fleet-policy").inputs["policy"]);
    expect(policy).toContain('"ec2:InstanceType":["m6i.large","m5.large","m5a.large"]');
    expect(policy).toContain("spot-instances-request/*");
  });
});
