import { FleetAws } from "./aws";
import { clock } from "./clock";
import { awaitSuccessor, drain } from "./drain";
import { parseEvent } from "./events";
import { say } from "./log";
import { retire } from "./retire";
import { answerTime, readSettings } from "./settings";
import { sweep } from "./sweep";

/** What the runtime says of an invocation. */
interface Invocation {
  invokedFunctionArn: string;
  getRemainingTimeInMillis(): number;
}

/** What the function is: it sweeps, or takes bastions out of service. */
export async function handler(input: unknown, invocation: Invocation): Promise<unknown> {
  const settings = readSettings(process.env, functionArnOf(invocation));
  const aws = new FleetAws(settings);
  const deadline = clock.now().getTime() + invocation.getRemainingTimeInMillis() - answerTime * 1000;
  const event = parseEvent(input);
  switch (event.kind) {
    case "sweep":
      return await sweep(aws, event);
    case "made":
      return {};
    case "changed": {
      const { step, steps, group } = event.handover;
      if (step === steps) return { removed: await retire(aws, clock, { staying: group, deadline }) };
      if (step === 1) await awaitSuccessor(aws, clock, group);
      const isLeaving = (bastion: { group: string }) => bastion.group !== group;
      return { drained: await drain(aws, clock, { isLeaving, seconds: settings.drainTimeout, deadline }) };
    }
    case "destroyed": {
      // It goes first when the fleet goes. Else it is only this step that is no longer needed.
      if (await aws.isScheduled()) {
        say({ kept: event.handover.group, why: "the sweep has a schedule, so the fleet stays" });
        return {};
      }
      if (event.handover.step === 1) return { removed: await retire(aws, clock, { deadline }) };
      const seconds = settings.drainTimeout;
      return { drained: await drain(aws, clock, { isLeaving: () => true, seconds, deadline }) };
    }
  }
}

/** Without the version that was asked for. */
function functionArnOf({ invokedFunctionArn }: Invocation): string {
  return invokedFunctionArn.split(":").slice(0, 7).join(":");
}
