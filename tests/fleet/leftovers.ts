import { GetLogEventsCommand, PutLogEventsCommand } from "@aws-sdk/client-cloudwatch-logs";
import { z } from "zod";
import { FleetAws } from "../../sweep/aws";
import type { Removal } from "../../sweep/decide";
import { readSettings } from "../../sweep/settings";
import { sweep } from "../../sweep/sweep";
import type { Fleet } from "./fleet";
import { eventually } from "./gitlab";
import { FleetStack } from "./stack";

/** How much is there: workers and key pairs in AWS, machines that docker-machine knows, machines that run. */
export async function leftovers(fleet: Fleet) {
  const { keyPairs = [] } = await fleet.account.inventory();
  const workers = (await fleet.account.instances()).filter(({ KeyName }) => KeyName !== undefined);
  return {
    instances: workers.length,
    keyPairs: keyPairs.length,
    store: (await store(fleet)).length,
    running: fleet.workers.now.length,
  };
}

/** Workers and key pairs in AWS of machines that docker-machine does not know. */
export async function unowned(fleet: Fleet): Promise<string[]> {
  const { keyPairs = [] } = await fleet.account.inventory();
  const workers = (await fleet.account.instances()).flatMap(({ KeyName }) => KeyName ?? []);
  const known = await store(fleet);
  return [...new Set([...workers, ...keyPairs])].filter((name) => !known.includes(name));
}

/** Machines that docker-machine knows and that do not run. */
export async function dead(fleet: Fleet): Promise<string[]> {
  const running = fleet.workers.now.map(({ instance }) => instance.name);
  return (await store(fleet)).filter((name) => !running.includes(name));
}

/** Machines that docker-machine knows. */
async function store(fleet: Fleet): Promise<string[]> {
  const { stdout } = await fleet.bastion.machine.run(["ls", "/root/.docker/machine/machines"]);
  return stdout.split("\n").filter(Boolean);
}

/**
 * What the bastion's timer says until it has removed every dead machine: it removes three at a time, and passes one that GitLab Runner
 * still tries to remove itself.
 */
export async function tidyLater(fleet: Fleet): Promise<string> {
  let said = "";
  await eventually(async () => {
    said += await fleet.bastion.tidy();
    return (await dead(fleet)).length === 0;
  }, 120);
  return said;
}

const minute = 60_000;

/**
 * What the sweep removes in an hour, if the bastion goes on saying what it says now. It runs twice: a key pair goes after its instance.
 */
export async function sweepLater(fleet: Fleet): Promise<Pick<Removal, "kind" | "why">[]> {
  const stream = {
    logGroupName: `${FleetStack.path}/bastion`,
    logStreamName: `${fleet.stack.bastionId}.report`,
  };
  await fleet.bastion.report();
  const { logs } = fleet.account;
  const { events = [] } = await logs.send(
    new GetLogEventsCommand({ ...stream, limit: 1, endTime: Date.now() + minute }),
  );
  const later = Date.now() + 60 * minute;
  const logEvents = [{ timestamp: later - minute, message: events[0]?.message ?? "" }];
  await logs.send(new PutLogEventsCommand({ ...stream, logEvents }));
  return [...(await sweepAt(fleet, later)), ...(await sweepAt(fleet, later + minute))];
}

/** What the sweep removes at a time, in milliseconds. */
export async function sweepAt(fleet: Fleet, time: number): Promise<Pick<Removal, "kind" | "why">[]> {
  becomeSweep(fleet);
  const settings = readSettings(process.env, "");
  const { removed } = await sweep(new FleetAws(settings, { now: () => new Date(time) }), { dryRun: false });
  for (const { kind, id } of removed) if (kind === "instance") await fleet.workers.end(id);
  return removed.map(({ kind, why }) => ({ kind, why }));
}

/** Makes this process what Lambda makes of the sweep's, with the way to the emulator. */
export function becomeSweep({ aws, stack }: Fleet): void {
  const { environment } = stack.inputsOf("aws:lambda/function:Function", "sweep-function");
  const { variables } = z.object({ variables: z.record(z.string(), z.string()) }).parse(environment);
  Object.assign(process.env, aws.emulator.sdkEnvironment("eu-west-1"), variables);
}

/** Writes down what was seen of a fault. */
export function note(fault: string, seen: unknown): void {
  process.stdout.write(`\nFAULT ${fault}: ${JSON.stringify(seen)}\n`);
}
