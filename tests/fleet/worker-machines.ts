import type { InstanceListener, MadeInstance } from "./aws";
import type { Site } from "./site";
import { Worker } from "./worker";

/** The machines that stand for instances: each lives as long as its instance runs. */
export class WorkerMachines implements InstanceListener {
  /** All there have been, in the order in which they could be reached. */
  readonly all: Worker[] = [];
  /** What is around them; it has to be there before the first. */
  site: Site | undefined;
  /** False: instances run, and nobody answers there. */
  boots = true;
  private readonly running = new Map<string, Worker>();
  private readonly booting = new Map<string, Promise<void>>();

  /** Those that run now. */
  get now(): Worker[] {
    return [...this.running.values()];
  }

  readonly made = (instance: MadeInstance): void => {
    if (this.boots) this.booting.set(instance.id, this.boot(instance));
  };

  readonly ended = (id: string): void => {
    void this.end(id);
  };

  /** Ends a machine as AWS takes back a spot instance, or as a power failure does. */
  async end(id: string): Promise<void> {
    await this.booting.get(id);
    const worker = this.running.get(id);
    this.running.delete(id);
    await worker?.stop();
  }

  async stop(): Promise<void> {
    await Promise.all([...this.booting.keys()].map((id) => this.end(id)));
  }

  private async boot(instance: MadeInstance): Promise<void> {
    if (!this.site) throw new Error(`${instance.id} has nowhere to be`);
    const worker = await Worker.boot(instance, this.site);
    this.running.set(instance.id, worker);
    this.all.push(worker);
  }
}
