import { createPrivateKey, X509Certificate } from "crypto";
import { paginateDescribeSecurityGroupRules } from "@aws-sdk/client-ec2";
import { readPublishedText } from "../helpers/published-text";
import { Emulator } from "../tools/emulator";
import { describeWith, program } from "../tools/programs";
import { Account, all } from "./account";
import { EngineStack } from "./project";

describeWith("a stack with TLS and further registries", [program("pulumi"), program("moto_server")], () => {
  let emulator: Emulator;
  let account: Account;
  let stack: EngineStack;

  const configure = (upstreams: string[]) => {
    stack.configure({ "gitlab-runner-fleet:registryMirror": { tls: true, upstreams } });
  };
  const published = async (name: string) => {
    const path = `/gitlab-runner-fleet/dev/${name}`;
    const found = (await account.parameters("/gitlab-runner-fleet/dev")).find(({ Name }) => Name === path);
    return readPublishedText(found?.Value ?? "");
  };
  const openPorts = async () => {
    const rules = await all(
      paginateDescribeSecurityGroupRules(
        { client: account.ec2 },
        { Filters: [{ Name: "group-id", Values: [await stack.idOf("registry-mirror-security-group")] }] },
      ),
      ({ SecurityGroupRules }) => SecurityGroupRules,
    );
    return rules
      .filter(({ IsEgress }) => IsEgress === false)
      .map(({ FromPort }) => FromPort)
      .sort();
  };

  beforeAll(async () => {
    emulator = await Emulator.start();
    account = new Account(emulator.url, "eu-west-1");
    stack = await EngineStack.init("dev", { emulator: emulator.url }, { default: "glrt-default" });
    configure(["ghcr.io", "quay.io"]);
    await stack.up();
  });

  afterAll(async () => {
    stack.remove();
    await emulator.stop();
  });

  it("has the same certificate ever after", async () => {
    await stack.must("preview", "--expect-no-changes");
  });

  it("gives the mirror the key to its certificate, and workers and jobs the authority's that signed it", async () => {
    const certificate = new X509Certificate(await published("registry-mirror/certificate"));
    expect(
      certificate.checkPrivateKey(createPrivateKey(await published("registry-mirror/private-key"))),
    ).toBe(true);
    const [authority = ""] =
      /-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/.exec(
        (await published("bastion/worker-user-data")).replaceAll(/^ +/gm, ""),
      ) ?? [];
    expect(certificate.verify(new X509Certificate(authority).publicKey)).toBe(true);
    expect((await stack.must("stack", "output", "registriesCaCertificate")).trim()).toBe(authority);
    expect(certificate.subjectAltName).toBe("DNS:registry-mirror.dev.gitlab-runner-fleet.internal");
    expect(await published("bastion/config.toml")).toContain(
      "engine-registry-mirror=https://registry-mirror.dev.gitlab-runner-fleet.internal:6000",
    );
    expect(await stack.must("stack", "output", "registryMirrorUrl")).toBe(
      "https://registry-mirror.dev.gitlab-runner-fleet.internal:6000\n",
    );
  });

  it("opens a port of the mirror to workers for each registry", async () => {
    expect(await openPorts()).toEqual([5000, 6000, 6001, 6002]);
  });

  it("replaces the mirror, but neither its data nor its certificate, when registries change", async () => {
    const kept = async () => [
      await stack.idOf("registry-mirror-data"),
      await published("registry-mirror/certificate"),
    ];
    const before = await kept();
    configure(["ghcr.io"]);
    const applied = await stack.applied();
    expect(applied).toContain("create-replacement registry-mirror-instance");
    expect(applied).toContain("delete workers-to-registry-mirror-6002");
    expect(applied.filter((change) => /mirror-data$|certificate|seed/.test(change))).toEqual([]);
    expect(await kept()).toEqual(before);
    expect(await openPorts()).toEqual([5000, 6000, 6001]);
  });
});
