import { spawnSync } from "child_process";
import { createHash } from "crypto";
import * as fs from "fs";
import { gzipSync } from "fflate";
import { parse } from "yaml";
import { workerUserData } from "../../components/user-data";
import { describeWith, program, requireProgram, requireThrowawayMachine } from "../tools/programs";
import { ThrowawayMachine } from "../tools/throwaway-machine";
import { examples } from "./examples";
import { replaceSystemctl, systemctlCalls } from "./machine-parts";

jest.setTimeout(120_000);

const data = "/var/lib/fleet-registry";
const host = "registry-mirror.test";
const image = "library/busybox";

const sha256 = (content: Buffer) => `sha256:${createHash("sha256").update(content).digest("hex")}`;

/** What Docker Hub has: an image with one file. */
function testImage(): { manifest: Buffer; blobs: Buffer[] } {
  const archive = spawnSync("tar", ["--create", "--directory", __dirname, "registries.test.ts"]).stdout;
  const layer = Buffer.from(gzipSync(archive, { mtime: 0 }));
  const configuration = Buffer.from(
    JSON.stringify({
      architecture: "amd64",
      os: "linux",
      config: {},
      rootfs: { type: "layers", diff_ids: [sha256(archive)] },
    }),
  );
  const described = (mediaType: string, content: Buffer) => ({
    mediaType,
    digest: sha256(content),
    size: content.length,
  });
  const manifest = {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: described("application/vnd.oci.image.config.v1+json", configuration),
    layers: [described("application/vnd.oci.image.layer.v1.tar+gzip", layer)],
  };
  return { manifest: Buffer.from(JSON.stringify(manifest)), blobs: [configuration, layer] };
}

/** Whose answer tells that a registry listens. */
const listens = (url: string) =>
  `for i in {1..100}; do curl --silent --fail ${url}/v2/ && exit; sleep 0.1; done; exit 1`;

