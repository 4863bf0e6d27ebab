import { join } from "node:path";
import { parseArguments } from "./arguments";
import { replaceFolder } from "./folder";
import { UserProblem } from "./problem";
import { readStackConfiguration } from "./stack-file";

async function main(argv: string[]): Promise<void> {
  const { stack, out = join("plan", stack), json } = parseArguments(argv);
  const configuration = readStackConfiguration(process.cwd(), stack);
  // Loaded now, because it takes a second that no misspelt option has to wait for.
  const { planFiles, planFleet } = await import("./fleet-plan");
  const { jsonSummary, textSummary } = await import("./summary");
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
    console.error(error instanceof UserProblem ? error.message : error);
  },
);
