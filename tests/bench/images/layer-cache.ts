import { article, oneStage } from "./applications";
import type { Root } from "./build-daemon";
import { contest, type Contestant } from "./contest";
import type { Comparison } from "./figures";
import type { Site } from "./site";

const nothingShared = "nothing";

/**
 * The article's Dockerfile, unchanged, on a worker that never built it. What is left to do is mostly to write BuildKit's own databases, so
 * a worker that keeps them in memory is measured, too.
 */
export async function articleUnchanged(site: Site, runs: number): Promise<Comparison> {
  const context = site.checkout(article, 0);
  const cacheFrom = site.cache("article");
  const without: Contestant = {
    name: "New worker, no cache",
    costs: nothingShared,
    measure: () => site.buildOnNewWorker({ context }),
  };
  const onDisk: Contestant = {
    name: "New worker, layer cache",
    costs: "the mirror instance",
    measure: () => site.buildOnNewWorker({ context, cacheFrom }),
  };
  const inMemory: Contestant = {
    name: "New worker, layer cache, root in memory",
    costs: "the same, and memory on the worker",
    measure: () => site.buildOnNewWorker({ context, cacheFrom }, { root: "memory" }),
  };
  const warmOnDisk = await workerThatBuilt(site, context, "disk");
  const warmInMemory = await workerThatBuilt(site, context, "memory");
  return await contest(
    "Article's Dockerfile, nothing changed",
    [without, onDisk, warmOnDisk, inMemory, warmInMemory],
    [
      { way: onDisk.name, than: without.name, timesFaster: 9 },
      { way: inMemory.name, than: warmInMemory.name, timesFaster: 1 / 1.5 },
    ],
    runs,
  );
}

/** The worker that built the same before, and put it into the layer cache. */
async function workerThatBuilt(site: Site, context: string, root: Root): Promise<Contestant> {
  const daemon = await site.daemon({ root });
  return {
    name: `The worker that built it${root === "memory" ? ", root in memory" : ""}`,
    costs: "cannot be: jobs get a new worker",
    // Without what others have there, which BuildKit would take for this one build only.
    prepare: () => site.build(daemon, { context, cacheTo: site.cache("article", ",mode=max") }),
    measure: () => site.build(daemon, { context }),
    stop: () => daemon.stop(),
  };
}

/** An application in one stage, whose source changed. */
export async function oneStageChanged(site: Site, runs: number): Promise<Comparison> {
  const cacheTo = (tag: string) => site.cache(tag, ",mode=max,compression=zstd,force-compression=true");
  const without: Contestant = {
    name: "New worker, no cache",
    costs: nothingShared,
    measure: (change) => site.buildOnNewWorker({ context: site.checkout(oneStage, change) }),
  };
  const withCache: Contestant = {
    name: "New worker, layer cache",
    costs: "the mirror instance",
    prepare: () =>
      site.buildOnNewWorker({ context: site.checkout(oneStage, 0), cacheTo: cacheTo("one-stage") }),
    measure: (change) =>
      site.buildOnNewWorker({
        context: site.checkout(oneStage, change),
        cacheFrom: site.cache("one-stage"),
        cacheTo: cacheTo("one-stage-next"),
      }),
  };
  return await contest(
    "apt-get, npm ci, build; one source file changed",
    [without, withCache],
    [{ way: withCache.name, than: without.name, timesFaster: 1.5 }],
    runs,
  );
}
