import { execFileSync } from "child_process";
import * as fs from "fs";
import * as os from "os";
import * as path from "path";
import { Emulator } from "../tools/emulator";
import type { HttpServer } from "../tools/http-server";
import { startInstanceMetadata } from "../tools/instance-metadata";
import { startPackageRepository, type PackageRepository } from "../tools/package-repository";
import {
  describeWith,
  program,
  requireLoopDevices,
  requireProgram,
  requireThrowawayMachine,
} from "../tools/programs";
import { replaceSystemctl, systemctlCalls } from "../tools/systemctl";
import { ThrowawayMachine, type CommandResult } from "../tools/throwaway-machine";
import { Volume } from "../tools/volume";
import { examples } from "./examples";
import { anyCredentials, appendVariables, publish, region } from "./machine-parts";

jest.setTimeout(120_000);

const data = "/var/lib/fleet-registry";
const environmentFileOfMachine = "/etc/fleet/registry-mirror.env";
const parameterPath = "/gitlab-runner-fleet/test/registry-mirror";

/** How the volume is called on an instance of the Nitro and of the Xen generation. */
const volumeNames = {
  nitro: "/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol0123456789abcdef0",
  xen: "/dev/xvdf",
};

/** CAP_SYS_RESOURCE. */
const mayGrow =
  (BigInt(`0x${/^CapEff:\s*(\w+)$/m.exec(fs.readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0"}`) >>
    24n) %
    2n ===
  1n;

const requirements = [
  requireThrowawayMachine,
  requireLoopDevices,
  ...["moto_server", "registry", "apt-ftparchive", "mkfs.ext4", "jq", "nginx"].map(program),
];

