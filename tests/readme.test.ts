import { execFile } from "child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "fs";
import { join } from "path";
import { parse } from "yaml";
import { z } from "zod";
import { statusText } from "../cli/fleet/status-text";
import { nextSteps } from "../cli/local/next-steps";
import { awsSchema, fleetSchema, secretsSchema } from "../components/config-schema";
import { bareSchema } from "../components/problems";
import packageJson from "../package.json";
import { sampleStatus } from "./cli/fixtures/fleet-status";

const root = join(__dirname, "..");
const readme = readFileSync(join(root, "README.md"), "utf8");

/** What stands between `<!-- name -->` and `<!-- /name -->`. */
function block(name: string): string {
  const [, found] = new RegExp(`<!-- ${name} -->\\s*([\\s\\S]*?)\\s*<!-- /${name} -->`).exec(readme) ?? [];
  if (found === undefined) throw new Error(`README.md has no block ${name}`);
  return found.replace(/^```text\n|\n```$/g, "");
}

function plan(stack: string): Promise<string> {
  return new Promise((resolve) => {
    execFile(
      "npm",
      ["run", "--silent", "plan", "--", "--stack", stack],
      { cwd: root },
      (_, stdout, stderr) => {
        resolve((stdout + stderr).trim());
      },
    );
  });
}

/** Every key of a schema, as the table writes it: `runners[].docker.image`. */
function keysOf(wrapped: z.core.$ZodType, path: string): string[] {
  if (/\.(image|spot|fallbacks)$|^workers$/.test(path)) return [path];
  const schema = bareSchema(wrapped);
  if (schema instanceof z.ZodArray && schema.element instanceof z.ZodObject)
    return keysOf(schema.element, `${path}[]`);
  if (schema instanceof z.ZodDiscriminatedUnion) {
    return [...new Set(schema.options.flatMap((option) => keysOf(option, path)))];
  }
  if (!(schema instanceof z.ZodObject)) return [path];
  return Object.entries<z.core.$ZodType>(schema.shape).flatMap(([key, inner]) =>
    keysOf(inner, path === "" ? key : `${path}.${key}`),
  );
}

describe("README.md", () => {
  it("shows what the plan of dev really prints", async () => {
    expect(block("plan:dev")).toBe(await plan("dev"));
  }, 30_000);

  it("shows what npm run local ends with", () => {
    expect(block("local")).toBe(nextSteps("http://127.0.0.1:40123"));
  });

  it("shows what npm run fleet prints of a fleet's status", () => {
    expect(block("fleet:status")).toBe(statusText(sampleStatus).trimEnd());
  });

  it("shows what a bad stack file really gives", async () => {
    const file = join(root, "Pulumi.example.yaml");
    writeFileSync(
      file,
      [
        "config:",
        "  aws:region: eu-west-1",
        "  gitlab-runner-fleet:concurent: 20",
        "  gitlab-runner-fleet:runners:",
        "    - name: default",
        "      machine: { OffPeakIdleCount: 0 }",
        "      autoscaling:",
        '        - { periods: ["8-18 * * mon-fri *"], idleCount: 12, idleTime: 1800 }',
      ].join("\n"),
    );
    try {
      expect(block("errors")).toBe(await plan("example"));
    } finally {
      rmSync(file);
    }
  }, 30_000);

  it("has every configuration key in its table", () => {
    const table = block("configuration")
      .replace(/`\.(\w+)`/g, "`runners[].autoscaling[].$1`")
      .replace(/`(\w+)\.<runner name>[^`]*`/g, "`$1`");
    const written = [...table.matchAll(/`([\w.:[\]]+)`/g)].map(([, key]) => key);
    const extras = ["runners[].docker.extra", "runners[].machine.extra", "runners[].cache.extra"];
    const keys = [...keysOf(fleetSchema, ""), ...Object.keys(awsSchema.shape), ...keysOf(secretsSchema, "")];
    expect(keys.filter((key) => !written.includes(key) && !extras.includes(key))).toEqual([]);
  });

  it("names only commands and files that are there", () => {
    const commands = [...readme.matchAll(/npm run ([\w:]+)/g)].map(([, name]) => name ?? "");
    expect(commands.filter((name) => !(name in packageJson.scripts))).toEqual([]);
    const links = [...readme.matchAll(/\]\(([^)#:]+)\)/g)].map(([, path]) => path ?? "");
    expect(links.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  });

  it("comes with a pipeline whose jobs run only what is there, on the stacks that are there", () => {
    const pipeline = readFileSync(join(root, ".gitlab-ci.yml"), "utf8");
    const jobs = z.record(z.string(), z.unknown()).parse(parse(pipeline));
    const { parallel } = z
      .object({ parallel: z.object({ matrix: z.tuple([z.object({ STACK: z.array(z.string()) })]) }) })
      .parse(jobs[".environments"]);
    const stacks = parallel.matrix[0].STACK;
    expect(stacks.filter((stack) => !existsSync(join(root, `Pulumi.${stack}.yaml`)))).toEqual([]);
    const commands = [...pipeline.matchAll(/npm run ([\w:]+)/g)].map(([, name]) => name ?? "");
    expect(commands).toEqual(["verify", "plan"]);
    expect(commands.filter((name) => !(name in packageJson.scripts))).toEqual([]);
  });

  it("says of each dependency what it is for", () => {
    const names = [...Object.keys(packageJson.dependencies), ...Object.keys(packageJson.devDependencies)];
    expect(names.filter((name) => !readme.includes(`\`${name}\``) && !name.startsWith("@types/"))).toEqual(
      [],
    );
  });
});