describeWith("The registries", [requireThrowawayMachine, ...["registry", "curl", "ip"].map(program)], () => {
  let machine: ThrowawayMachine;

  const curl = async (...args: string[]) =>
    (await machine.run(["curl", "--silent", "--show-error", ...args])).stdout;
  const statusOf = async (...args: string[]) =>
    curl("--output", "/dev/null", "--write-out", "%{http_code}", ...args);

  /** Starts what the unit starts, with its environment and more. */
  const serve = async (unit: string, port: number, more: Record<string, string> = {}) => {
    const text = machine.read(`/etc/systemd/system/${unit}.service`);
    const command = /^ExecStart=(.*)$/m.exec(text)?.[1]?.split(" ") ?? [];
    const user = /^User=(.*)$/m.exec(text)?.[1] ?? "";
    const assignments = [...text.matchAll(/^Environment=(\w+)=(.*)$/gm)];
    const variables = Object.fromEntries(assignments.map(([, name = "", value = ""]) => [name, value]));
    const server = machine.spawn(["runuser", "--user", user, "--", ...command], { ...variables, ...more });
    const log = { text: "" };
    server.stderr?.on("data", (chunk: Buffer) => (log.text += chunk.toString()));
    server.stdout?.on("data", (chunk: Buffer) => (log.text += chunk.toString()));
    const up = await machine.run(["bash", "-c", listens(`http://127.0.0.1:${port}`)]);
    expect({ up: up.status, log: up.status === 0 ? "" : log.text }).toEqual({ up: 0, log: "" });
    return { stop: async () => machine.run(["bash", "-c", `kill $(pgrep --full "${command.join(" ")}")`]) };
  };

  const push = async (registry: string, repository: string) => {
    const { manifest, blobs } = testImage();
    for (const blob of blobs) {
      machine.write("/tmp/blob", blob);
      const started = await curl(
        "--request",
        "POST",
        "--dump-header",
        "-",
        `${registry}/v2/${repository}/blobs/uploads/`,
      );
      const location = /^location: (.*)\r$/im.exec(started)?.[1] ?? "";
      const uploaded = await statusOf(
        "--request",
        "PUT",
        "--data-binary",
        "@/tmp/blob",
        "--header",
        "Content-Type: application/octet-stream",
        `${location}&digest=${sha256(blob)}`,
      );
      expect(uploaded).toBe("201");
    }
    machine.write("/tmp/manifest", manifest);
    const type = "Content-Type: application/vnd.oci.image.manifest.v1+json";
    expect(
      await statusOf(
        "--request",
        "PUT",
        "--data-binary",
        "@/tmp/manifest",
        "--header",
        type,
        `${registry}/v2/${repository}/manifests/latest`,
      ),
    ).toBe("201");
  };

  beforeEach(async () => {
    machine = await ThrowawayMachine.start("own");
    machine.writeFilesOf(examples.registryMirror);
    fs.appendFileSync(machine.outside("/etc/hosts"), `\n10.77.0.1 ${host}\n`);
    replaceSystemctl(machine);
    // What boot.sh does, whose own test this is not.
    const commands = [
      "ip address add 10.77.0.1/32 dev lo",
      "useradd --uid 6000 --user-group fleet-registry",
      `install --directory --owner fleet-registry ${data} ${data}/mirror ${data}/layer-cache`,
      `install ${requireProgram("registry")} /usr/local/bin`,
    ];
    expect(await machine.run(["bash", "-c", commands.join("\n")])).toMatchObject({ status: 0 });
  });

  afterEach(async () => {
    await machine.stop();
  });

  /** A registry that stands in for Docker Hub. */
  const serveDockerHub = async () => {
    const hub = machine.spawn(["registry", "serve", "/etc/fleet/layer-cache.yml"], {
      OTEL_TRACES_EXPORTER: "none",
      REGISTRY_HTTP_ADDR: ":7000",
      REGISTRY_HTTP_DEBUG_ADDR: "localhost:7001",
      REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: "/var/lib/docker-hub",
    });
    await machine.run(["bash", "-c", listens("http://127.0.0.1:7000")]);
    await push("http://127.0.0.1:7000", image);
    return hub;
  };

  it("cache layers that are pushed, and let them be deleted", async () => {
    await serve("layer-cache", 5000, { REGISTRY_HTTP_SECRET: "secret" });
    await push(`http://${host}:5000`, "group/project/cache");

    const manifest = `http://${host}:5000/v2/group/project/cache/manifests`;
    const { manifest: pushed } = testImage();
    expect(
      await curl("--header", "Accept: application/vnd.oci.image.manifest.v1+json", `${manifest}/latest`),
    ).toBe(pushed.toString());
    expect(await statusOf("--request", "DELETE", `${manifest}/${sha256(pushed)}`)).toBe("202");
    expect(fs.readdirSync(machine.outside(`${data}/layer-cache`))).toEqual(["docker"]);
  });

  it("mirror Docker Hub, also while it is out of reach, and take nothing else", async () => {
    const hub = await serveDockerHub();
    const ended = new Promise((resolve) => hub.once("exit", resolve));
    await serve("registry-mirror", 6000, { REGISTRY_PROXY_REMOTEURL: "http://127.0.0.1:7000" });
    const { manifest, blobs } = testImage();
    const pull = async () => {
      const accept = "Accept: application/vnd.oci.image.manifest.v1+json";
      const pulled = [await curl("--header", accept, `http://${host}:6000/v2/${image}/manifests/latest`)];
      for (const blob of blobs) {
        await curl("--output", "/tmp/pulled", `http://${host}:6000/v2/${image}/blobs/${sha256(blob)}`);
        pulled.push(sha256(fs.readFileSync(machine.outside("/tmp/pulled"))));
      }
      return pulled;
    };

    expect(await pull()).toEqual([manifest.toString(), ...blobs.map(sha256)]);
    // Blobs are stored in the background.
    await machine.run([
      "bash",
      "-c",
      `for i in {1..100}; do [[ $(find ${data}/mirror -path "*/blobs/*" -name data | wc -l) == 3 ]] && exit; sleep 0.1; done`,
    ]);
    await machine.run(["bash", "-c", "kill -9 $(pgrep --full '^registry serve')"]);
    await ended;

    expect(await pull()).toEqual([manifest.toString(), ...blobs.map(sha256)]);
    expect(await statusOf("--request", "POST", `http://${host}:6000/v2/${image}/blobs/uploads/`)).toBe("405");
  });

  it("show their metrics on the machine only", async () => {
    await serve("layer-cache", 5000, { REGISTRY_HTTP_SECRET: "secret" });

    expect(await statusOf("http://localhost:5001/metrics")).toBe("200");
    expect(await statusOf(`http://${host}:5001/metrics`)).toBe("000");
  });

  it("log in to Docker Hub with whatever characters the password has", async () => {
    const password = `dckr_pat: "'$\\ #*{true`;
    // A Docker Hub that asks for a login and writes down who comes.
    machine.write(
      "/tmp/hub.js",
      `
      require("http").createServer((request, response) => {
        if (request.url.startsWith("/token")) {
          require("fs").appendFileSync("/tmp/logins", request.headers.authorization + "\\n");
          response.end(JSON.stringify({ token: "t" }));
        } else {
          const realm = 'Bearer realm="http://127.0.0.1:7000/token",service="hub"';
          response.writeHead(401, { "WWW-Authenticate": realm, "Docker-Distribution-Api-Version": "registry/2.0" }).end();
        }
      }).listen(7000, "127.0.0.1");`,
    );
    machine.spawn([process.execPath, "/tmp/hub.js"]);
    await machine.run([
      "bash",
      "-c",
      "for i in {1..100}; do curl --silent http://127.0.0.1:7000/ && exit; sleep 0.1; done",
    ]);
    // boot.sh's own function writes the file; systemd's quotes are those of JSON.
    const boot = machine.read("/opt/fleet/boot.sh");
    const writer = /^environment_file\(\) \{[^]*?^\}/m.exec(boot)?.[0] ?? "";
    machine.write("/tmp/parameters", JSON.stringify({ user: "someone", password }));
    await machine.run([
      "bash",
      "-c",
      `${writer}\nparameters=$(cat /tmp/parameters)\nenvironment_file /tmp/env '{REGISTRY_PROXY_USERNAME: .user, REGISTRY_PROXY_PASSWORD: .password}'`,
    ]);
    const variables = Object.fromEntries(
      machine
        .read("/tmp/env")
        .trim()
        .split("\n")
        .map((line) => {
          const [name, ...value] = line.split("=");
          return [name ?? "", JSON.parse(value.join("=")) as string];
        }),
    );

    await serve("registry-mirror", 6000, { REGISTRY_PROXY_REMOTEURL: "http://127.0.0.1:7000", ...variables });
    await statusOf(`http://${host}:6000/v2/${image}/manifests/latest`);
    const [login] = machine.read("/tmp/logins").split("\n");
    expect(Buffer.from(login?.replace("Basic ", "") ?? "", "base64").toString()).toBe(`someone:${password}`);
  });

  describeWith("behind BuildKit", [program("buildkitd"), program("buildctl")], () => {
    it("give it its base images and take its layers", async () => {
      await serveDockerHub();
      await serve("registry-mirror", 6000, { REGISTRY_PROXY_REMOTEURL: "http://127.0.0.1:7000" });
      await serve("layer-cache", 5000, { REGISTRY_HTTP_SECRET: "secret" });
      const worker = parse(
        workerUserData({
          registryMirror: { url: `http://${host}:6000`, layerCacheRegistry: `${host}:5000` },
        }),
      ) as { write_files: { path: string; content: string }[] };
      machine.write(
        "/etc/buildkit/buildkitd.toml",
        worker.write_files.find(({ path }) => path.endsWith("buildkitd.toml"))?.content ?? "",
      );
      // Nothing is run in a container here, so all that is asked of it is its name.
      machine.write("/usr/local/sbin/buildkit-runc", "#!/bin/sh\necho runc version 1.2.0\n", 0o755);
      machine.write("/tmp/context/Dockerfile", "FROM busybox\nCOPY file /\n");
      machine.write("/tmp/context/file", "content");
      machine.spawn([requireProgram("buildkitd"), "--oci-worker-snapshotter", "native"]);

      const cache = `type=registry,ref=${host}:5000/group/project/cache`;
      const build = async () => {
        const context = ["--local", "context=/tmp/context", "--local", "dockerfile=/tmp/context"];
        const caches = ["--import-cache", cache, "--export-cache", `${cache},mode=max`];
        const result = await machine.run([
          requireProgram("buildctl"),
          ...["--wait", "build", "--progress", "plain", "--frontend", "dockerfile.v0", ...context, ...caches],
          ...["--output", "type=oci,dest=/tmp/image.tar"],
        ]);
        return { status: result.status, fetched: /\[2\/2\] COPY file \/\n#\d+ sha256:/.test(result.stderr) };
      };

      const first = await build();
      expect(first).toMatchObject({ status: 0, fetched: false });
      expect(await curl(`http://${host}:5000/v2/group/project/cache/tags/list`)).toBe(
        '{"name":"group/project/cache","tags":["latest"]}\n',
      );
      await machine.run([requireProgram("buildctl"), "prune", "--all"]);
      expect(await build()).toMatchObject({ status: 0, fetched: true });
    });
  });

  describe("on a volume that fills up", () => {
    const megabytes = async (name: string, count: number) => {
      machine.write(name, "");
      fs.truncateSync(machine.outside(name), 0);
      fs.writeFileSync(machine.outside(name), Buffer.alloc(count * 2 ** 20));
      await machine.run(["chown", "--recursive", "fleet-registry", data]);
    };
    const blob = `${data}/layer-cache/docker/registry/v2/blobs/sha256/aa/${"a".repeat(64)}/data`;
    const repository = `${data}/layer-cache/docker/registry/v2/repositories/group/keep`;

    beforeEach(async () => {
      await machine.run(["mount", "-t", "tmpfs", "-o", "size=100M", "tmpfs", data]);
      machine.write(`${data}/mirror/blob`, "blob");
      machine.write(repository, "");
    });

    it("leave everything below the limit", async () => {
      await megabytes(blob, 70);

      expect(await machine.run(["/opt/fleet/bound-size.sh"])).toMatchObject({ status: 0, stdout: "" });
      expect(machine.exists(blob)).toBe(true);
      expect(systemctlCalls(machine)).toEqual([]);
    });

    it("first give up layers that nothing refers to", async () => {
      await megabytes(blob, 90);

      expect(await machine.run(["/opt/fleet/bound-size.sh"])).toMatchObject({ status: 0 });
      expect([
        machine.exists(blob),
        machine.exists(repository),
        machine.exists(`${data}/mirror/blob`),
      ]).toEqual([false, true, true]);
      expect(systemctlCalls(machine)).toEqual([
        "stop layer-cache.service",
        "start layer-cache.service registry-mirror.service",
      ]);
    });

    it("then all layers, then the mirror's images", async () => {
      await megabytes(`${data}/layer-cache/large`, 85);
      await machine.run(["/opt/fleet/bound-size.sh"]);
      expect([machine.exists(repository), machine.exists(`${data}/mirror/blob`)]).toEqual([false, true]);
      systemctlCalls(machine);

      await megabytes(`${data}/mirror/large`, 85);
      await machine.run(["/opt/fleet/bound-size.sh"]);
      expect(fs.readdirSync(machine.outside(data)).sort()).toEqual(["layer-cache", "mirror"]);
      expect(fs.readdirSync(machine.outside(`${data}/mirror`))).toEqual([]);
      expect(systemctlCalls(machine)).toEqual([
        "stop layer-cache.service",
        "stop registry-mirror.service",
        "start layer-cache.service registry-mirror.service",
      ]);
    });
  });
});
