import { execFileSync } from "child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "fs";
import { tmpdir } from "os";
import { join, resolve } from "path";

// How long it takes until the program has registered everything, against a program that makes nothing, and against one that registers
// as many resources with as many properties and does nothing else: each in a process of its own, as Pulumi starts them (ts-node,
// transpile only), in turns, and the medians compared.

const root = resolve(__dirname, "../..");
const rounds = 9;
const aim = 1.5;
// Most of what is over the aim is Pulumi's SDK: it takes a stack trace for each property of each resource, and ts-node maps each of
// them to TypeScript. So what is limited is our own part.
const limit = 1.6;

const runner = `
  const { runProgram } = require(${JSON.stringify(join(root, "cli/program"))});
  const { PlanMonitor } = require(${JSON.stringify(join(root, "cli/monitor"))});
  const { readStackConfiguration } = require(${JSON.stringify(join(root, "cli/stack-file"))});
  const { project, stack, values, secretKeys } = readStackConfiguration(${JSON.stringify(root)}, "dev");
  const monitor = new PlanMonitor("eu-west-1");
  const around = { project, stack, values, secretKeys, mocks: monitor, onResource: monitor.onResource };
  // What \`pulumi new aws-typescript\` starts from, without its one resource.
  const pulumi = require("@pulumi/pulumi"); require("@pulumi/aws"); require("@pulumi/awsx");
`;

const programs = {
  fleet: `runProgram(() => require(${JSON.stringify(join(root, "index"))}), around);`,
  bare: `
    const resources = require("./resources.json");
    runProgram(() => {
      for (const { type, name, properties } of resources)
        new pulumi.CustomResource(type, name, Object.fromEntries(properties.map((property) => [property, undefined])));
    }, around);`,
  empty: `runProgram(() => undefined, around);`,
};
type Program = keyof typeof programs;

const record = `
  const resources = [];
  const onResource = (resource) => {
    if (!resource.type.startsWith("pulumi:"))
      resources.push({ type: resource.type, name: resource.name, properties: Object.keys(resource.props) });
    return monitor.onResource(resource);
  };
  runProgram(() => require(${JSON.stringify(join(root, "index"))}), { ...around, onResource }).then(() =>
    require("fs").writeFileSync("resources.json", JSON.stringify(resources)));
`;

const median = (values: number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;

const folder = mkdtempSync(join(tmpdir(), "fleet-bench-"));

function run(name: string, program: string): number {
  const file = join(folder, `${name}.js`);
  writeFileSync(file, runner + program);
  const start = performance.now();
  execFileSync(process.execPath, ["-r", join(root, "node_modules/ts-node/register"), file], {
    cwd: folder,
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, TS_NODE_TRANSPILE_ONLY: "true", TS_NODE_PROJECT: join(root, "tsconfig.json") },
  });
  return performance.now() - start;
}

try {
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  run("record", record);
  const times: Record<Program, number[]> = { fleet: [], bare: [], empty: [] };
  for (let round = 0; round < rounds; round++)
    for (const name of ["fleet", "bare", "empty"] as const) times[name].push(run(name, programs[name]));

  const [fleet, bare, empty] = [median(times.fleet), median(times.bare), median(times.empty)];
  const ours = fleet / bare;
  console.log(
    `start-up: ${fleet.toFixed(0)} ms, median of ${rounds}
  an empty program:         ${empty.toFixed(0)} ms, ratio ${(fleet / empty).toFixed(2)} (aim: at most ${aim})
  as many resources, bare:  ${bare.toFixed(0)} ms, ratio ${ours.toFixed(2)} (limit: ${limit})`,
  );
  if (ours > limit) process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true });
}
