import { join } from "node:path";
import { LocalEnvironment } from "./local/environment";
import { nextSteps } from "./local/next-steps";
import { requireLocalPrograms } from "./local/programs";
import { projectFolder } from "./local/workspace";
import { UserProblem } from "./problem";

const usage = `Usage: npm run local -- [COMMAND] [ARGUMENTS]

  (nothing)     bring up the stack that Pulumi.local.yaml describes, in an AWS emulator on this machine
  preview       what the next run would change
  outputs       the stack's outputs
  down          take everything down: the stack, the emulator and their files
  anything else goes to pulumi, e.g. npm run local -- stack export`;

async function main([command = "up", ...args]: string[]): Promise<number> {
  const say = (line: string) => {
    console.error(line);
  };
  if (["help", "--help", "-h"].includes(command)) {
    console.log(usage);
    return 0;
  }
  const environment = new LocalEnvironment(join(projectFolder, ".local"), say);
  if (command === "down") return await takeDown(environment, args, say);

  requireLocalPrograms();
  const url = await environment.prepare();
  if (command === "outputs") return await environment.pulumi(["stack", "output", ...args]);
  if (command !== "up") return await environment.pulumi([command, ...args]);
  const status = await environment.pulumi(["up", "--yes", "--skip-preview", ...args]);
  if (status === 0) console.log(`\n${nextSteps(url)}`);
  return status;
}

/** Whatever becomes of the stack, nothing is left. */
async function takeDown(
  environment: LocalEnvironment,
  args: string[],
  say: (line: string) => void,
): Promise<number> {
  if (!environment.exists) {
    say("There is nothing to take down.");
    return 0;
  }
  try {
    if ((await environment.runningEmulator()) === undefined) return 0;
    await environment.prepare();
    return await environment.pulumi(["destroy", "--yes", "--skip-preview", ...args]);
  } finally {
    await environment.remove();
  }
}

process.exitCode = 1;
main(process.argv.slice(2)).then(
  (status) => {
    process.exitCode = status;
  },
  (error: unknown) => {
    console.error(error instanceof UserProblem ? error.message : error);
  },
);
