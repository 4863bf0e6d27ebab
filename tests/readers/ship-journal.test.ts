import * as fs from "fs";
import { Emulator } from "../tools/emulator";
import { startHttpServer, type HttpServer } from "../tools/http-server";
import { startInstanceMetadata } from "../tools/instance-metadata";
import { describeWith, program, requireThrowawayMachine } from "../tools/programs";
import { ThrowawayMachine, type CommandResult } from "../tools/throwaway-machine";
import { CloudWatch } from "./cloudwatch";
import { examples } from "./examples";
import { anyCredentials } from "./machine-parts";

jest.setTimeout(240_000);

const instanceId = "i-0123456789abcdef0";
const remote = "/lib/systemd/systemd-journal-remote";
const machineId = "0123456789abcdef0123456789abcdef";
const journal = `/var/log/journal/${machineId}/system.journal`;

/** @throws Error when no journal can be written here. */
function requireJournalRemote(): void {
  if (!fs.existsSync(remote))
    throw new Error("systemd-journal-remote is missing: run tests/tools/install.sh as root.");
}

/** One entry of a journal, as systemd-journal-remote reads it. */
interface Entry {
  unit: string;
  message: string | Buffer;
  /** Of whom systemd speaks. */
  about?: string;
  priority?: number;
  /** Seconds from the first one. */
  after?: number;
}

interface LogEvent {
  timestamp: number;
  message: string;
}

const requirements = [requireThrowawayMachine, requireJournalRemote, program("moto_server"), program("jq")];

