import { execFileSync } from "child_process";
import { mkdtempSync, readFileSync, rmSync } from "fs";
import { tmpdir } from "os";
import { join } from "path";
import { hidden, resourceKey, type Plain, type PlannedResource } from "../../cli/resources";
import { Emulator } from "../tools/emulator";
import { describeWith, program } from "../tools/programs";
import { EngineStack } from "./project";

/** What the engine puts in the place of a value that is not there yet. */
const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const placeholders = /<(?!secret>)[\w.[\]-]+>/;

/** What the provider adds where the program sets nothing. */
const providerDefaults: Record<string, Record<string, Plain>> = {
  "random:index/randomPassword:RandomPassword": {
    lower: true,
    minLower: 0,
    minNumeric: 0,
    minSpecial: 0,
    minUpper: 0,
    upper: true,
  },
};

type Resources = Map<string, Omit<PlannedResource, "type" | "name">>;

/** What a comparison of inputs found. */
interface Comparison {
  /** How many single values both sides know and have alike. */
  agreed: number;
  differences: string[];
}

describeWith("the plan of a stack", [program("pulumi"), program("moto_server")], () => {
  let emulator: Emulator;

  beforeAll(async () => {
    emulator = await Emulator.start();
  });

  afterAll(() => emulator.stop());

  describe.each([
    { name: "dev", tokens: { default: "glrt-planted" }, resources: 97, values: 487 },
    {
      name: "prod",
      tokens: { build: "glrt-planted-build", test: "glrt-planted-test" },
      resources: 105,
      values: 515,
    },
  ])("$name", ({ name, tokens, resources, values }) => {
    let planned: Resources;
    let previewed: Resources;

    beforeAll(async () => {
      planned = plan(name);
      previewed = await preview(name, emulator.url, tokens);
    });

    it("lists the resources that the engine would make, each with its parent", () => {
      const family = (of: Resources) =>
        [...of].map(([key, { parent }]) => `${key} in ${parent ?? name}`).sort();
      expect(family(planned)).toEqual(family(previewed));
      expect(planned.size).toBe(resources);
    });

    it("gives them the inputs that the engine would give them, as far as both know them", () => {
      const found: Comparison = { agreed: 0, differences: [] };
      for (const [key, { inputs }] of planned) {
        // Not every version of awsx's plugin registers what its component was given.
        if (key.startsWith("awsx:")) continue;
        const [type = ""] = key.split("::");
        const expected = { ...providerDefaults[type], ...inputs };
        compare(key, comparable(key, previewed.get(key)?.inputs ?? {}), comparable(key, expected), found);
      }
      expect(found).toEqual({ agreed: values, differences: [] });
    });
  });
});

function plan(stack: string): Resources {
  const folder = mkdtempSync(join(tmpdir(), "fleet-plan-"));
  try {
    execFileSync("npm", ["run", "plan", "--", "--stack", stack, "--out", folder], { stdio: "pipe" });
    const resources = JSON.parse(readFileSync(join(folder, "resources.json"), "utf8")) as PlannedResource[];
    return new Map(resources.map((resource) => [resourceKey(resource), resource]));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function preview(name: string, url: string, tokens: Record<string, string>): Promise<Resources> {
  const stack = await EngineStack.init(name, { emulator: url }, tokens);
  try {
    const { steps } = JSON.parse(await stack.must("preview", "--json")) as {
      steps: { urn: string; newState: { parent?: string; inputs?: Record<string, Plain> } }[];
    };
    return new Map(
      steps
        .filter(({ urn }) => !isStack(urn))
        .map(({ urn, newState: { parent, inputs = {} } }) => [
          keyOf(urn),
          { ...(parent !== undefined && !isStack(parent) && { parent: keyOf(parent) }), inputs },
        ]),
    );
  } finally {
    stack.remove();
  }
}

const isStack = (urn: string): boolean => urn.includes("::pulumi:pulumi:Stack::");

/** `type::name` of a URN, whose type begins with those of its parents. */
function keyOf(urn: string): string {
  const [, , types = "", name = ""] = urn.split("::");
  return resourceKey({ type: types.split("$").at(-1) ?? "", name });
}

/** Without the name that the provider makes of the logical one. */
function comparable(key: string, inputs: Record<string, Plain>): Record<string, Plain> {
  const logical = key.split("::")[1] ?? "";
  const isOwn = (property: string, value: Plain) =>
    /^(name|bucket)$/.test(property) &&
    typeof value === "string" &&
    value.startsWith(`${logical}-`) &&
    /^[0-9a-f]{7}$/.test(value.slice(logical.length + 1));
  // Of a function. Not every version of the provider's plugin shows the archive as it was given.
  const isCode = (property: string) => property === "code";
  return Object.fromEntries(
    Object.entries(inputs).filter(([property, value]) => !isOwn(property, value) && !isCode(property)),
  );
}

function compare(
  path: string,
  engine: Plain | undefined,
  planned: Plain | undefined,
  found: Comparison,
): void {
  if (isTable(engine) && typeof engine["urn"] === "string" && typeof planned === "string") {
    // A component that was given to another; only the engine knows its outputs.
    compare(`${path}.urn`, keyOf(engine["urn"]), keyOf(planned), found);
  } else if (isTable(engine) && isTable(planned)) {
    for (const property of new Set([...Object.keys(engine), ...Object.keys(planned)])) {
      compare(`${path}.${property}`, engine[property], planned[property], found);
    }
  } else if (Array.isArray(engine) && Array.isArray(planned) && engine.length === planned.length) {
    planned.forEach((item, place) => {
      compare(`${path}[${place}]`, engine[place], item, found);
    });
  } else if (planned !== undefined && engine === unknown) {
    return;
  } else if (typeof planned === "string" && typeof engine === "string" && placeholders.test(planned)) {
    if (!fits(engine, planned)) found.differences.push(`${path}: ${engine} does not fit ${planned}`);
  } else if (engine === (planned === hidden ? "[secret]" : planned)) {
    found.agreed++;
  } else {
    found.differences.push(`${path}: ${JSON.stringify(engine)}, planned ${JSON.stringify(planned)}`);
  }
}

const isTable = (value: Plain | undefined): value is Record<string, Plain> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Whether a text is what is planned but for the placeholders. */
function fits(text: string, planned: string): boolean {
  const literals = planned
    .split(new RegExp(placeholders, "g"))
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${literals.join(".+")}$`, "s").test(text);
}
