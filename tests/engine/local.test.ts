import { existsSync, readdirSync, readFileSync, renameSync } from "fs";
import { delimiter, join } from "path";
import { setTimeout } from "timers/promises";
import { answers } from "../../cli/local/emulator";
import { runCommand } from "../helpers/command";
import { describeWith, program } from "../tools/programs";
import { Account } from "./account";
import { ProgramCopy } from "./program-copy";

describeWith("npm run local", [program("pulumi"), program("python3")], () => {
  let project: ProgramCopy;
  let files: string[];
  let emulator: string;

  const local = (args: string[], environment: NodeJS.ProcessEnv = process.env) =>
    runCommand(process.execPath, ["-r", "ts-node/register", "cli/local.ts", ...args], {
      cwd: project.folder,
      env: environment,
    });
  const must = async (...args: string[]) => {
    const { code, stdout, stderr } = await local(args);
    if (code !== 0)
      throw new Error(`npm run local -- ${args.join(" ")} ended with ${code}:\n${stdout}\n${stderr}`);
    return stdout;
  };
  const account = () => new Account(emulator, "eu-west-1");
  const addressFile = () => join(project.folder, ".local/emulator-address");
  const addressOfEmulator = () => readFileSync(addressFile(), "utf8");
  /** As a restart of the machine does: the state is there, the emulator's memory is not. */
  const endEmulator = async () => {
    const aside = `${addressFile()}-aside`;
    renameSync(addressFile(), aside);
    while (await answers(emulator)) await setTimeout(100);
    renameSync(aside, addressFile());
  };

  beforeAll(() => {
    project = new ProgramCopy(["cli", "Pulumi.local.yaml"]);
    files = readdirSync(project.folder);
  });

  afterAll(() => {
    // The emulator ends with the folder.
    project.remove();
  });

  it("says how to get Pulumi when there is none, and leaves nothing behind", async () => {
    const path = (process.env["PATH"] ?? "")
      .split(delimiter)
      .filter((folder) => !existsSync(join(folder, "pulumi")));
    const { code, stderr } = await local([], { ...process.env, PATH: path.join(delimiter) });
    expect(code).toBe(1);
    expect(stderr).toContain(
      "pulumi is missing: install it from https://www.pulumi.com/docs/iac/download-install/",
    );
    expect(readdirSync(project.folder)).toEqual(files);
  });

  it("has nothing to take down before it was up", async () => {
    expect((await local(["down"])).stderr).toContain("There is nothing to take down.");
    expect(readdirSync(project.folder)).toEqual(files);
  });

  it("brings up a whole environment in one command, and says what to look at next", async () => {
    const printed = await must();
    emulator = addressOfEmulator();
    expect(printed).toMatch(/aws:autoscaling:Group bastion-group created/);
    expect(printed).toMatch(/bastionInstanceId +: "i-/);
    expect(printed).toContain(
      `The environment is up in the AWS emulator at ${emulator}. What to look at next:`,
    );
    expect(await account().instances()).toHaveLength(2);
  });

  it("shows the outputs, also as JSON", async () => {
    expect(JSON.parse(await must("outputs", "--json"))).toMatchObject({
      registryMirrorUrl: "http://registry-mirror.local.gitlab-runner-fleet.internal:6000",
    });
  });

  it("makes up the token, and publishes it as a secret", async () => {
    const path = "/gitlab-runner-fleet/local/bastion/runner-token";
    expect((await account().parameters(path)).map(({ Name, Type, Value }) => [Name, Type, Value])).toEqual([
      [`${path}/default`, "SecureString", "glrt-default-of-nobody"],
    ]);
    expect(readFileSync(join(project.folder, ".local/Pulumi.local.yaml"), "utf8")).not.toContain("of-nobody");
  });

  it("previews, and brings up, a change of Pulumi.local.yaml", async () => {
    expect(await must("preview")).not.toMatch(/to (create|update|replace|delete)/);
    project.replace("Pulumi.local.yaml", "image: alpine:3.22", "image: alpine:3.21");
    expect(await must("preview")).toMatch(/~ +aws:ssm:Parameter bastion-config.toml update/);
    await must();
    const config = await account().published("/gitlab-runner-fleet/local/bastion/config.toml");
    expect(config).toContain('image = "alpine:3.21"');
    expect(emulator).toBe(addressOfEmulator());
  });

  it("hands everything else to Pulumi, with its exit status", async () => {
    expect(await must("stack", "--show-name")).toBe("local\n");
    expect((await local(["no-such-command"])).code).not.toBe(0);
  });

  it("down leaves no process and no file behind", async () => {
    expect(await must("down")).toMatch(/- \d+ deleted/);
    expect(await answers(emulator)).toBe(false);
    expect(readdirSync(project.folder)).toEqual(files);
  });

  it("comes up anew when the emulator has ended, and goes without it, too", async () => {
    await must("stack", "--show-name");
    emulator = addressOfEmulator();
    await endEmulator();
    expect((await local(["stack", "--show-name"])).stderr).toContain("The emulator has ended");
    expect(await answers(addressOfEmulator())).toBe(true);
    emulator = addressOfEmulator();
    await endEmulator();
    await must("down");
    expect(existsSync(join(project.folder, ".local"))).toBe(false);
  });
});
