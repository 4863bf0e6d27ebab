import { execFileSync, spawnSync } from "child_process";
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "fs";
import { tmpdir } from "os";
import { join, resolve } from "path";
import { parse } from "smol-toml";
import { describeWith, program, requireProgram } from "../tools/programs";

const root = resolve(__dirname, "../..");

describe.each(["dev", "prod"])("the plan of %s", (stack) => {
  const folder = mkdtempSync(join(tmpdir(), "fleet-plan-"));
  const plan = join(folder, "plan");

  beforeAll(() => {
    execFileSync("npm", ["run", "plan", "--", "--stack", stack, "--out", plan], {
      cwd: root,
      stdio: "ignore",
    });
  }, 60_000);

  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  const run = (command: string, args: string[]) => {
    const { status, stdout, stderr } = spawnSync(requireProgram(command), args, { encoding: "utf8" });
    return { status, output: stdout + stderr };
  };

  /** A copy, because gitlab-runner writes beside it. */
  const configToml = () => {
    const copy = join(mkdtempSync(join(folder, "config-")), "config.toml");
    copyFileSync(join(plan, "config.toml"), copy);
    return copy;
  };

  describeWith("for gitlab-runner", [program("gitlab-runner")], () => {
    it("has a config.toml that lint accepts without a warning", () => {
      const { status, output } = run("gitlab-runner", ["lint", "--config", configToml()]);
      expect(output).not.toMatch(/WARN|ERROR/);
      expect(status).toBe(0);
    });

    it("lists every runner of the stack file", () => {
      const { status, output } = run("gitlab-runner", ["list", "--config", configToml()]);
      expect(status).toBe(0);
      const names = { dev: ["default"], prod: ["build", "test"] }[stack] ?? [];
      for (const name of names) expect(output).toMatch(new RegExp(`^${name} .*docker\\+machine`, "m"));
    });
  });

  describeWith("for docker-machine", [program("docker-machine")], () => {
    it("has only options that it knows", () => {
      const { output } = run("docker-machine", ["create", "--driver", "amazonec2", "--help"]);
      const known = [...output.matchAll(/--([a-z0-9-]+)/g)].map(([, name]) => name);
      const { runners } = parse(readFileSync(join(plan, "config.toml"), "utf8")) as unknown as {
        runners: { machine: { MachineOptions: string[] } }[];
      };
      const given = runners.flatMap(({ machine }) =>
        machine.MachineOptions.map((option) => option.split("=")[0]),
      );
      expect(given.filter((name) => !known.includes(name))).toEqual([]);
      expect(given.length).toBeGreaterThan(15);
    });
  });

  describeWith("for cloud-init", [program("cloud-init")], () => {
    it("has user data that its schema accepts", () => {
      const documents = readdirSync(join(plan, "user-data"));
      expect(documents).toEqual(["bastion", "registry-mirror", "worker"]);
      for (const name of documents) {
        const file = join(plan, "user-data", name, "cloud-config.yaml");
        expect(run("cloud-init", ["schema", "--config-file", file])).toMatchObject({ status: 0 });
      }
    });
  });
});
