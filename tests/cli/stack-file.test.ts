import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { UserProblem } from "../../cli/problem";
import { readStackConfiguration, type StackConfiguration } from "../../cli/stack-file";
import { withFolder } from "./helpers/plan";

const projectFile = `
name: fleet
runtime: nodejs
config:
  concurrent:
    type: integer
    default: 10
  gitlabUrl:
    description: required, so without a default
    type: string
  aws:region:
    value: eu-west-1
`;

function read(stackFile: string, project = projectFile): StackConfiguration {
  return withFolder((folder) => {
    writeFileSync(join(folder, "Pulumi.yaml"), project);
    writeFileSync(join(folder, "Pulumi.dev.yaml"), stackFile);
    return readStackConfiguration(folder, "dev");
  });
}

describe("a stack file", () => {
  it("becomes what Pulumi holds: full keys, texts, objects as JSON", () => {
    const { project, stack, values } = read(`
config:
  aws:defaultTags: { tags: { team: ci } }
  fleet:gitlabUrl: https://gitlab.example.com
  concurrent: 20
  flag: true
  list: [1, "2", 0.5]
`);
    expect({ project, stack }).toEqual({ project: "fleet", stack: "dev" });
    expect(values).toEqual({
      "aws:region": "eu-west-1",
      "aws:defaultTags": '{"tags":{"team":"ci"}}',
      "fleet:gitlabUrl": "https://gitlab.example.com",
      "fleet:concurrent": "20",
      "fleet:flag": "true",
      "fleet:list": '[1,"2",0.5]',
      "fleet:runnerTokens": "{}",
    });
  });

  it("takes a default from Pulumi.yaml", () => {
    expect(read("config: {}").values["fleet:concurrent"]).toBe("10");
  });

  it("may be empty", () => {
    expect(read("").values["aws:region"]).toBe("eu-west-1");
  });

  it("has its secrets hidden, wherever they stand", () => {
    const { values, secretKeys } = read(`
config:
  fleet:password: { secure: v1:abc }
  fleet:nested: { list: [{ secure: v1:def }], plain: 1 }
`);
    expect(values["fleet:password"]).toBe("<secret>");
    expect(values["fleet:nested"]).toBe('{"list":["<secret>"],"plain":1}');
    expect(secretKeys).toEqual(["fleet:nested", "fleet:password", "fleet:runnerTokens"]);
  });

  it("gets a token for each runner and a password for Docker Hub, and says which are missing", () => {
    const { values, secretKeys, missingSecrets, warnings } = read(`
config:
  fleet:runners: [{ name: small }, { name: large }]
  fleet:runnerTokens: { large: { secure: v1:abc } }
  fleet:dockerHub: { username: me }
`);
    expect(values["fleet:runnerTokens"]).toBe('{"large":"<secret>","small":"<secret>"}');
    expect(values["fleet:dockerHub"]).toBe('{"username":"me","password":"<secret>"}');
    expect(secretKeys).toEqual(["fleet:dockerHub", "fleet:runnerTokens"]);
    expect(missingSecrets).toEqual(["runnerTokens.small", "dockerHub.password"]);
    expect(warnings).toEqual([]);
  });

  it("misses no token when all of them are one secret", () => {
    const { values, missingSecrets } = read(`
config:
  fleet:runners: [{ name: small }]
  fleet:runnerTokens: { secure: v1:abc }
`);
    expect(values["fleet:runnerTokens"]).toBe('{"small":"<secret>"}');
    expect(missingSecrets).toEqual([]);
  });

  it("gets what each runner's cache needs, and says which of it is missing", () => {
    const { values, secretKeys, missingSecrets, warnings } = read(`
config:
  fleet:runners:
    - { name: own }
    - { name: minio, cache: { type: minio } }
    - { name: gpu.big, cache: { type: gcs } }
    - { name: azure, cache: { type: azure } }
    - { name: misspelt, cache: { type: azur } }
  fleet:runnerTokens: { secure: v1:abc }
  fleet:cacheCredentials: { minio: { secretKey: { secure: v1:def } }, azure: { accountKey: planted } }
`);
    expect(values["fleet:cacheCredentials"]).toBe(
      JSON.stringify({
        minio: { secretKey: "<secret>", accessKey: "<secret>" },
        azure: { accountKey: "<secret>" },
        "gpu.big": { privateKey: "<secret>" },
      }),
    );
    expect(secretKeys).toEqual(["fleet:cacheCredentials", "fleet:runnerTokens"]);
    expect(missingSecrets).toEqual([
      "cacheCredentials.minio.accessKey",
      'cacheCredentials["gpu.big"].privateKey',
    ]);
    expect(warnings).toEqual([
      "cacheCredentials.azure.accountKey stands in Pulumi.dev.yaml in clear: pulumi config set --secret --path 'cacheCredentials.azure.accountKey'",
    ]);
  });

  it("is warned of a token in clear, which goes no further", () => {
    const { values, secretKeys, warnings } = read("config: { runnerTokens: { small: planted-token } }");
    expect(JSON.stringify(values)).not.toContain("planted-token");
    expect(secretKeys).toEqual([]);
    expect(warnings).toEqual([
      "runnerTokens.small stands in Pulumi.dev.yaml in clear: pulumi config set --secret --path 'runnerTokens.small'",
    ]);
  });

  it("is warned of an environment that the plan cannot read", () => {
    expect(read("environment: [shared]").warnings).toEqual([
      "The plan does not read the Pulumi ESC environment that Pulumi.dev.yaml names.",
    ]);
  });

  it("that does not exist gives one line with those that do", () => {
    withFolder((folder) => {
      for (const file of ["Pulumi.yaml", "Pulumi.prod.yaml", "Pulumi.dev.yaml"]) {
        writeFileSync(join(folder, file), "name: fleet");
      }
      expect(() => readStackConfiguration(folder, "staging")).toThrow(
        new UserProblem("There is no Pulumi.staging.yaml. There are: Pulumi.dev.yaml, Pulumi.prod.yaml."),
      );
    });
  });

  it("cannot be read outside a project", () => {
    withFolder((folder) => {
      expect(() => readStackConfiguration(folder, "dev")).toThrow(
        new UserProblem("There is no Pulumi.yaml here. Run the plan in the project's folder."),
      );
    });
  });

  it("that is not YAML gives the place", () => {
    expect(() => read("config:\n  a: [1\n")).toThrow(/^Pulumi\.dev\.yaml: .* at line 3/);
  });
});
