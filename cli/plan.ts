import { RunError } from "@pulumi/pulumi";
import { join } from "node:path";
import { parseArguments } from "./arguments";
import { planFiles, planFleet } from "./fleet-plan";
import { replaceFolder } from "./folder";
import { PlanProblem } from "./problem";
import { readStackConfiguration } from "./stack-file";
import { jsonSummary, textSummary } from "./summary";

async function main(argv: string[]): Promise<void> {
  const { stack, out = join("plan", stack), json } = parseArguments(argv);
  const configuration = readStackConfiguration(process.cwd(), stack);
  const plan = await planFleet(configuration, async () => (await import("../index")).default);
  const files = planFiles(plan);
  replaceFolder(out, files);
  const summarise = json ? jsonSummary : textSummary;
  process.stdout.write(summarise(plan, { folder: out, files: [...files.keys()].sort() }));
}

// A program that waits for something that never comes lets Node end early: that is no success.
process.exitCode = 1;
main(process.argv.slice(2)).then(
  () => {
    process.exitCode = 0;
  },
  (error: unknown) => {
    // A RunError is what Pulumi itself would print without a stack trace.
    console.error(error instanceof PlanProblem || error instanceof RunError ? error.message : error);
  },
);
