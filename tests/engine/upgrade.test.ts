import { readdirSync } from "fs";
import { basename, join } from "path";
import packageJson from "../../package.json";
import { Emulator } from "../tools/emulator";
import { describeWith, program } from "../tools/programs";
import { ProgramCopy } from "./program-copy";
import { EngineStack, type PlannedStep } from "./project";

/** Checkpoints of earlier versions, and how they are made: see README.md there. */
const checkpoints = join(__dirname, "upgrade");

/** What an upgrade may never replace or remove: it holds data, or others know its name. */
const precious =
  /[:$](aws:(s3\/bucket:Bucket|ebs\/volume:Volume|ec2\/vpc:Vpc|iam\/user:User|route53\/zone:Zone)|random:index\/randomId:RandomId)::/;

/** What goes or is replaced on an upgrade from a version. Default: nothing. */
const going: Record<string, string[]> = {
  // A group takes the bastion's place, before the instance goes.
  "0.1.0": [
    "delete bastion-instance",
    "replace registry-mirror-data-attachment",
    "replace registry-mirror-instance",
  ],
};

const names = readdirSync(checkpoints)
  .filter((file) => file.endsWith(".json"))
  .map((file) => basename(file, ".json"));

describe("the checkpoints of released versions", () => {
  it("have this version's", () => {
    expect(names).toEqual(
      expect.arrayContaining([`${packageJson.version}-dev`, `${packageJson.version}-prod`]),
    );
  });
});

describeWith("an upgrade", [program("pulumi"), program("moto_server")], () => {
  let emulator: Emulator;
  let stack: EngineStack;

  beforeAll(async () => {
    emulator = await Emulator.start();
  });

  afterEach(() => {
    stack.remove();
  });

  afterAll(async () => {
    await emulator.stop();
  });

  /** A stack as an earlier version left it. */
  const former = async (checkpoint: string) => {
    const name = checkpoint.split("-").at(-1) ?? "";
    stack = await EngineStack.init(name, { emulator: emulator.url });
    await stack.must("stack", "import", "--file", join(checkpoints, `${checkpoint}.json`));
    for (const runner of { dev: ["default"], prod: ["build", "test"] }[name] ?? []) {
      await stack.must("config", "set", "--secret", "--path", `runnerTokens.${runner}`, `glrt-${runner}`);
    }
  };
  const removed = async () => (await stack.plannedSteps()).filter(({ op }) => /replace|delete/.test(op));
  const namesOf = (steps: PlannedStep[]) =>
    steps.map(({ op, urn }) => `${op} ${urn.split("::").at(-1) ?? urn}`);
  const lost = (steps: PlannedStep[]) => namesOf(steps.filter(({ urn }) => precious.test(urn)));

  it.each(names)("from %s replaces and removes what it has to, and nothing precious", async (checkpoint) => {
    await former(checkpoint);
    const state = await stack.state();
    expect(state.filter(({ urn }) => precious.test(urn)).map(({ urn }) => urn.split("::").at(-1))).toEqual(
      expect.arrayContaining(["cache-bucket", "registry-mirror-data", "registry-mirror-zone", "fleet"]),
    );
    const steps = await removed();
    expect(lost(steps)).toEqual([]);
    expect(namesOf(steps).sort()).toEqual(going[checkpoint.replace(/-[^-]+$/, "")] ?? []);
  });

  it("that renames a component without an alias would be noticed", async () => {
    await former(`${packageJson.version}-dev`);
    const next = new ProgramCopy();
    try {
      next.replace("index.ts", 'new DistributedCache("cache"', 'new DistributedCache("distributed-cache"');
      stack.useProgram(next.folder);
      expect(lost(await removed())).toEqual(
        expect.arrayContaining(["delete cache-bucket", "delete cache-user"]),
      );
    } finally {
      next.remove();
    }
  });
});
