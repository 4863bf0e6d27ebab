import { execFileSync } from "child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "fs";
import { tmpdir } from "os";
import { join, resolve } from "path";

// How long it takes until the program has registered everything, against a program that makes nothing: each in a process of its own,
// as Pulumi starts them (ts-node, transpile only), in turns, and the medians compared.

const root = resolve(__dirname, "../..");
const rounds = 9;
const aim = 1.5;
// Half of what is over the aim is Pulumi's SDK: it takes a stack trace for each promise, and ts-node maps each of them to TypeScript.
const limit = 2.5;

const runner = `
  const { runProgram } = require(${JSON.stringify(join(root, "cli/program"))});
  const { PlanMonitor } = require(${JSON.stringify(join(root, "cli/monitor"))});
  const { readStackConfiguration } = require(${JSON.stringify(join(root, "cli/stack-file"))});
  const { project, stack, values, secretKeys } = readStackConfiguration(${JSON.stringify(root)}, "dev");
  const monitor = new PlanMonitor("eu-west-1");
  const around = { project, stack, values, secretKeys, mocks: monitor, onResource: monitor.onResource };
`;

const programs = {
  fleet: `${runner} runProgram(() => require(${JSON.stringify(join(root, "index"))}), around);`,
  // What \`pulumi new aws-typescript\` starts from, without its one resource.
  empty: `${runner} require("@pulumi/pulumi"); require("@pulumi/aws"); require("@pulumi/awsx"); runProgram(() => undefined, around);`,
};

const median = (values: number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;

const folder = mkdtempSync(join(tmpdir(), "fleet-bench-"));
try {
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  const times: Record<keyof typeof programs, number[]> = { fleet: [], empty: [] };
  for (let round = 0; round < rounds; round++) {
    for (const name of ["fleet", "empty"] as const) {
      const file = join(folder, `${name}.js`);
      writeFileSync(file, programs[name]);
      const start = performance.now();
      execFileSync(process.execPath, ["-r", "ts-node/register", file], {
        cwd: root,
        stdio: "ignore",
        env: { ...process.env, TS_NODE_TRANSPILE_ONLY: "true" },
      });
      times[name].push(performance.now() - start);
    }
  }
  const [fleet, empty] = [median(times.fleet), median(times.empty)];
  const ratio = fleet / empty;
  console.log(
    `start-up: ${fleet.toFixed(0)} ms, an empty program ${empty.toFixed(0)} ms, ratio ${ratio.toFixed(2)} (aim: at most ${aim}, limit: ${limit}; median of ${rounds})`,
  );
  if (ratio > limit) process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true });
}
