import { parseFleetArguments, usage } from "./fleet/arguments";
import { UsageProblem, UserProblem } from "./problem";

async function main(argv: string[]): Promise<void> {
  if (["help", "--help", "-h"].includes(argv[0] ?? "")) {
    console.log(usage);
    return;
  }
  const asked = parseFleetArguments(argv);
  // Loaded now, because the SDK takes time that no misspelt option has to wait for.
  const { operate } = await import("./fleet/operate");
  await operate(asked);
}

process.exitCode = 1;
main(process.argv.slice(2)).then(
  () => {
    process.exitCode = 0;
  },
  (error: unknown) => {
    if (error instanceof UsageProblem) process.exitCode = 2;
    console.error(error instanceof UserProblem ? error.message : error);
  },
);
