import { Emulator } from "../tools/emulator";
import type { HttpServer } from "../tools/http-server";
import { startInstanceMetadata } from "../tools/instance-metadata";
import { describeWith, program, requireThrowawayMachine } from "../tools/programs";
import { ThrowawayMachine } from "../tools/throwaway-machine";
import { CloudWatch } from "./cloudwatch";
import { examples } from "./examples";
import { anyCredentials, appendVariables } from "./machine-parts";

jest.setTimeout(120_000);

const instanceId = "i-0123456789abcdef0";
const data = "/var/lib/fleet-registry";
const active = {
  "registry-front": "active",
  "layer-cache": "active",
  "registry-mirror@6000": "active",
  "registry-mirror@6001": "active",
};

describeWith("The registry mirror's report.sh", [requireThrowawayMachine, program("moto_server")], () => {
  let emulator: Emulator;
  let metadata: HttpServer;
  let machine: ThrowawayMachine;
  let cloudWatch: CloudWatch;

  const report = async (): Promise<unknown> => {
    const result = await machine.run(["/opt/fleet/report.sh"], {
      AWS_ENDPOINT_URL: emulator.url,
      AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata.url,
    });
    expect(result).toEqual({ status: 0, stdout: "", stderr: "" });
    const [{ message } = { message: "" }] = (await cloudWatch.events(`${instanceId}.report`)).slice(-1);
    return JSON.parse(message);
  };
  const failed = (unit: string) => {
    machine.write("/run/failed", unit);
  };

  beforeAll(async () => {
    emulator = await Emulator.start();
    metadata = await startInstanceMetadata("registry-mirror", anyCredentials);
  });

  afterAll(async () => {
    await metadata.stop();
    await emulator.stop();
  });

  beforeEach(async () => {
    await emulator.reset();
    const path = "/gitlab-runner-fleet/test/registry-mirror";
    cloudWatch = new CloudWatch(emulator, path);
    await cloudWatch.makeGroup();
    machine = await ThrowawayMachine.start();
    machine.writeFilesOf(examples.registryMirror);
    appendVariables(machine, "/etc/fleet/registry-mirror.env", { PARAMETER_PATH: path });
    machine.write("/var/lib/cloud/data/instance-id", `${instanceId}\n`);
    machine.write(
      "/usr/local/sbin/systemctl",
      '#!/bin/bash\n[[ "$2" != "$(cat /run/failed)" ]] || { echo failed; exit 3; }\necho active\n',
      0o755,
    );
    failed("nothing");
  });

  afterEach(async () => {
    await machine.stop();
  });

  it("says how full the data volume is, and that all services run", async () => {
    const half = `mkdir ${data}; mount -t tmpfs -o size=10m tmpfs ${data} && head --bytes 5M /dev/zero >${data}/file`;
    await machine.run(["bash", "-c", half]);

    expect(await report()).toEqual({ diskUsedPercent: 50, services: active });
    expect(await cloudWatch.metric("MirrorReports")).toBe(1);
    expect(await cloudWatch.metric("MirrorDiskUsedPercent")).toBe(50);
  });

  it("has no heartbeat while a service does not run, and says which", async () => {
    failed("layer-cache.service");

    expect(await report()).toEqual({
      diskUsedPercent: null,
      services: { ...active, "layer-cache": "failed" },
    });
    expect(await cloudWatch.metric("MirrorReports")).toBeUndefined();
  });

  it("takes the root volume for nobody's data", async () => {
    await report();
    expect(await cloudWatch.metric("MirrorDiskUsedPercent")).toBeUndefined();
    expect(await cloudWatch.metric("MirrorReports")).toBe(1);
  });
});
