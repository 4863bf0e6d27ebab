import { UserProblem } from "../problem";
import type { FleetArguments } from "./arguments";
import { awsAt, awsProblem, type Aws } from "./aws";
import { configText, fleetConfig } from "./config";
import { findFleet, type DeployedFleet } from "./deployed-fleet";
import { startDrain, undoDrain, waitUntilDrained } from "./drain";
import { printLogs } from "./logs";
import { fleetStatus } from "./status";
import { statusText } from "./status-text";
import { invokeSweep, sweepText } from "./sweep";

/**
 * Does what the command line asks for.
 * @throws UserProblem with one line when there is no such fleet, or AWS refuses.
 */
export async function operate(asked: FleetArguments): Promise<void> {
  const fleet = await findFleet(asked.stack);
  try {
    await run(asked, awsAt(fleet), fleet);
  } catch (error) {
    const problem = awsProblem(error);
    throw problem === undefined ? error : new UserProblem(problem);
  }
}

const print = (line: string) => {
  console.log(line);
};

async function run(asked: FleetArguments, aws: Aws, fleet: DeployedFleet): Promise<void> {
  switch (asked.command) {
    case "status": {
      const status = await fleetStatus(aws, fleet);
      process.stdout.write(asked.json ? `${JSON.stringify(status, undefined, 2)}\n` : statusText(status));
      return;
    }
    case "drain": {
      if (asked.undo) {
        await undoDrain(aws, fleet, print);
        return;
      }
      const drain = await startDrain(aws, fleet, print);
      if (asked.wait) await waitUntilDrained(aws, fleet, drain, print);
      return;
    }
    case "sweep":
      for (const line of sweepText(await invokeSweep(aws.lambda, fleet.sweepFunctionName, asked.dryRun))) {
        print(line);
      }
      return;
    case "config":
      process.stdout.write(configText(await fleetConfig(aws, fleet)));
      return;
    case "logs":
      await printLogs(aws, fleet, asked, print);
  }
}
