import { execFileSync } from "child_process";
import * as fs from "fs";
import * as os from "os";
import * as path from "path";

/** Where tests/tools/install.sh puts what it downloads. */
const cache = path.join(
  process.env["XDG_CACHE_HOME"] ?? path.join(os.homedir(), ".cache"),
  "gitlab-runner-fleet",
);
process.env["PATH"] = [path.join(cache, "bin"), path.join(cache, "venv", "bin"), process.env["PATH"]].join(
  ":",
);

/** Programs that are not in every distribution, and where their makers offer them. */
const sources: Record<string, string> = {
  "gitlab-runner": "https://docs.gitlab.com/runner/install/",
  "docker-machine": "https://docs.gitlab.com/runner/executors/docker_machine/",
  registry: "https://github.com/distribution/distribution/releases",
  buildkitd: "https://github.com/moby/buildkit/releases",
  buildx: "https://github.com/docker/buildx/releases",
  runc: "https://github.com/opencontainers/runc/releases",
  dockerd: "https://docs.docker.com/engine/install/",
  pulumi: "https://www.pulumi.com/docs/install/",
};

/** The path of a program, or undefined when it is not installed. */
export function findProgram(name: string): string | undefined {
  return (process.env["PATH"] ?? "")
    .split(":")
    .map((directory) => path.join(directory, name))
    .find((candidate) => fs.existsSync(candidate));
}

/**
 * The path of a program that a test runs.
 * @throws Error that says which one is missing and how to get it.
 */
export function requireProgram(name: string): string {
  const found = findProgram(name);
  if (found === undefined) {
    const source = sources[name];
    throw new Error(
      `${name} is missing: run tests/tools/install.sh as root${source === undefined ? "" : `, or see ${source}`}.`,
    );
  }
  return found;
}

/**
 * The path of the `dockerd` that can validate its configuration.
 * @throws Error when there is none, or only one older than 23.0.
 */
export function requireValidatingDockerd(): string {
  const dockerd = requireProgram("dockerd");
  if (!execFileSync(dockerd, ["--help"], { encoding: "utf8" }).includes("--validate")) {
    throw new Error("dockerd is older than 23.0: run tests/tools/install.sh as root.");
  }
  return dockerd;
}

/** @throws Error when no throwaway machine can be made here. */
export function requireThrowawayMachine(): void {
  try {
    execFileSync("unshare", ["--mount", "--pid", "--fork", "true"], { stdio: "ignore" });
  } catch {
    throw new Error(
      "Throwaway machines need root and mount namespaces: run the tests as root, in a container with --privileged.",
    );
  }
}

/**
 * `describe` for tests that need something which may be missing. Then it is one failing test in CI, and skipped visibly
 * elsewhere: never silently passed.
 * @param requirements throw when something is missing; their message names it and says how to get it.
 */
export function describeWith(name: string, requirements: (() => unknown)[], tests: () => void): void {
  const missing = requirements.flatMap((requirement) => {
    try {
      requirement();
      return [];
    } catch (error) {
      return [error instanceof Error ? error.message : String(error)];
    }
  });
  if (missing.length === 0) {
    describe(name, tests);
  } else if (process.env["CI"] === "true") {
    describe(name, () => {
      it("has what it needs", () => {
        throw new Error(missing.join("\n"));
      });
    });
  } else {
    process.stderr.write(`SKIPPED ${name}: ${missing.join(" ")}\n`);
    describe.skip(name, tests);
  }
}

/** A requirement of {@link describeWith}. */
export function program(name: string): () => string {
  return () => requireProgram(name);
}

/** @throws Error when files cannot be used as block devices here. */
export function requireLoopDevices(): void {
  try {
    execFileSync("losetup", ["--find"], { stdio: "ignore" });
  } catch {
    throw new Error("Loop devices are missing: run the tests as root, in a container with --privileged.");
  }
}
