import { execFile } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(__dirname, "..", "..");

interface Outcome {
  status: number;
  stdout: string;
  stderr: string;
}

/** Runs the command as `npm run plan` does, in a folder with stack files of its own. */
const plan = (folder: string, ...args: string[]): Promise<Outcome> =>
  new Promise((resolve) => {
    const command = ["-r", require.resolve("ts-node/register"), join(root, "cli", "plan.ts"), ...args];
    const env = { ...process.env, TS_NODE_PROJECT: join(root, "tsconfig.json") };
    const child = execFile(process.execPath, command, { cwd: folder, env }, (_, stdout, stderr) => {
      resolve({ status: child.exitCode ?? -1, stdout, stderr });
    });
  });

// A run takes two to three seconds, on a busy machine more.
jest.setTimeout(30_000);

describe("npm run plan", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "plan-"));
    for (const file of ["Pulumi.yaml", "Pulumi.dev.yaml", "Pulumi.prod.yaml"]) {
      copyFileSync(join(root, file), join(folder, file));
    }
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it("sums up the stack dev for people", async () => {
    const { status, stdout, stderr } = await plan(folder, "--stack", "dev");
    expect(stderr).toBe("");
    expect(stdout).toMatchSnapshot();
    expect(status).toBe(0);
    expect(readdirSync(join(folder, "plan", "dev")).sort()).toEqual([
      ".plan-files",
      "config.toml",
      "index.html",
      "network.svg",
      "policies",
      "resources.json",
      "user-data",
    ]);
  });

  it("draws the picture that README.md shows", () => {
    const drawn = readFileSync(join(folder, "plan", "dev", "network.svg"), "utf8");
    // After a change: cp plan/dev/network.svg docs/
    expect(readFileSync(join(root, "docs", "network.svg"), "utf8")).toBe(drawn);
  });

  it("sums up the stack prod for programs, and prints nothing else", async () => {
    const { status, stdout } = await plan(folder, "--stack", "prod", "--json", "--out", "elsewhere");
    const summary: unknown = JSON.parse(stdout);
    expect(status).toBe(0);
    expect(summary).toMatchObject({ stack: "prod", folder: "elsewhere" });
    expect(summary).toHaveProperty("cost.unknown", []);
    expect(existsSync(join(folder, "elsewhere", "index.html"))).toBe(true);
  });

  it("refuses a secret in clear without showing it", async () => {
    const stackFile = readFileSync(join(folder, "Pulumi.dev.yaml"), "utf8");
    writeFileSync(
      join(folder, "Pulumi.clear.yaml"),
      `${stackFile}\n  gitlab-runner-fleet:runnerTokens:\n    default: glrt-plantedtoken\n`,
    );
    const { status, stdout, stderr } = await plan(folder, "--stack", "clear");
    expect(status).toBe(1);
    expect(stderr).toContain("runnerTokens: stands in the stack file in clear");
    expect(stdout + stderr).not.toContain("planted");
  });

  it("prints every problem of a stack file, and writes nothing", async () => {
    writeFileSync(
      join(folder, "Pulumi.bad.yaml"),
      "config:\n  aws:region: eu-west-9\n  gitlab-runner-fleet:concurent: 3\n  gitlab-runner-fleet:runners: []\n",
    );
    const { status, stdout, stderr } = await plan(folder, "--stack", "bad");
    expect(status).toBe(1);
    expect(stdout).toBe("");
    const [title, ...problems] = stderr.trim().split("\n");
    expect(title).toBe("Pulumi.bad.yaml has 3 problems:");
    expect(problems).toHaveLength(3);
    expect(problems).toContainEqual("  concurent: there is no such key; did you mean concurrent?");
    expect(existsSync(join(folder, "plan", "bad"))).toBe(false);
  });

  it("names the stacks there are when it is asked for another", async () => {
    const { status, stdout, stderr } = await plan(folder, "--stack", "staging");
    expect(status).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toMatch(
      /^There is no Pulumi\.staging\.yaml\. There are: .*Pulumi\.dev\.yaml, Pulumi\.prod\.yaml/,
    );
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });

  it("says how it is called when it is called wrongly", async () => {
    const { status, stderr } = await plan(folder, "--stakc", "dev");
    expect(status).toBe(1);
    expect(stderr).toContain("Usage: npm run plan -- --stack NAME");
  });
});
