import { EventEmitter } from "node:events";
import { setImmediate } from "node:timers/promises";
import * as pulumi from "@pulumi/pulumi";

/** What a Pulumi program finds around it. */
export interface Surroundings {
  project: string;
  stack: string;
  /** Full key (`aws:region`) to value, objects as JSON. */
  values: Record<string, string>;
  /** Keys of `values` that hold secrets. */
  secretKeys: string[];
  /** Answers in the engine's place. */
  mocks: pulumi.runtime.Mocks;
  /** Sees every resource before it is registered. */
  onResource: pulumi.ResourceTransformation;
}

/** What the program said besides its resources. */
export interface ProgramResult {
  warnings: string[];
}

/**
 * Runs a Pulumi program in this process as a preview, without an engine, until nothing is left to do.
 * @throws what the program threw, also inside an `apply`.
 */
export async function runProgram(program: () => unknown, around: Surroundings): Promise<ProgramResult> {
  const { mocks, project, stack, values, secretKeys } = around;
  const log = captureLog();
  const background = watchRejections();
  try {
    await pulumi.runtime.setMocks(withReasons(mocks), project, stack, true);
    pulumi.runtime.setAllConfig(values, secretKeys);
    const run = async () => {
      const failure = await inStack(program, around.onResource);
      // disconnect waits until every registration and every call has been answered.
      await pulumi.runtime.disconnect();
      if (failure) throw failure.error;
    };
    await Promise.race([run(), background.firstRejection]);
  } finally {
    await background.stop();
    log.restore();
  }
  const [error] = log.errors;
  if (error !== undefined) throw new Error(error);
  return { warnings: log.warnings };
}

/** The program as the content of a stack. Its error is handed over, because inside the SDK it would reject several promises. */
async function inStack(
  program: () => unknown,
  onResource: pulumi.ResourceTransformation,
): Promise<{ error: unknown } | undefined> {
  let failure: { error: unknown } | undefined;
  await pulumi.runtime.runInPulumiStack(async () => {
    pulumi.runtime.registerStackTransformation(onResource);
    try {
      return await program();
    } catch (error) {
      failure = { error };
      return undefined;
    }
  });
  return failure;
}

/** The SDK takes the reason of a failed call from where gRPC puts it. */
function withReasons(mocks: pulumi.runtime.Mocks): pulumi.runtime.Mocks {
  return {
    newResource: (args) => mocks.newResource(args),
    call: async (args) => {
      try {
        return await mocks.call(args);
      } catch (error) {
        const details = error instanceof Error ? error.message : String(error);
        throw Object.assign(new Error(details), { details });
      }
    },
  };
}

/** Without an engine the SDK would print what a program logs; the plan shows it in its own places. */
function captureLog() {
  const { debug, info, warn, error } = pulumi.log;
  const warnings: string[] = [];
  const errors: string[] = [];
  const into = (messages: string[]) => (message: string) => {
    messages.push(message);
    return Promise.resolve();
  };
  Object.assign(pulumi.log, { debug: into([]), info: into([]), warn: into(warnings), error: into(errors) });
  return { warnings, errors, restore: () => Object.assign(pulumi.log, { debug, info, warn, error }) };
}

/** An error inside an `apply` reaches nobody who waits for the program. */
function watchRejections() {
  const rejections = new EventEmitter();
  const listener = (reason: unknown) => rejections.emit("rejection", reason);
  process.on("unhandledRejection", listener);
  return {
    firstRejection: new Promise<never>((_, reject) => rejections.once("rejection", reject)),
    // The same error rejects further promises before the next turn of the event loop.
    stop: async () => {
      await setImmediate();
      process.off("unhandledRejection", listener);
    },
  };
}
