import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "fs";
import { tmpdir } from "os";
import { join } from "path";
import { projectFolder } from "../../cli/local/workspace";
import { EngineStack, type EngineEvent } from "../engine/project";
import { Emulator } from "../tools/emulator";
import { criticalPath, type Operation } from "./critical-path";

// How long preview and up take on the real engine against an emulator, for the fleet and for a program that makes nothing, and the chain of
// operations that the up waits for. What is not the provider's own waiting is ours: the program, the engine, and gaps in the chain.

/** Seconds of an up of the fleet that no operation of its longest chain accounts for, beyond an up of the empty program. */
const limit = 20;

const seconds = (milliseconds: number) => `${(milliseconds / 1000).toFixed(1)} s`;

async function timed(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return performance.now() - start;
}

/** A program in a folder of its own that makes nothing. */
function emptyProgram(): string {
  const folder = mkdtempSync(join(tmpdir(), "fleet-empty-"));
  symlinkSync(join(projectFolder, "node_modules"), join(folder, "node_modules"));
  writeFileSync(join(folder, "Pulumi.yaml"), "name: empty\nruntime: nodejs\n");
  writeFileSync(join(folder, "package.json"), '{ "main": "index.ts" }');
  writeFileSync(join(folder, "tsconfig.json"), readFileSync(join(projectFolder, "tsconfig.json")));
  writeFileSync(
    join(folder, "index.ts"),
    'import "@pulumi/aws";\nimport "@pulumi/awsx";\nimport "@pulumi/random";\n',
  );
  return folder;
}

/** What the up did, with its times, which Pulumi writes in whole seconds. */
async function operationsOf(stack: EngineStack, events: EngineEvent[]): Promise<Operation[]> {
  const [first] = events;
  const at = ({ timestamp }: EngineEvent) => (timestamp - (first?.timestamp ?? timestamp)) * 1000;
  const started = new Map(
    events.flatMap((event) =>
      event.resourcePreEvent ? [[event.resourcePreEvent.metadata.urn, at(event)]] : [],
    ),
  );
  const dependencies = new Map(
    (await stack.state()).map(({ urn, dependencies = [] }) => [urn, dependencies]),
  );
  return events.flatMap((event) => {
    const { urn, type } = event.resOutputsEvent?.metadata ?? {};
    if (urn === undefined || type === undefined || /^(fleet|pulumi|awsx):/.test(type)) return [];
    return [
      { name: urn, start: started.get(urn) ?? at(event), end: at(event), after: dependencies.get(urn) ?? [] },
    ];
  });
}

async function main(): Promise<void> {
  const emulator = await Emulator.start();
  const folder = emptyProgram();
  const stacks: EngineStack[] = [];
  try {
    const empty = await EngineStack.init("empty", {
      emulator: emulator.url,
      program: folder,
      stackFile: "none",
    });
    const fleet = await EngineStack.init("dev", { emulator: emulator.url }, { default: "glrt-default" });
    stacks.push(empty, fleet);
    let events: EngineEvent[] = [];
    const times = {
      emptyPreview: await timed(() => empty.must("preview")),
      emptyUp: await timed(() => empty.up()),
      preview: await timed(() => fleet.must("preview")),
      up: await timed(async () => {
        events = await fleet.upWithEvents();
      }),
      unchanged: await timed(() => fleet.must("preview", "--expect-no-changes")),
    };
    const path = criticalPath(await operationsOf(fleet, events));
    const waiting = path.reduce((sum, { start, end }) => sum + end - start, 0);
    const ours = times.up - waiting - times.emptyUp;

    console.log(`empty program: preview ${seconds(times.emptyPreview)}, up ${seconds(times.emptyUp)}`);
    console.log(
      `fleet:         preview ${seconds(times.preview)}, up ${seconds(times.up)}, preview without a change ${seconds(times.unchanged)}`,
    );
    console.log("the up's longest chain:");
    for (const { name, start, end } of path) {
      console.log(
        `  ${seconds(start).padStart(7)}  ${seconds(end - start).padStart(7)}  ${name.split("::").at(-1) ?? name}`,
      );
    }
    console.log(
      `the provider's part of it ${seconds(waiting)}, ours beyond an empty program ${seconds(ours)} (limit: ${limit} s), ${((100 * ours) / times.up).toFixed(0)} % of the up`,
    );
    if (path.length === 0 || ours > limit * 1000) process.exitCode = 1;
  } finally {
    for (const stack of stacks) stack.remove();
    rmSync(folder, { recursive: true });
    await emulator.stop();
  }
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
