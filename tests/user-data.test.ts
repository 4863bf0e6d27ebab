import { execFileSync } from "child_process";
import * as fs from "fs";
import * as path from "path";
import * as zlib from "zlib";
import * as fc from "fast-check";
import { gunzipSync } from "fflate";
import { parse } from "yaml";
import { mirrorsOf } from "../components/registry-addresses";
import {
  bastionUserData,
  encodeUserData,
  environmentFile,
  registryMirrorUserData,
  shellQuote,
  workerUserData,
} from "../components/user-data";

interface CloudConfig {
  write_files: { path: string; permissions: string; content: string }[];
  runcmd?: string[][];
}

const bastion = bastionUserData({
  region: "eu-west-1",
  parameterPath: "/gitlab-runner-fleet/dev/bastion",
  architecture: "arm64",
  swapSize: 2,
});
const registryMirror = registryMirrorUserData({
  region: "eu-west-1",
  parameterPath: "/gitlab-runner-fleet/dev/registry-mirror",
  architecture: "amd64",
  volumeId: "vol-0123456789abcdef0",
  upstreams: ["docker.io", "ghcr.io"],
  mirrorShare: 40,
  layerCacheShare: 45,
  layerCacheMaxAge: 14,
  tls: true,
  protectedRefs: true,
});
const worker = workerUserData({
  registries: { host: "registry-mirror.dev.gitlab-runner-fleet.internal", mirrors: mirrorsOf(["ghcr.io"]) },
});

const parsed = (text: string) => parse(text) as CloudConfig;
const contentOf = (text: string, name: string) =>
  parsed(text).write_files.find((file) => file.path === name)?.content;
/** Permissions and paths, in order. */
const filesOf = (text: string) => parsed(text).write_files.map((file) => `${file.permissions} ${file.path}`);
const userData = (name: string) => fs.readFileSync(path.join(__dirname, "..", "userdata", name), "utf8");

const boot = [
  ["systemctl", "daemon-reload"],
  ["systemctl", "enable", "--now", "--no-block", "fleet-boot.service"],
];

const commonFiles = [
  "0755 /opt/fleet/library.sh",
  "0755 /opt/fleet/aws-library.sh",
  "0755 /opt/fleet/read-parameters.sh",
  "0755 /opt/fleet/ship-journal.sh",
  "0644 /etc/systemd/system/fleet-boot.service",
  "0644 /etc/systemd/system/fleet-journal.service",
  "0644 /etc/systemd/system/fleet-journal.timer",
  "0644 /etc/systemd/system/fleet-report.service",
  "0644 /etc/systemd/system/fleet-report.timer",
];

