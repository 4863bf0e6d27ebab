import { spawn, type ChildProcess } from "child_process";
import { createHash } from "crypto";
import { setTimeout } from "timers/promises";
import { TerminateInstancesCommand } from "@aws-sdk/client-ec2";
import { runCommand } from "../helpers/command";
import { Emulator } from "../tools/emulator";
import { startHttpServer, type HttpServer } from "../tools/http-server";
import { describeWith, program } from "../tools/programs";
import { OperatedFleet } from "./operated-fleet";

const bastions = "/fleet/dev/bastion";
const mirrors = "/fleet/dev/registry-mirror";
const sweeps = "/aws/lambda/sweep-function-91b0e3c";
const drainParameter = "/fleet/dev/bastion/drain";
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

describeWith("npm run fleet", [program("moto_server")], () => {
  let emulator: Emulator;
  let lambda: HttpServer;
  let fleet: OperatedFleet;
  let bastion: string;
  /** What was asked of the sweep, and what it answers. */
  const invocations: string[] = [];
  let answer: { body: unknown; error?: string };
  const started: ChildProcess[] = [];

  const run = (...args: string[]) => {
    const { program, args: whole, place } = fleet.command([...args, "--stack", "dev"]);
    return runCommand(program, whole, place);
  };
  const must = async (...args: string[]) => {
    const { code, stdout, stderr } = await run(...args);
    if (code !== 0) throw new Error(`${args.join(" ")} ended with ${code}: ${stdout}${stderr}`);
    return stdout;
  };
  /** Starts it; it goes on until it is ended. */
  const start = (...args: string[]) => {
    const { program, args: whole, place } = fleet.command([...args, "--stack", "dev"]);
    const child = spawn(program, whole, place);
    started.push(child);
    let printed = "";
    child.stdout.on("data", (data: Buffer) => (printed += data.toString()));
    const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
    const prints = async (text: string) => {
      while (!printed.includes(text)) await setTimeout(100);
    };
    return { child, ended, prints, printed: () => printed };
  };
  const report = (changes: object = {}) =>
    fleet.report(bastions, bastion, {
      state: "running",
      configuration: `ok ${sha256("concurrent = 10\n")}`,
      configurationSha256: sha256("concurrent = 10\n"),
      machines: [{ name: "runner-busy", job: 4711 }],
      runner: {},
      ...changes,
    });
  const drainValue = () => fleet.account.published(drainParameter);

  beforeAll(async () => {
    emulator = await Emulator.start();
    lambda = await startHttpServer((request, response) => {
      let body = "";
      request.on("data", (data: Buffer) => (body += data.toString()));
      request.on("end", () => {
        invocations.push(`${request.url ?? ""} ${body}`);
        if (answer.error !== undefined) response.setHeader("X-Amz-Function-Error", answer.error);
        response.end(JSON.stringify(answer.body));
      });
    });
    fleet = await OperatedFleet.make(emulator.url, lambda.url);
    bastion = await fleet.bastion();
    for (const group of [bastions, mirrors, sweeps]) await fleet.logGroup(group);
    await fleet.publish("concurrent = 10\n");
    await emulator.ssm("eu-west-1", "PutParameter", { Name: drainParameter, Value: "none", Type: "String" });
    await report();
  });

  beforeEach(() => {
    invocations.length = 0;
    answer = { body: { removed: [], kept: 1, dryRun: true } };
  });

  afterAll(async () => {
    for (const child of started) child.kill();
    fleet.remove();
    await lambda.stop();
    await emulator.stop();
  });

  describe("status", () => {
    it("shows the fleet's machines and no others, and what the next sweep removes", async () => {
      const mirror = await fleet.stranger();
      await fleet.report(mirrors, mirror, {
        diskUsedPercent: 41.2,
        services: { "registry-front": "active" },
      });
      const gone = await fleet.bastion();
      const busy = await fleet.worker("runner-busy", bastion, { spot: true });
      const left = await fleet.worker("runner-left", gone);
      const untagged = await fleet.worker("runner-untagged", undefined);
      const foreign = await fleet.worker("runner-foreign", bastion, { profile: "workers-of-others" });
      await fleet.account.ec2.send(new TerminateInstancesCommand({ InstanceIds: [gone] }));
      const removed = [{ kind: "instance", id: left, why: `its bastion ${gone} is gone` }];
      answer = { body: { removed, kept: 1, dryRun: true } };

      const printed = (await must("status")).replace(/\b\d+ s( ago)?\b/g, "0 s$1").split("\n");
      const rows = printed.map((line) => line.trim().replace(/ {2,}/g, " | "));
      expect(rows).toEqual([
        "Stack dev, eu-west-1",
        "",
        "Bastion",
        "INSTANCE | STATE | AGE | RUNNER | REPORTED | CONFIGURATION 1",
        `${bastion} | running | 0 s | running | 0 s ago | in force`,
        "",
        "Workers: 1 with a job, 1 unknown to its bastion, 1 left by a bastion that is gone",
        "MACHINE | INSTANCE | TYPE | PRICE | ZONE | STATE | AGE | JOB",
        ...[
          `runner-busy | ${busy} | t3.small | spot | eu-west-1b | running | 0 s | job 4711`,
          `runner-left | ${left} | t3.small | on demand | eu-west-1b | running | 0 s | its bastion is gone`,
          `runner-untagged | ${untagged} | t3.small | on demand | eu-west-1b | running | 0 s | unknown to its bastion`,
        ],
        "",
        "Registry mirror",
        "INSTANCE | STATE | AGE | REPORTED | DISK | SERVICES",
        `${mirror} | running | 0 s | 0 s ago | 41.2 % used | 1 active`,
        "",
        "The next sweep removes 1, keeps 1",
        `instance | ${left} | its bastion ${gone} is gone`,
        "",
      ]);
      expect(printed.join()).not.toContain(foreign);
      expect(invocations).toEqual([
        '/2015-03-31/functions/sweep-function-91b0e3c/invocations {"dryRun":true}',
      ]);
      await fleet.account.ec2.send(
        new TerminateInstancesCommand({ InstanceIds: [mirror, busy, left, untagged, foreign] }),
      );
    });

    it("is data with --json, also when the sweep fails", async () => {
      answer = { body: { errorMessage: "out of memory" }, error: "Unhandled" };
      expect(JSON.parse(await must("status", "--json"))).toMatchObject({
        title: "stack dev",
        bastions: [
          { machine: { id: bastion, state: "running" }, reported: { report: { state: "running" } } },
        ],
        workers: [{ name: "runner-busy", occupation: "job", job: 4711 }],
        mirrors: [],
        nextSweep: {
          unknown: "The sweep failed: out of memory. Its log: npm run fleet -- logs sweep",
        },
      });
    });
  });

  describe("drain", () => {
    it("names the bastion in the drain parameter, and waits until it has drained", async () => {
      const drain = start("drain", "--wait");
      await drain.prints("waiting for its next report");
      expect(await drainValue()).toBe(bastion);
      await report({ state: "draining" });
      await drain.prints("draining, 1 of 1 machines with a job");
      await report({ state: "drained", machines: [] });
      expect(await drain.ended).toBe(0);
      expect(drain.printed().split("\n").at(-2)).toBe(`${bastion}: drained`);
    });

    it("is over at once when it is asked for again", async () => {
      expect(await must("drain", "--wait")).toMatch(/: drained\n$/);
    });

    it("is undone", async () => {
      expect(await must("drain", "--undo")).toBe(`${bastion}: takes jobs again from the next minute on\n`);
      expect(await drainValue()).toBe("none");
    });

    it("says nothing about a bastion that goes for good, which drains until then", async () => {
      const order = (Value: string) =>
        emulator.ssm("eu-west-1", "PutParameter", { Name: drainParameter, Value, Overwrite: true });
      await order(`leaving:${bastion}`);
      await must("drain");
      expect(await drainValue()).toBe(`${bastion} leaving:${bastion}`);
      expect(await must("drain", "--undo")).toBe(
        `${bastion}: no new jobs, because it is being replaced, or goes with the fleet\n`,
      );
      expect(await drainValue()).toBe(`leaving:${bastion}`);
      await order("none");
    });
  });

  describe("sweep", () => {
    it("removes, and says what and why", async () => {
      const removed = [{ kind: "key-pair", id: "runner-old", why: "no instance uses it" }];
      answer = { body: { removed, kept: 2, dryRun: false } };
      expect(await must("sweep")).toBe("Removed 1, kept 2\n  key-pair  runner-old  no instance uses it\n");
      expect(invocations).toEqual(["/2015-03-31/functions/sweep-function-91b0e3c/invocations {}"]);
    });

    it("only says it with --dry-run", async () => {
      expect(await must("sweep", "--dry-run")).toBe("The next sweep removes nothing, keeps 1\n");
      expect(invocations).toEqual([
        '/2015-03-31/functions/sweep-function-91b0e3c/invocations {"dryRun":true}',
      ]);
    });

    it("fails with the function, in one line", async () => {
      answer = { body: { errorMessage: "AccessDenied" }, error: "Unhandled" };
      expect(await run("sweep")).toEqual({
        code: 1,
        stdout: "",
        stderr: "The sweep failed: AccessDenied. Its log: npm run fleet -- logs sweep\n",
      });
    });
  });

  it("config shows what is published, and what it changes where it is not in force", async () => {
    await fleet.publish('concurrent = 20\ntoken = "@@runner-token/default@@"\n');
    await report({ configuration: "failed: there is no parameter for @@runner-token/default@@" });
    const [title, ...lines] = (await must("config")).split("\n");
    expect(title).toMatch(/^# version 2, published \d{4}-\d\d-\d\dT[\d:]+Z$/);
    expect(lines).toEqual([
      `# ${bastion}: rejected: there is no parameter for @@runner-token/default@@`,
      `# ${bastion} runs version 1; what version 2 changes:`,
      "#   - concurrent = 10",
      "#   + concurrent = 20",
      '#   + token = "@@runner-token/default@@"',
      "#",
      "",
      "concurrent = 20",
      'token = "@@runner-token/default@@"',
      "",
    ]);
  });

  describe("logs", () => {
    const minute = 60_000;
    const line = (minutes: number, message: string) => ({
      timestamp: Date.now() - minutes * minute,
      message,
    });
    const withoutTime = (text: string) => text.replace(/^\S+Z /gm, "");

    it("prints what machines logged, oldest first, without their reports", async () => {
      await fleet.log(bastions, "i-1", line(20, "too old"), line(9, "first"), line(3, "third"));
      await fleet.log(bastions, "i-2", line(6, "second"));
      expect(withoutTime(await must("logs"))).toBe("i-1 first\ni-2 second\ni-1 third\n");
      expect(withoutTime(await must("logs", "--since", "4m"))).toBe("i-1 third\n");
    });

    it("goes on with --follow, and prints nothing twice", async () => {
      await fleet.log(sweeps, "2026/11/28/[$LATEST]a", line(1, "before\n"));
      const logs = start("logs", "sweep", "--follow");
      await logs.prints("before");
      // Shipped late.
      await fleet.log(sweeps, "2026/11/28/[$LATEST]b", line(2, "after\n"));
      await logs.prints("after");
      logs.child.kill();
      await logs.ended;
      expect(withoutTime(logs.printed())).toBe("before\nafter\n");
    });
  });

  describe("what is wrong is one line", () => {
    it("for missing credentials", async () => {
      const { program, args, place } = fleet.command(["config", "--stack", "dev"], false);
      const { code, stderr } = await runCommand(program, args, place);
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr:
          "There are no AWS credentials: Could not load credentials from any providers. Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.\n",
      });
    });

    it("for a stack that is not there", async () => {
      const { program, args, place } = fleet.command(["status", "--stack", "other"]);
      expect(await runCommand(program, args, place)).toEqual({
        code: 1,
        stdout: "",
        stderr: "Pulumi says: no stack named 'other' found\n",
      });
    });

    it("for a call that is none, which ends with 2", async () => {
      const { code, stderr } = await run("satus");
      expect(code).toBe(2);
      expect(stderr).toMatch(/^"satus" is not a command\.\n\nUsage: npm run fleet -- COMMAND/);
    });

    it("for a function that is not there", async () => {
      fleet.tellPulumi(fleet.outputs, emulator.url);
      expect(await run("sweep")).toEqual({
        code: 1,
        stdout: "",
        stderr: "There is no Lambda function sweep-function-91b0e3c: run pulumi up.\n",
      });
    });

    it("for a stack that an older version has brought up", async () => {
      fleet.tellPulumi({ ...fleet.outputs, sweepFunctionName: undefined }, lambda.url);
      expect(await run("drain")).toEqual({
        code: 1,
        stdout: "",
        stderr:
          "The stack dev has no sweepFunctionName among its outputs: it is not up, or was brought up by an older version. Run pulumi up.\n",
      });
    });
  });
});
