import { execFileSync, spawnSync } from "child_process";
import * as fs from "fs";
import * as os from "os";
import * as path from "path";
import { parse } from "yaml";
import {
  describeWith,
  program,
  requireProgram,
  requireThrowawayMachine,
  requireValidatingDockerd,
} from "../tools/programs";
import { ThrowawayMachine } from "../tools/throwaway-machine";
import { examples } from "./examples";

jest.setTimeout(120_000);

const root = path.join(__dirname, "..", "..");
const filesBelow = (folder: string, extension: string) =>
  fs
    .readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(extension))
    .map((name) => path.join(folder, name));

const folderOfTest = () => fs.mkdtempSync(path.join(os.tmpdir(), "static-files-"));

describeWith("shellcheck", [program("shellcheck")], () => {
  it.each([...filesBelow("userdata", ".sh"), ...filesBelow("tests/tools", ".sh")])("accepts %s", (name) => {
    const result = spawnSync("shellcheck", ["--severity=style", "--external-sources", name], {
      cwd: root,
      encoding: "utf8",
    });
    expect(result.stdout).toBe("");
    expect(result.status).toBe(0);
  });
});

describeWith("cloud-init", [program("cloud-init")], () => {
  const schema = (text: string) => {
    const folder = folderOfTest();
    fs.writeFileSync(path.join(folder, "user-data"), text);
    const { status } = spawnSync("cloud-init", ["schema", "--config-file", path.join(folder, "user-data")]);
    fs.rmSync(folder, { recursive: true });
    return status;
  };

  it.each(Object.entries(examples))("accepts the cloud-config of: %s", (_, text) => {
    expect(schema(text)).toBe(0);
  });

  it("would refuse a wrong one", () => {
    expect(schema(examples.worker.replace('permissions: "0644"', "permissions: 644"))).toBe(1);
  });
});

describeWith("systemd", [program("systemd-analyze"), requireThrowawayMachine], () => {
  let machine: ThrowawayMachine;

  /** The unit that GitLab Runner's package brings. */
  const packagedUnit = `[Unit]
Description=GitLab Runner
After=network.target

[Service]
StartLimitInterval=5
StartLimitBurst=10
ExecStart=/usr/bin/gitlab-runner "run" "--config" "/etc/gitlab-runner/config.toml"
Restart=always
RestartSec=120

[Install]
WantedBy=multi-user.target
`;

  const commonTimers = ["fleet-journal", "fleet-report"];
  const timerAndService = (name: string) => [`${name}.timer`, `${name}.service`];

  const verify = async (names: string[]) => {
    const result = await machine.run([
      "systemd-analyze",
      "verify",
      "--recursive-errors=no",
      "--man=no",
      ...names,
    ]);
    return { status: result.status, complaints: result.stderr };
  };

  beforeEach(async () => {
    machine = await ThrowawayMachine.start();
    for (const name of ["/usr/bin/gitlab-runner", "/usr/local/bin/registry", "/usr/sbin/nginx"]) {
      machine.write(name, "#!/bin/sh\n", 0o755);
    }
    machine.write("/lib/systemd/system/gitlab-runner.service", packagedUnit);
  });

  afterEach(async () => {
    await machine.stop();
  });

  it("accepts the bastion's units", async () => {
    machine.writeFilesOf(examples.bastion);

    const timers = ["fleet-sync", "fleet-tidy", ...commonTimers];
    const units = ["fleet-boot.service", "gitlab-runner.service", ...timers.flatMap(timerAndService)];
    expect(await verify(units)).toEqual({ status: 0, complaints: "" });
    const settings = await machine.run([
      "systemd-analyze",
      "cat-config",
      "systemd/system/gitlab-runner.service",
    ]);
    expect(settings.stdout).toContain("ConditionPathExists=/etc/gitlab-runner/config.toml");
    expect(settings.stdout).toContain("ConditionPathExists=!/run/fleet/draining");
  });

  it("accepts the registry mirror's units", async () => {
    machine.writeFilesOf(examples.registryMirror);

    const registries = ["registry-mirror@6000.service", "layer-cache.service", "registry-front.service"];
    const timers = ["fleet-evict", ...commonTimers];
    const units = [...registries, "fleet-boot.service", ...timers.flatMap(timerAndService)];
    expect(await verify(units)).toEqual({ status: 0, complaints: "" });
  });

  it("would complain of a misspelt setting, and of a program that is not there", async () => {
    machine.writeFilesOf(examples.registryMirror);
    const unit = "/etc/systemd/system/layer-cache.service";
    machine.write(unit, machine.read(unit).replace("RestartSec=", "RestartSecs="));
    expect((await verify(["layer-cache.service"])).complaints).toContain("'RestartSecs'");

    fs.rmSync(machine.outside("/usr/local/bin/registry"));
    expect((await verify(["registry-mirror@6000.service"])).status).toBe(1);
  });
});

describeWith("dockerd", [requireValidatingDockerd], () => {
  const validate = (text: string) => {
    const folder = folderOfTest();
    fs.writeFileSync(path.join(folder, "daemon.json"), text);
    // The proxy program is not what this is about, and need not be installed.
    const { status } = spawnSync(requireProgram("dockerd"), [
      "--validate",
      "--userland-proxy=false",
      ...["--config-file", path.join(folder, "daemon.json")],
    ]);
    fs.rmSync(folder, { recursive: true });
    return status;
  };
  const document = parse(examples.worker) as { write_files: { path: string; content: string }[] };
  const daemonJson =
    document.write_files.find(({ path }) => path === "/etc/fleet/daemon.json")?.content ?? "";

  it("accepts the daemon.json of jobs", () => {
    expect(validate(daemonJson)).toBe(0);
  });

  it("would refuse a misspelt setting and an address that is none", () => {
    expect(validate(daemonJson.replace("registry-mirrors", "registry-mirors"))).toBe(1);
    expect(validate(daemonJson.replace("http://", ""))).toBe(1);
  });
});

describe("The scripts", () => {
  it("can be run", () => {
    for (const name of filesBelow("userdata", ".sh")) {
      const first = fs.readFileSync(path.join(root, name), "utf8").split("\n")[0];
      expect(first).toBe(name.endsWith("library.sh") ? "# shellcheck shell=bash" : "#!/bin/bash");
      execFileSync("bash", ["-n", path.join(root, name)]);
    }
  });
});
