import { writeFileSync } from "fs";
import { join } from "path";
import packageJson from "../../package.json";
import { Emulator } from "../tools/emulator";
import { EngineStack } from "./project";

// Keeps what this version leaves in an account, for the upgrade test of later versions: see upgrade/README.md.

const stacks = { dev: { default: "glrt-default" }, prod: { build: "glrt-build", test: "glrt-test" } };

/** Where this machine has the program is nobody's business. */
const withoutPlaces = (key: string, value: unknown) =>
  key === "sourcePosition" || key === "stackTrace" ? undefined : value;

async function keep(name: string, runnerTokens: Record<string, string>): Promise<void> {
  const emulator = await Emulator.start();
  const stack = await EngineStack.init(name, { emulator: emulator.url }, runnerTokens);
  try {
    await stack.up();
    const state: unknown = JSON.parse(await stack.must("stack", "export"));
    const text = JSON.stringify(state, withoutPlaces, 1);
    writeFileSync(join(__dirname, "upgrade", `${packageJson.version}-${name}.json`), `${text}\n`);
  } finally {
    stack.remove();
    await emulator.stop();
  }
}

Promise.all(Object.entries(stacks).map(([name, tokens]) => keep(name, tokens))).catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
