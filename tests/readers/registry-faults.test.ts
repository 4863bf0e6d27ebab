import { randomBytes } from "crypto";
import { mirrorsOf } from "../../components/registry-addresses";
import { BuildKit } from "../tools/buildkit";
import { requireEngine, startEngine, type Engine } from "../tools/engine";
import { describeWith, program, requireLoopDevices, requireThrowawayMachine } from "../tools/programs";
import { pull } from "../tools/registry-client";
import { RegistryMachine } from "../tools/registry-machine";

jest.setTimeout(180_000);

const { host, data } = RegistryMachine;
const hub = "registry-1.docker.io";
const base = `${hub}/library/base`;
const requirements = [
  requireThrowawayMachine,
  requireLoopDevices,
  ...["registry", "nginx", "buildkitd", "buildctl", "curl", "jq", "python3", "mkfs.ext4"].map(program),
];

const pause = (seconds: number) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

describeWith("Builds", requirements, () => {
  let registries: RegistryMachine;
  let buildkit: BuildKit;
  const cache = `${host}:5000/group/project:main`;

  const begin = async (volumeSize?: number) => {
    registries = await RegistryMachine.start({}, {}, volumeSize);
    buildkit = await BuildKit.start(registries, { host, mirrors: mirrorsOf([]) });
  };
  const context = (content: Buffer) => ({ Dockerfile: "FROM base\nCOPY file /copied\n", file: content });
  /** Every blob has the content that its name promises. */
  const corruptBlobs = async () => {
    const check = `find ${data} -path "*/blobs/sha256/*" -name data | while read -r file; do
      [[ "$(sha256sum "$file" | cut -d" " -f1)" == "$(basename "$(dirname "$file")")" ]] || echo "$file"; done`;
    return registries.must("bash", "-c", check);
  };
  /** Builds on a worker that has never built: which steps came from the cache. */
  const buildElsewhere = async (content: Buffer) => {
    await buildkit.forget();
    const { status, log } = await buildkit.build(context(content), cache);
    return { status, cached: /\[2\/2\] COPY file \/copied\n#\d+ (sha256:|CACHED)/.test(log) };
  };

  afterEach(async () => {
    await buildkit.stop();
    await registries.stop();
  });

  it("find their base images in the mirror and their layers in the cache", async () => {
    await begin();
    registries.publishImage(base, "latest", randomBytes(1_000_000));
    const file = randomBytes(1_000_000);

    expect(await buildElsewhere(file)).toEqual({ status: 0, cached: false });
    expect(await buildElsewhere(file)).toEqual({ status: 0, cached: true });
    const direct = registries.upstreamRequests().filter((request) => request.includes("/blobs/"));
    expect(direct.filter((request) => request.startsWith("GET"))).toHaveLength(2);
  });

  it("go on while the layer cache is killed as it takes layers, and no layer is spoilt", async () => {
    await begin();
    registries.publishImage(base, "latest", randomBytes(1000));
    const file = randomBytes(150_000_000);
    const building = buildkit.build(context(file), cache);
    const uploads = `find ${data}/layer-cache -path "*/_uploads/*" -size +1M | grep --quiet .`;
    await registries.must("bash", "-c", `until ${uploads}; do sleep 0.02; done`);
    await registries.units.kill("layer-cache", "KILL");

    expect((await building).status).toBe(0);
    await registries.answers(`http://${host}:5000/v2/`);
    expect(await corruptBlobs()).toBe("");
    expect((await buildElsewhere(file)).status).toBe(0);
    expect(await buildElsewhere(file)).toEqual({ status: 0, cached: true });
  });

  it.each(["registry-mirror@6000", "registry-front"])(
    "go on while %s is killed in the middle of a pull, and no image is spoilt",
    async (unit) => {
      await begin();
      const image = registries.publishImage(base, "latest", randomBytes(20_000_000));
      registries.setUpstream({ rate: 50 });
      const building = buildkit.build(context(Buffer.from("content")));
      await pause(2);
      await registries.units.kill(unit, "KILL");

      expect((await building).status).toBe(0);
      await registries.answers(`http://${host}:6000/v2/`);
      expect(await corruptBlobs()).toBe("");
      expect(await pull(registries, `${host}:6000`, "library/base", "latest")).toEqual(image);
    },
  );

  it("go on when the whole mirror is gone in the middle of a pull", async () => {
    await begin();
    registries.publishImage(base, "latest", randomBytes(20_000_000));
    registries.setUpstream({ rate: 50 });
    const building = buildkit.build(context(Buffer.from("content")), cache);
    await pause(2);
    for (const unit of ["registry-front", "registry-mirror@6000", "layer-cache"])
      await registries.units.stop(unit);

    expect((await building).status).toBe(0);
  });

  it("only take longer while there is no mirror", async () => {
    await begin();
    registries.publishImage(base, "latest", randomBytes(1_000_000));
    for (const unit of ["registry-front", "registry-mirror@6000", "layer-cache"])
      await registries.units.stop(unit);

    const { status, seconds } = await buildkit.build(context(Buffer.from("content")), cache);
    expect(status).toBe(0);
    expect(seconds).toBeLessThan(30);
  });

  it("go to Docker Hub themselves when the mirror has used up its pulls", async () => {
    await begin();
    registries.publishImage(base, "latest", randomBytes(1_000_000));
    registries.setUpstream({ status: 429, statusFor: "Go-http-client" });

    expect((await buildkit.build(context(Buffer.from("content")))).status).toBe(0);
  });

  it("go on while the disk is full, and use it again when there is room", async () => {
    await begin(200);
    registries.publishImage(base, "latest", randomBytes(30_000_000));
    await registries.must("fallocate", "--length", "170M", `${data}/mirror/other`);
    await registries.evict();
    const file = randomBytes(30_000_000);

    expect(await buildElsewhere(file)).toEqual({ status: 0, cached: false });
    expect(await corruptBlobs()).toBe("");
    await registries.must("rm", `${data}/mirror/other`);
    await registries.evict();
    await buildElsewhere(file);
    expect(await buildElsewhere(file)).toEqual({ status: 0, cached: true });
  });

  it("go on beyond the layer cache's size", async () => {
    await begin(200);
    registries.publishImage(base, "latest", randomBytes(1000));
    let isBuilding = true;
    const evictMeanwhile = async () => {
      while (isBuilding) {
        await registries.evict();
        await pause(0.5);
      }
    };
    const evicting = evictMeanwhile();
    let last = Buffer.alloc(0);
    for (let i = 0; i < 12; i += 1) {
      last = randomBytes(20_000_000);
      expect((await buildkit.build(context(last), `${host}:5000/group/project-${i}:main`)).status).toBe(0);
    }
    isBuilding = false;
    await evicting;
    await registries.evict();

    const used = Number(
      (await registries.must("du", "--summarize", "--block-size=1M", `${data}/layer-cache`)).split("\t")[0],
    );
    expect(used).toBeLessThan(90);
    await buildkit.forget();
    const { log } = await buildkit.build(context(last), `${host}:5000/group/project-11:main`);
    expect(log).toMatch(/\[2\/2\] COPY file \/copied\n#\d+ sha256:/);
    expect(await corruptBlobs()).toBe("");
  });

  it("may write the same ref at the same time", async () => {
    await begin();
    registries.publishImage(base, "latest", randomBytes(1000));
    const files = Array.from({ length: 4 }, () => randomBytes(20_000_000));
    const results = await Promise.all(files.map((file) => buildkit.build(context(file), cache)));

    expect(results.map(({ status }) => status)).toEqual([0, 0, 0, 0]);
    expect(await corruptBlobs()).toBe("");
    // It would evict a ref of which a layer is missing.
    expect(await registries.evict()).toBe("");
    expect(await registries.must("curl", "--silent", `http://${host}:5000/v2/group/project/tags/list`)).toBe(
      '{"name":"group/project","tags":["main"]}\n',
    );
  });

  it("build anew what was built too long ago, even when it was exported again since", async () => {
    await begin();
    registries.publishImage(base, "latest", randomBytes(1000));
    const file = Buffer.from("content");
    await buildElsewhere(file);
    await pause(5);
    await buildElsewhere(file);
    const evictAfter = async (seconds: number) =>
      registries.must(
        "bash",
        "-c",
        `set -a; . /etc/fleet/registry-mirror.env; exec runuser -u fleet-registry -- python3 -c '
import runpy, time
now = time.time() + ${seconds}
time.time = lambda: now
runpy.run_path("/opt/fleet/evict.py")'`,
      );
    const maxAge = 14 * 86_400;
    expect(await evictAfter(maxAge - 30)).toBe("");
    // The ref is 2 s old at most, the layer more than 5.
    expect(await evictAfter(maxAge - 3)).toBe("fleet: evicts group/project/_manifests/tags/main\n");
    expect(await buildElsewhere(file)).toEqual({ status: 0, cached: false });
  });
});

describeWith("Pulls of a worker's engine", [...requirements, requireEngine], () => {
  let registries: RegistryMachine;
  let engine: Engine;

  const begin = async (volumeSize?: number) => {
    registries = await RegistryMachine.start({}, {}, volumeSize);
    // As docker-machine starts it, but for the network that it needs for containers.
    engine = await startEngine(registries.machine, "/srv/worker", [
      ...["--registry-mirror", `http://${host}:6000`, "--bridge", "none", "--iptables=false"],
    ]);
    const image = registries.publishImage(base, "latest", randomBytes(20_000_000));
    registries.setUpstream({ rate: 50 });
    return image;
  };
  /** The engine checks the digest of everything that it pulls. */
  const pullBase = async () => {
    const { status, stderr } = await engine.docker("pull", "base");
    return { status, stderr };
  };
  const pulled = { status: 0, stderr: "" };

  afterEach(async () => {
    await engine.stop();
    await registries.stop();
  });

  it.each(["registry-mirror@6000", "registry-front"])(
    "go on while %s is killed in the middle",
    async (unit) => {
      const image = await begin();
      const pulling = pullBase();
      await pause(2);
      await registries.units.kill(unit, "KILL");

      expect(await pulling).toEqual(pulled);
      await registries.answers(`http://${host}:6000/v2/`);
      expect(await pull(registries, `${host}:6000`, "library/base", "latest")).toEqual(image);
    },
  );

  it("go on when the whole mirror is gone in the middle", async () => {
    await begin();
    const pulling = pullBase();
    await pause(2);
    for (const unit of ["registry-front", "registry-mirror@6000"]) await registries.units.stop(unit);

    expect(await pulling).toEqual(pulled);
  });

  it("go to Docker Hub themselves while the mirror's disk is full, or its pulls used up", async () => {
    await begin(200);
    await registries.must("fallocate", "--length", "165M", `${data}/mirror/other`);
    expect(await registries.evict()).toBe("fleet: the data volume is full\n");
    expect(await pullBase()).toEqual(pulled);
    await registries.must("rm", `${data}/mirror/other`);
    expect(await registries.evict()).toBe("");

    await engine.docker("image", "rm", "base");
    registries.setUpstream({ status: 429, statusFor: "Go-http-client" });
    expect(await pullBase()).toEqual(pulled);
  });
});
