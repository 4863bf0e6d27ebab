import * as pulumi from "@pulumi/pulumi";
import { RegistryMirror, type RegistryMirrorArgs } from "../components/registry-mirror";
import type { RegistryAddresses } from "../components/registry-addresses";
import { mirrorArgs } from "./helpers/fleet";
import { record, secretMark, valueOf } from "./helpers/record";

const instanceType = "aws:ec2/instance:Instance";
const make = (args: Partial<RegistryMirrorArgs> = {}) =>
  record(() => new RegistryMirror("registry-mirror", { ...mirrorArgs, ...args }));

describe("RegistryMirror", () => {
  it("keeps its data on an encrypted volume of its own, in its subnet's zone", async () => {
    const made = await make({ volumeSize: 100 });
    expect(made.resource("aws:ebs/volume:Volume", "registry-mirror-data").inputs).toEqual({
      availabilityZone: "eu-west-1a",
      size: 100,
      type: "gp3",
      encrypted: true,
      tags: { team: "ci", Name: "registry-mirror-data" },
    });
  });

  it("moves the volume to a new instance: the old one stops and lets go first", async () => {
    const { inputs, options } = (await make()).resource(
      "aws:ec2/volumeAttachment:VolumeAttachment",
      "registry-mirror-data-attachment",
    );
    expect(inputs).toMatchObject({
      stopInstanceBeforeDetaching: true,
      instanceId: "registry-mirror-instance-id",
    });
    expect(options.deleteBeforeReplace).toBe(true);
  });

  it("has a private name, and its ports are part of what clients are told", async () => {
    let addresses: Promise<string[]> | undefined;
    const made = await record(() => {
      const { url, layerCacheRegistry } = new RegistryMirror("registry-mirror", mirrorArgs);
      addresses = valueOf(pulumi.all([url, layerCacheRegistry]));
    });
    await expect(addresses).resolves.toEqual([
      "http://registry-mirror.test.fleet.internal:6000",
      "registry-mirror.test.fleet.internal:5000",
    ]);
    expect(made.resource("aws:route53/zone:Zone", "registry-mirror-zone").inputs).toMatchObject({
      name: "test.fleet.internal",
      vpcs: [{ vpcId: "vpc-1" }],
    });
    expect(made.resource("aws:route53/record:Record", "registry-mirror-name").inputs).toMatchObject({
      name: "registry-mirror.test.fleet.internal",
      type: "A",
      records: ["10.0.0.10"],
    });
  });

  it("makes an authority of its own for HTTPS, whose certificate clients are told, and keeps the key secret", async () => {
    let addresses: Promise<RegistryAddresses> | undefined;
    const made = await record(() => {
      const mirror = new RegistryMirror("registry-mirror", {
        ...mirrorArgs,
        tls: true,
        upstreams: ["ghcr.io"],
      });
      addresses = valueOf(mirror.addresses);
    });
    expect(await addresses).toEqual({
      host: "registry-mirror.test.fleet.internal",
      mirrors: [
        { upstream: "docker.io", port: 6000 },
        { upstream: "ghcr.io", port: 6001 },
      ],
      caCertificate: expect.stringMatching(/^-----BEGIN CERTIFICATE-----\n/) as string,
    });
    const parameter = (name: string) =>
      made.resource("aws:ssm/parameter:Parameter", `registry-mirror-${name}`).inputs;
    expect(parameter("certificate")).toMatchObject({
      type: "String",
      name: "/fleet/test/registry-mirror/certificate",
      insecureValue: expect.stringMatching(/^-----BEGIN CERTIFICATE-----\n/) as string,
    });
    expect(parameter("private-key")).toMatchObject({
      type: "SecureString",
      name: "/fleet/test/registry-mirror/private-key",
      value: { ...secretMark, value: expect.stringMatching(/^-----BEGIN PRIVATE KEY-----\n/) as string },
    });
  });

  it("makes a password for protected refs", async () => {
    expect((await make()).ofType("random:index/randomPassword:RandomPassword")).toHaveLength(1);
    const made = await make({ protectedRefs: true });
    expect(
      made.resource("aws:ssm/parameter:Parameter", "registry-mirror-layer-cache-password-parameter").inputs,
    ).toMatchObject({ type: "SecureString", name: "/fleet/test/registry-mirror/layer-cache-password" });
  });

  it("refuses what its machine cannot do, all at once", () => {
    expect(
      () =>
        new RegistryMirror("registry-mirror", { ...mirrorArgs, upstreams: ["docker.io"], mirrorShare: 95 }),
    ).toThrow(/upstreams\[0\].*\n?.*mirrorShare/s);
  });

  it("lets nobody in by itself, and reaches only ports 80 and 443", async () => {
    const made = await make();
    expect(made.ofType("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")).toEqual([]);
    expect(
      made
        .ofType("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule")
        .map(({ inputs }) => [inputs["fromPort"], inputs["toPort"], inputs["cidrIpv4"]]),
    ).toEqual([
      [443, 443, "0.0.0.0/0"],
      [80, 80, "0.0.0.0/0"],
    ]);
  });

  it("keeps its first image, unless one is named", async () => {
    const first = (await make()).resource(instanceType, "registry-mirror-instance");
    expect(first.inputs["ami"]).toBe("ami-of-amd64");
    expect(first.options.ignoreChanges).toEqual(["ami"]);
    const named = (await make({ image: { id: "ami-0a1b2c3d", architecture: "amd64" } })).resource(
      instanceType,
      "registry-mirror-instance",
    );
    expect(named.inputs["ami"]).toBe("ami-0a1b2c3d");
    expect(named.options.ignoreChanges).toBeUndefined();
  });

  it("takes an image of its instance type's architecture", async () => {
    const made = await make({ instanceType: "t4g.small" });
    expect(made.resource(instanceType, "registry-mirror-instance").inputs["ami"]).toBe("ami-of-arm64");
  });

  it("is replaced when its boot changes", async () => {
    const made = await make();
    expect(made.resource(instanceType, "registry-mirror-instance").inputs["userDataReplaceOnChange"]).toBe(
      true,
    );
  });

  it("reports to a log group below its path, and may write to no other", async () => {
    const made = await make({ logRetentionDays: 7 });
    expect(made.resource("aws:cloudwatch/logGroup:LogGroup", "registry-mirror-log-group").inputs).toEqual({
      name: "/fleet/test/registry-mirror",
      retentionInDays: 7,
      tags: { team: "ci" },
    });
    const { inputs } = made.resource("aws:iam/rolePolicy:RolePolicy", "registry-mirror-role-policy");
    expect(JSON.parse(String(inputs["policy"]))).toMatchObject({
      Statement: [
        { Sid: "ReadOwnParameters" },
        {
          Sid: "WriteOwnLogs",
          Resource: "arn:aws:logs:eu-west-1:123456789012:log-group:/fleet/test/registry-mirror:*",
        },
        { Sid: "ReportMetrics" },
        { Sid: "SessionManager" },
      ],
    });
  });

  it("reads Docker Hub's password from a SecureString, when there is one", async () => {
    const named = (names: string) => (name: { inputs: Record<string, unknown> }) =>
      name.inputs["name"] === names;
    const path = "/fleet/test/registry-mirror/docker-hub-password";
    const without = await make();
    expect(without.ofType("aws:ssm/parameter:Parameter").filter(named(path))).toEqual([]);
    const made = await make({ dockerHub: { username: "someone", password: "planted-password" } });
    expect(made.ofType("aws:ssm/parameter:Parameter").find(named(path))?.inputs).toMatchObject({
      type: "SecureString",
      value: { ...secretMark, value: "planted-password" },
    });
  });
});