describe("The bastion's user data", () => {
  it("writes its files and sets off the boot, which is a unit of its own", () => {
    expect(bastion).toMatch(/^#cloud-config\n/);
    expect(filesOf(bastion)).toEqual([
      "0644 /etc/fleet/bastion.env",
      ...commonFiles,
      "0755 /opt/fleet/boot.sh",
      "0755 /opt/fleet/sync-config.sh",
      "0755 /opt/fleet/bin/docker-machine",
      "0755 /opt/fleet/report.sh",
      "0755 /opt/fleet/tidy.sh",
      "0644 /etc/systemd/system/fleet-sync.service",
      "0644 /etc/systemd/system/fleet-sync.timer",
      "0644 /etc/systemd/system/fleet-tidy.service",
      "0644 /etc/systemd/system/fleet-tidy.timer",
      "0644 /etc/systemd/system/gitlab-runner.service.d/fleet.conf",
    ]);
    expect(parsed(bastion).runcmd).toEqual(boot);
  });

  it("says all that varies in one environment file", () => {
    expect(contentOf(bastion, "/etc/fleet/bastion.env")).toBe(
      `AWS_REGION='eu-west-1'
PARAMETER_PATH='/gitlab-runner-fleet/dev/bastion'
SWAP_SIZE='2'
UBUNTU_CODENAME='noble'
GITLAB_RUNNER_PACKAGES='gitlab-runner=19.3.0-1 gitlab-runner-helper-images=19.3.0-1'
GITLAB_RUNNER_REPOSITORY_URL='https://packages.gitlab.com/runner/gitlab-runner/ubuntu'
GITLAB_RUNNER_REPOSITORY_COMPONENT='main'
GITLAB_RUNNER_KEY_URL='https://packages.gitlab.com/runner/gitlab-runner/gpgkey'
GITLAB_RUNNER_KEY_FINGERPRINT='F6403F6544A38863DAA0B6E03F01618A51312F3F'
DOCKER_MACHINE_VERSION='0.16.2-gitlab.48'
DOCKER_MACHINE_URL='https://gitlab-docker-machine-downloads.s3.amazonaws.com/v0.16.2-gitlab.48/docker-machine-Linux-aarch64'
DOCKER_MACHINE_SHA256=''
`,
    );
  });

  it("has each script as it is in userdata/", () => {
    expect(contentOf(bastion, "/opt/fleet/boot.sh")).toBe(userData("bastion/boot.sh"));
    expect(contentOf(bastion, "/opt/fleet/sync-config.sh")).toBe(userData("bastion/sync-config.sh"));
    expect(contentOf(bastion, "/opt/fleet/bin/docker-machine")).toBe(userData("bastion/docker-machine.sh"));
    expect(contentOf(bastion, "/opt/fleet/library.sh")).toBe(userData("common/library.sh"));
    expect(contentOf(bastion, "/opt/fleet/report.sh")).toBe(userData("bastion/report.sh"));
    expect(contentOf(registryMirror, "/opt/fleet/report.sh")).toBe(userData("registry-mirror/report.sh"));
    expect(contentOf(bastion, "/opt/fleet/read-parameters.sh")).toBe(userData("common/read-parameters.sh"));
  });
});

describe("The registry mirror's user data", () => {
  it("writes its files and sets off the boot", () => {
    expect(filesOf(registryMirror)).toEqual([
      "0644 /etc/fleet/registry-mirror.env",
      "0644 /etc/fleet/registry-mirror.yml",
      "0644 /etc/fleet/layer-cache.yml",
      "0644 /etc/fleet/nginx.conf",
      "0644 /etc/fleet/tls.conf",
      "0644 /etc/fleet/protected.conf",
      ...commonFiles,
      "0755 /opt/fleet/boot.sh",
      "0755 /opt/fleet/evict.py",
      "0755 /opt/fleet/report.sh",
      "0644 /etc/systemd/system/registry-mirror@.service",
      "0644 /etc/systemd/system/layer-cache.service",
      "0644 /etc/systemd/system/registry-front.service",
      "0644 /etc/systemd/system/fleet-evict.service",
      "0644 /etc/systemd/system/fleet-evict.timer",
    ]);
    expect(parsed(registryMirror).runcmd).toEqual(boot);
  });

  it("says all that varies in one environment file", () => {
    expect(contentOf(registryMirror, "/etc/fleet/registry-mirror.env")).toBe(
      `AWS_REGION='eu-west-1'
PARAMETER_PATH='/gitlab-runner-fleet/dev/registry-mirror'
VOLUME_ID='vol-0123456789abcdef0'
MIRRORED='docker.io=https://registry-1.docker.io ghcr.io=https://ghcr.io'
MIRROR_SHARE='40'
LAYER_CACHE_SHARE='45'
LAYER_CACHE_MAX_AGE='14'
TLS='yes'
PROTECTED='yes'
REGISTRY_VERSION='3.1.1'
REGISTRY_URL='https://github.com/distribution/distribution/releases/download/v3.1.1/registry_3.1.1_linux_amd64.tar.gz'
REGISTRY_SHA256='6f330a3ba9ea1d23a6ee189f449d792595240585bb2f159123d76ac594f70dd8'
`,
    );
  });

  it("has a mirror and a layer cache that only the machine itself reaches, both with their data on the volume", () => {
    expect(parse(contentOf(registryMirror, "/etc/fleet/registry-mirror.yml") ?? "")).toMatchObject({
      storage: { filesystem: { rootdirectory: "/var/lib/fleet-registry/mirror" } },
      http: { addr: "127.0.0.1:16000", debug: { addr: "127.0.0.1:26000" } },
      proxy: { remoteurl: "https://registry-1.docker.io", ttl: 0 },
    });
    expect(parse(contentOf(registryMirror, "/etc/fleet/layer-cache.yml") ?? "")).toMatchObject({
      storage: {
        filesystem: { rootdirectory: "/var/lib/fleet-registry/layer-cache" },
        delete: { enabled: true },
      },
      http: { addr: "127.0.0.1:15000", debug: { addr: "127.0.0.1:25000" } },
    });
  });
});

describe("The workers' user data", () => {
  it("is done with everything before docker-machine can log in", () => {
    expect(Object.keys(parsed(worker))).toEqual(["bootcmd", "write_files"]);
    expect(filesOf(worker)).toEqual([
      "0644 /etc/fleet/worker.env",
      "0644 /etc/apt/apt.conf.d/zz-fleet",
      "0755 /opt/fleet/library.sh",
      "0755 /opt/fleet/install-docker.sh",
      "0644 /etc/fleet/daemon.json",
      "0644 /etc/fleet/buildkitd.toml",
      "0644 /etc/fleet/registries.conf",
    ]);
  });

  it("pins Docker", () => {
    expect(contentOf(worker, "/etc/fleet/worker.env")).toBe(
      `UBUNTU_CODENAME='noble'
DOCKER_PACKAGES='docker-ce=5:29.7.2-1~ubuntu.24.04~noble docker-ce-cli=5:29.7.2-1~ubuntu.24.04~noble containerd.io=2.3.3-1~ubuntu.24.04~noble'
DOCKER_REPOSITORY_URL='https://download.docker.com/linux/ubuntu'
DOCKER_REPOSITORY_COMPONENT='stable'
DOCKER_KEY_URL='https://download.docker.com/linux/ubuntu/gpg'
DOCKER_KEY_FINGERPRINT='9DC858229FC7DD38854AE2D88D81803C0EBFCD88'
`,
    );
  });

  it("says nothing about registries when there are none", () => {
    expect(filesOf(workerUserData({}))).toEqual([
      "0644 /etc/fleet/worker.env",
      "0644 /etc/apt/apt.conf.d/zz-fleet",
      "0755 /opt/fleet/library.sh",
      "0755 /opt/fleet/install-docker.sh",
    ]);
  });

  it("fits EC2 as the bastion compresses it, with all that a mirror can have", () => {
    const upstreams = Array.from({ length: 9 }, (_, i) => `registry-${i}.example.com`);
    const host = `registry-mirror.${"a".repeat(40)}.${"b".repeat(40)}.internal`;
    const registries = { host, mirrors: mirrorsOf(upstreams), caCertificate: "c".repeat(600) };
    expect(zlib.gzipSync(workerUserData({ registries })).length).toBeLessThan(8_192);
  });
});

describe("Every user data", () => {
  it.each([
    ["bastion", bastion, 15],
    ["registry mirror", registryMirror, 14],
    ["worker", worker, 8],
  ])("leaves room below EC2's limit: %s", (_, text, kibibytes) => {
    expect(Buffer.from(encodeUserData(text), "base64").length).toBeLessThan(kibibytes * 1024);
  });

  it("names each file of userdata/ once or more, so that none is forgotten", () => {
    const written = [bastion, registryMirror, worker].flatMap((text) =>
      parsed(text).write_files.map((file) => file.content),
    );
    const files = fs
      .readdirSync(path.join(__dirname, "..", "userdata"), { recursive: true, encoding: "utf8" })
      .filter((name) => path.extname(name) !== "");
    expect(files.filter((name) => !written.includes(userData(name)))).toEqual([]);
  });
});

describe("encodeUserData", () => {
  const decode = (encoded: string) => Buffer.from(encoded, "base64");

  it("leaves what EC2 takes as it is", () => {
    const text = "#cloud-config\n".padEnd(16_384, "#");
    expect(decode(encodeUserData(text)).toString()).toBe(text);
  });

  it("compresses what is longer, without the time in it", () => {
    const text = "#cloud-config\n".padEnd(16_385, "#");
    const bytes = decode(encodeUserData(text));
    expect([...bytes.subarray(0, 8)]).toEqual([0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
    expect(Buffer.from(gunzipSync(bytes)).toString()).toBe(text);
  });

  it("refuses what is too long even then", () => {
    const text = Array.from({ length: 10_000 }, (_, index) => Math.sin(index).toFixed(12).slice(-8)).join("");
    expect(() => encodeUserData(text)).toThrow(
      /^User data of 80000 bytes is \d{5} bytes when compressed; EC2 takes 16384\.$/,
    );
  });
});

const texts = fc.string({
  unit: fc.oneof(
    fc.constantFrom("'", '"', "\\", "$", "`", "\n", " ", "!", "*"),
    fc.string({ minLength: 1, maxLength: 1 }),
  ),
});

describe("shellQuote", () => {
  it("quotes", () => {
    expect(shellQuote("it's $HOME")).toBe(`'it'\\''s $HOME'`);
    expect(shellQuote("")).toBe("''");
  });

  it("makes one word of any text, whatever bash thinks of its characters", () => {
    const words = fc.sample(texts, { numRuns: 200, seed: 1 });
    const output = execFileSync("bash", [
      "-c",
      `printf '%s\\0' ${words.map(shellQuote).join(" ")}`,
    ]).toString();
    expect(output.split("\0").slice(0, -1)).toEqual(words);
  });
});

describe("environmentFile", () => {
  it("gives a shell that sources it the same values", () => {
    const values = fc.sample(texts, { numRuns: 100, seed: 2 });
    const variables = Object.fromEntries(values.map((value, index) => [`VARIABLE_${index}`, value]));
    const script = `${environmentFile(variables)}printf '%s\\0' ${Object.keys(variables)
      .map((name) => `"$${name}"`)
      .join(" ")}`;
    const output = execFileSync("bash", ["-s"], { input: script }).toString();
    expect(output.split("\0").slice(0, -1)).toEqual(values);
  });
});
