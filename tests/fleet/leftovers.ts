import type { Fleet } from "./fleet";

/** How much is there: instances and key pairs in AWS, machines that docker-machine knows, machines that run. */
export async function leftovers(fleet: Fleet) {
  const { keyPairs = [], instances = [] } = await fleet.account.inventory();
  const store = await fleet.bastion.machine.run(["ls", "/root/.docker/machine/machines"]);
  return {
    instances: instances.length,
    keyPairs: keyPairs.length,
    store: store.stdout.split("\n").filter(Boolean).length,
    running: fleet.workers.now.length,
  };
}

/** Writes down what was seen of a fault. */
export function note(fault: string, seen: unknown): void {
  process.stdout.write(`\nFAULT ${fault}: ${JSON.stringify(seen)}\n`);
}
