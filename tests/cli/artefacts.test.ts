import { gzipSync } from "node:zlib";
import { artefactFiles, readArtefacts } from "../../cli/artefacts";
import type { PlannedResource } from "../../cli/resources";

const packed = (text: string): string => gzipSync(text).toString("base64");
const base64 = (text: string): string => Buffer.from(text).toString("base64");

const parameter = (name: string, insecureValue: string): PlannedResource => ({
  type: "aws:ssm/parameter:Parameter",
  name: "some",
  inputs: { name: `/fleet/dev${name}`, insecureValue },
});

const instance = (userDataBase64: string): PlannedResource => ({
  type: "aws:ec2/instance:Instance",
  name: "bastion-instance",
  inputs: { userDataBase64 },
});

const files = (...resources: PlannedResource[]) =>
  Object.fromEntries(artefactFiles(readArtefacts(resources)));

describe("the generated files", () => {
  it.each([
    { how: "as it is", value: (text: string) => text },
    { how: "compressed", value: packed },
  ])("have config.toml $how, with its tokens hidden", ({ value }) => {
    const text = 'token = "@@runner-token/default@@" # user@@example\n';
    expect(files(parameter("/bastion/config.toml", value(text)))).toEqual({
      "config.toml": 'token = "<secret>" # user@@example\n',
    });
  });

  it.each([
    { how: "plain", value: base64 },
    { how: "compressed", value: packed },
  ])("have an instance's user data, $how, and the files in it with their modes", ({ value }) => {
    const cloudConfig = `#cloud-config
write_files:
  - { path: /etc/fleet/bastion.env, content: "A='1'\\n" }
  - path: /opt/fleet/sync@x.sh
    permissions: "0755"
    owner: root:adm
    encoding: gz+b64
    content: ${packed("#!/bin/bash\n")}
  - { path: /etc/motd, encoding: b64, content: ${base64("hello\n")} }
`;
    expect(files(instance(value(cloudConfig)))).toEqual({
      "user-data/bastion/cloud-config.yaml": cloudConfig,
      "user-data/bastion/modes.txt":
        "0644  root:root  /etc/fleet/bastion.env\n0755  root:adm  /opt/fleet/sync@x.sh\n0644  root:root  /etc/motd\n",
      "user-data/bastion/files/etc/fleet/bastion.env": "A='1'\n",
      "user-data/bastion/files/opt/fleet/sync@x.sh": "#!/bin/bash\n",
      "user-data/bastion/files/etc/motd": "hello\n",
    });
  });

  it("have the workers' user data from its parameter", () => {
    expect(files(parameter("/bastion/worker-user-data", packed("#cloud-config\n")))).toEqual({
      "user-data/worker/cloud-config.yaml": "#cloud-config\n",
    });
  });

  it("keep a script that is no cloud-config as it is", () => {
    expect(files(instance(base64("#!/bin/sh\n")))).toEqual({
      "user-data/bastion/cloud-config.yaml": "#!/bin/sh\n",
    });
  });

  it("show secret user data as nothing but secret", () => {
    expect(files(instance("<secret>"))).toEqual({
      "user-data/bastion/cloud-config.yaml": "<secret>",
    });
  });

  it.each(["/etc/../../escape", "relative", "/", "/etc//x"])("never leave their folder: %s", (path) => {
    const cloudConfig = `#cloud-config\nwrite_files: [{ path: "${path}", content: x }]\n`;
    expect(() => readArtefacts([instance(base64(cloudConfig))])).toThrow(
      `bastion: cloud-init cannot write to "${path}"`,
    );
  });

  it("have each policy as JSON that people can read", () => {
    const policy: PlannedResource = {
      type: "aws:iam/role:Role",
      name: "bastion-role",
      inputs: { assumeRolePolicy: '{"Version":"2012-10-17"}' },
    };
    expect(files(policy)).toEqual({ "policies/bastion-role.json": '{\n  "Version": "2012-10-17"\n}\n' });
  });
});