describeWith("The registry mirror's boot.sh", requirements, () => {
  let emulator: Emulator;
  let metadata: HttpServer;
  let downloads: PackageRepository;
  let machine: ThrowawayMachine;
  let folder: string;
  let volume: Volume;

  const boot = async (): Promise<CommandResult> =>
    machine.run(["/opt/fleet/boot.sh"], {
      AWS_ENDPOINT_URL_SSM: emulator.url,
      AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata.url,
    });

  const attach = (name: string) => {
    volume.attach(machine, name);
  };
  const detach = async () => {
    await machine.run(["umount", data]);
    volume.detach();
  };
  const newMachine = async () => {
    machine = await ThrowawayMachine.start();
    machine.writeFilesOf(examples.registryMirror);
    replaceSystemctl(machine);
    appendVariables(machine, environmentFileOfMachine, {
      REGISTRY_URL: `${downloads.url}/registry.tar.gz`,
      REGISTRY_SHA256: execFileSync("sha256sum", [path.join(folder, "registry.tar.gz")], {
        encoding: "utf8",
      }).slice(0, 64),
    });
  };

  beforeAll(async () => {
    emulator = await Emulator.start();
    metadata = await startInstanceMetadata("registry-mirror", anyCredentials);
    await publish(emulator, `${parameterPath}/http-secret`, "http-secret-0", "SecureString");
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "registry-mirror-"));
    const archive = path.join(folder, "registry.tar.gz");
    fs.writeFileSync(path.join(folder, "LICENSE"), "");
    fs.copyFileSync(requireProgram("registry"), path.join(folder, "registry"));
    execFileSync("tar", [
      ...["--create", "--use-compress-program", "gzip -1", "--file", archive],
      ...["--directory", folder, "LICENSE", "registry"],
    ]);
    downloads = await startPackageRepository([], { "registry.tar.gz": archive });
  });

  afterAll(async () => {
    await downloads.stop();
    await metadata.stop();
    await emulator.stop();
    fs.rmSync(folder, { recursive: true });
  });

  beforeEach(async () => {
    volume = new Volume(2 ** 26);
    await newMachine();
  });

  afterEach(async () => {
    await detach();
    await machine.stop();
    volume.remove();
  });

  it.each(Object.values(volumeNames))(
    "makes a registry mirror of a blank volume that is %s",
    async (name) => {
      attach(name);

      expect(await boot()).toMatchObject({ status: 0 });
      const mount = await machine.run(["findmnt", "--noheadings", "--output", "FSTYPE,OPTIONS", data]);
      expect(mount.stdout).toMatch(/^ext4 +rw,nosuid,nodev,noexec,lazytime/);
      expect(machine.read("/etc/fstab")).toMatch(
        /^UUID=[0-9a-f-]{36} \/var\/lib\/fleet-registry ext4 nofail,nodev,nosuid,noexec,strictatime,lazytime 0 2$/m,
      );
      const folders = await machine.run([
        "stat",
        "--format",
        "%n %U %a",
        `${data}/mirror`,
        `${data}/layer-cache`,
      ]);
      expect(folders.stdout).toBe(
        `${data}/mirror fleet-registry 750\n${data}/layer-cache fleet-registry 750\n`,
      );
      expect(fs.statSync(machine.outside("/usr/local/bin/registry")).mode & 0o777).toBe(0o755);
      expect(machine.read("/run/fleet/layer-cache.env")).toBe('REGISTRY_HTTP_SECRET="\\"http-secret-0\\""\n');
      expect(machine.read("/run/fleet/registry-mirror-6001.env")).toBe(
        `REGISTRY_PROXY_REMOTEURL="\\"https://ghcr.io\\""
REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY="\\"${data}/mirror/ghcr.io\\""
`,
      );
      expect(fs.statSync(machine.outside("/run/fleet/layer-cache.env")).mode & 0o777).toBe(0o600);
      expect(systemctlCalls(machine)).toEqual([
        "disable --now nginx.service",
        "enable --now fleet-journal.timer fleet-report.timer",
        "daemon-reload",
        "restart registry-mirror@6000.service registry-mirror@6001.service layer-cache.service registry-front.service",
        "enable --now fleet-evict.timer",
      ]);
    },
  );

  it("changes nothing when it runs again", async () => {
    attach(volumeNames.nitro);
    await boot();
    machine.write(`${data}/mirror/blob`, "data");
    const fstab = machine.read("/etc/fstab");
    downloads.requests.length = 0;

    expect(await boot()).toMatchObject({ status: 0 });
    expect(downloads.requests).toEqual([]);
    expect(machine.read(`${data}/mirror/blob`)).toBe("data");
    expect(machine.read("/etc/fstab")).toBe(fstab);
  });

  it("keeps the data when a new machine gets the volume", async () => {
    attach(volumeNames.nitro);
    await boot();
    machine.write(`${data}/mirror/blob`, "data");
    await detach();
    await machine.stop();
    await newMachine();
    attach(volumeNames.nitro);

    expect(await boot()).toMatchObject({ status: 0 });
    expect(machine.read(`${data}/mirror/blob`)).toBe("data");
  });

  it("keeps what version 0.1.0 had of Docker Hub", async () => {
    attach(volumeNames.nitro);
    await boot();
    machine.write(`${data}/mirror/docker/registry/blob`, "data");

    expect(await boot()).toMatchObject({ status: 0 });
    expect(machine.read(`${data}/mirror/docker.io/docker/registry/blob`)).toBe("data");
    expect(machine.exists(`${data}/mirror/docker`)).toBe(false);
  });

  it("uses all of a volume that has grown", async () => {
    const size = async () => Number((await machine.run(["df", "--output=size", data])).stdout.split("\n")[1]);
    attach(volumeNames.xen);
    await boot();
    const before = await size();
    await detach();
    volume.resize(2 ** 27);
    attach(volumeNames.xen);
    // The kernel grows a mounted filesystem only for a real root user, and containers have none.
    if (!mayGrow) {
      machine.write(
        "/usr/local/sbin/resize2fs",
        `#!/bin/bash\nmountpoint --quiet ${data} && echo "$*" >/run/grown\n`,
        0o755,
      );
    }

    expect(await boot()).toMatchObject({ status: 0 });
    if (mayGrow) {
      expect(await size()).toBeGreaterThan(1.8 * before);
    } else {
      expect(machine.read("/run/grown")).toBe("/dev/xvdf\n");
    }
  });

  it("does not touch a volume that holds something else", async () => {
    execFileSync("mkswap", [volume.file], { stdio: "ignore" });
    const before = fs.readFileSync(volume.file);
    attach(volumeNames.nitro);

    const result = await boot();
    expect(result.status).toBe(1);
    expect(result.stderr).toContain(
      "the volume vol-0123456789abcdef0 holds something else than an ext4 filesystem",
    );
    expect(result.stderr).toMatch(/\nfleet: FAILED with status 1: data volume\n$/);
    expect(fs.readFileSync(volume.file).equals(before)).toBe(true);
  });

  it("waits for the volume to be attached", async () => {
    const booting = boot();
    await new Promise((resolve) => setTimeout(resolve, 4000));
    attach(volumeNames.nitro);

    const result = await booting;
    expect(result).toMatchObject({ status: 0 });
    expect(result.stderr).toContain(
      "fleet: the volume vol-0123456789abcdef0 is not attached\nfleet: again in 2 s",
    );
  });

  it("refuses a registry with another checksum", async () => {
    appendVariables(machine, environmentFileOfMachine, { REGISTRY_SHA256: "0".repeat(64) });

    const result = await boot();
    expect(result.stderr).toContain(`fleet: ${downloads.url}/registry.tar.gz does not have the checksum`);
    expect(machine.exists("/usr/local/bin/registry")).toBe(false);
  });

  it("hands the Docker Hub account to the mirror only", async () => {
    await publish(emulator, `${parameterPath}/docker-hub-username`, "someone");
    await publish(emulator, `${parameterPath}/docker-hub-password`, `dckr_pat"'$\\`, "SecureString");
    attach(volumeNames.nitro);

    expect(await boot()).toMatchObject({ status: 0 });
    expect(machine.read("/run/fleet/registry-mirror-6000.env")).toContain(
      'REGISTRY_PROXY_USERNAME="\\"someone\\""\nREGISTRY_PROXY_PASSWORD="\\"dckr_pat\\\\\\"\'$\\\\\\\\\\""\n',
    );
    for (const name of ["layer-cache", "registry-mirror-6001"]) {
      expect(machine.read(`/run/fleet/${name}.env`)).not.toContain("dckr_pat");
    }
    for (const name of ["docker-hub-username", "docker-hub-password"]) {
      await emulator.ssm(region, "DeleteParameter", { Name: `${parameterPath}/${name}` });
    }
  });
});
