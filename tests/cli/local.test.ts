import { execFileSync } from "child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "fs";
import { tmpdir } from "os";
import { join } from "path";
import { parse } from "yaml";
import { committedSettings, emulatorSettings, projectFolder, Workspace } from "../../cli/local/workspace";

const url = "http://127.0.0.1:40123";

/** Types and namespaces of the provider that belong to another service's API. */
const servicesOf: [RegExp, string][] = [
  [/^aws:(ebs|vpc)\//, "ec2"],
  [/^aws:cloudwatch\/log/, "logs"],
  [/^aws:cloudwatch\/event/, "events"],
];

function serviceOf(type: string): string {
  const [, service = /^aws:(\w+)/.exec(type)?.[1] ?? ""] = servicesOf.find(([some]) => some.test(type)) ?? [];
  return service;
}

describe("Pulumi.local.yaml", () => {
  it("sends every service that the program uses to the emulator", () => {
    const folder = mkdtempSync(join(tmpdir(), "fleet-plan-"));
    try {
      execFileSync("npm", ["run", "plan", "--", "--stack", "local", "--out", folder], { cwd: projectFolder });
      const resources = JSON.parse(readFileSync(join(folder, "resources.json"), "utf8")) as {
        type: string;
      }[];
      const used = resources.filter(({ type }) => type.startsWith("aws:")).map(({ type }) => serviceOf(type));
      const [endpoints] = emulatorSettings(url)["aws:endpoints"] as [Record<string, string>];
      expect(Object.keys(endpoints)).toEqual(expect.arrayContaining([...used, "sts"]));
      expect(new Set(Object.values(endpoints))).toEqual(new Set([url]));
    } finally {
      rmSync(folder, { recursive: true });
    }
  }, 30_000);

  it("gives other stacks what leads to the emulator, and nothing else", () => {
    expect(Object.keys(emulatorSettings(url)).sort()).toEqual([
      "aws:endpoints",
      "aws:s3UsePathStyle",
      "aws:skipCredentialsValidation",
      "aws:skipMetadataApiCheck",
    ]);
    expect(JSON.stringify(committedSettings("local"))).toContain("<emulator>");
  });
});

describe("a workspace", () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "fleet-workspace-"));
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it("runs the program of this project with the project's own configuration", () => {
    new Workspace({ folder, stack: "some" }).prepare();
    const project: unknown = parse(readFileSync(join(folder, "Pulumi.yaml"), "utf8"));
    const committed = parse(readFileSync(join(projectFolder, "Pulumi.yaml"), "utf8")) as object;
    expect(project).toEqual({ ...committed, main: projectFolder });
  });

  it("changes the settings given, and keeps the others and the encryption salt", () => {
    const file = join(folder, "Pulumi.some.yaml");
    writeFileSync(file, "encryptionsalt: v1:salt\nconfig:\n  a:one: 1\n  a:two: 2\n");
    new Workspace({ folder, stack: "some" }).configure({ "a:two": undefined, "a:three": [3] });
    expect(parse(readFileSync(file, "utf8"))).toEqual({
      encryptionsalt: "v1:salt",
      config: { "a:one": 1, "a:three": [3] },
    });
  });

  it("has credentials that open nothing, and none of the user's", () => {
    process.env["AWS_PROFILE"] = "production";
    process.env["AWS_SESSION_TOKEN"] = "of-an-account";
    process.env["PULUMI_STACK"] = "production";
    try {
      const environment = new Workspace({ folder, stack: "some" }).environment();
      const chosen = Object.entries(environment).filter(([name]) =>
        /^(AWS|PULUMI_(STACK|BACKEND))/.test(name),
      );
      expect(Object.fromEntries(chosen)).toEqual({
        AWS_ACCESS_KEY_ID: "emulator",
        AWS_SECRET_ACCESS_KEY: "emulator",
        AWS_EC2_METADATA_DISABLED: "true",
        PULUMI_BACKEND_URL: `file://${folder}`,
        PULUMI_STACK: "some",
      });
    } finally {
      for (const name of ["AWS_PROFILE", "AWS_SESSION_TOKEN", "PULUMI_STACK"])
        Reflect.deleteProperty(process.env, name);
    }
  });
});