describeWith("ship-journal.sh", requirements, () => {
  let emulator: Emulator;
  let metadata: HttpServer;
  let machine: ThrowawayMachine;
  let cloudWatch: CloudWatch;
  let start: number;
  let written: number;

  const ship = async (more: Record<string, string> = {}): Promise<CommandResult> =>
    machine.run(["/opt/fleet/ship-journal.sh"], {
      AWS_ENDPOINT_URL: emulator.url,
      AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata.url,
      ...more,
    });
  const shipped = async () => (await cloudWatch.events(instanceId)).map(({ message }) => message);

  /** Writes entries to the machine's journal. */
  const say = async (...entries: Entry[]) => {
    const texts = entries.map(({ unit, message, about, priority = 6, after }) => {
      written++;
      const time = start + (after ?? written) * 1_000_000;
      const text = Buffer.from(message);
      const length = Buffer.alloc(8);
      length.writeBigUInt64LE(BigInt(text.length));
      const fields = [
        `__REALTIME_TIMESTAMP=${time}`,
        `__MONOTONIC_TIMESTAMP=${written}`,
        `_BOOT_ID=${machineId}`,
        `_SYSTEMD_UNIT=${unit}`,
        ...(about === undefined ? [] : ["_PID=1", `UNIT=${about}`]),
        `PRIORITY=${priority}`,
      ];
      return Buffer.concat([
        Buffer.from(`${fields.join("\n")}\nMESSAGE\n`),
        length,
        text,
        Buffer.from("\n\n"),
      ]);
    });
    machine.write("/tmp/entries", Buffer.concat(texts));
    const result = await machine.run([remote, "--output", journal, "/tmp/entries"]);
    if (result.status !== 0) throw new Error(result.stderr);
  };

  beforeAll(async () => {
    emulator = await Emulator.start();
    metadata = await startInstanceMetadata("bastion", anyCredentials);
  });

  afterAll(async () => {
    await metadata.stop();
    await emulator.stop();
  });

  beforeEach(async () => {
    await emulator.reset();
    cloudWatch = new CloudWatch(emulator, "/gitlab-runner-fleet/test/bastion");
    await cloudWatch.makeGroup();
    machine = await ThrowawayMachine.start();
    machine.writeFilesOf(examples.bastion);
    machine.write("/etc/machine-id", `${machineId}\n`);
    machine.write("/var/lib/cloud/data/instance-id", `${instanceId}\n`);
    fs.mkdirSync(machine.outside(`/var/log/journal/${machineId}`), { recursive: true });
    start = (Date.now() - 3_600_000) * 1000;
    written = 0;
  });

  afterEach(async () => {
    await machine.stop();
  });

  it("copies what the fleet's units say, once, and nobody else", async () => {
    await say(
      { unit: "fleet-boot.service", message: "fleet: packages" },
      { unit: "ssh.service", message: "Accepted publickey" },
      { unit: "gitlab-runner.service", message: "Checking for jobs..." },
      { unit: "registry-mirror@6000.service", message: "a line\nand another" },
    );
    expect(await ship()).toEqual({ status: 0, stdout: "", stderr: "" });
    const first = [
      "fleet-boot: fleet: packages",
      "gitlab-runner: Checking for jobs...",
      "registry-mirror@6000: a line\nand another",
    ];
    expect(await shipped()).toEqual(first);
    const [{ timestamp } = { timestamp: 0 }] = await cloudWatch.events(instanceId);
    expect(timestamp).toBe(Math.floor(start / 1000) + 1000);

    expect((await ship()).status).toBe(0);
    expect(await shipped()).toEqual(first);
    await say({ unit: "layer-cache.service", message: "listening" });
    await ship();
    expect(await shipped()).toEqual([...first, "layer-cache: listening"]);
  });

  it("leaves out colours, and what systemd says of each run of a timer's unit, but for its failures", async () => {
    const systemd = { unit: "init.scope", about: "fleet-sync.service" };
    await say(
      { unit: "gitlab-runner.service", message: "\u001b[0;33mWARNING: grün 🚀\u001b[0;m  name\u001b[0;m=x" },
      { ...systemd, message: "Starting fleet-sync.service - Bring the published config.toml..." },
      { ...systemd, message: "fleet-sync.service: Failed with result 'exit-code'.", priority: 4 },
      { unit: "init.scope", about: "gitlab-runner.service", message: "Started gitlab-runner.service" },
      { unit: "gitlab-runner.service", message: Buffer.from([255, 254]) },
    );
    await ship();
    expect(await shipped()).toEqual([
      "gitlab-runner: WARNING: grün 🚀  name=x",
      "fleet-sync: fleet-sync.service: Failed with result 'exit-code'.",
      "gitlab-runner: Started gitlab-runner.service",
      expect.stringContaining("gitlab-runner: ") as string,
    ]);
  });

  it("keeps CloudWatch's limits: events, bytes, time, order", async () => {
    const unit = "gitlab-runner.service";
    const lines = Array.from({ length: 10_500 }, (_, i) => ({ unit, message: `line ${i}`, after: i / 10 }));
    const long = Array.from({ length: 12 }, (_, i) => ({
      unit,
      message: `${i}`.padEnd(300_000, "x"),
      after: 1100,
    }));
    await say(...lines, ...long, { unit, message: "the clock was set back", after: -90_000 });
    const calls: LogEvent[][] = [];
    const logs = await startHttpServer((request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => {
        calls.push((JSON.parse(body) as { logEvents: LogEvent[] }).logEvents);
        response.end("{}");
      });
    });
    const result = await ship({ AWS_ENDPOINT_URL_CLOUDWATCH_LOGS: logs.url });
    await logs.stop();
    expect(result).toEqual({ status: 0, stdout: "", stderr: "" });

    const messages = calls.flat().map(({ message }) => message);
    expect(new Set(messages).size).toBe(lines.length + long.length + 1);
    expect(messages).toHaveLength(lines.length + long.length + 1);
    const size = (message: string) => Buffer.byteLength(message) + 26;
    expect(Math.max(...messages.map(size))).toBeLessThanOrEqual(256 * 1024);
    for (const events of calls) {
      const times = events.map(({ timestamp }) => timestamp);
      expect(events.length).toBeLessThanOrEqual(10_000);
      expect(events.reduce((sum, { message }) => sum + size(message), 0)).toBeLessThanOrEqual(2 ** 20);
      expect(times).toEqual([...times].sort((a, b) => a - b));
      expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeLessThan(86_400_000);
    }
  });

  it("loses nothing while AWS is out of reach", async () => {
    await say({ unit: "fleet-boot.service", message: "one" });
    expect(await ship({ AWS_ENDPOINT_URL: "http://127.0.0.1:1" })).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(
        /^ship-journal: cannot write to \/gitlab-runner-fleet\/test\/bastion as bastion: /,
      ) as string,
    });
    await say({ unit: "fleet-boot.service", message: "two" });
    await ship();
    expect(await shipped()).toEqual(["fleet-boot: one", "fleet-boot: two"]);
  });
});
