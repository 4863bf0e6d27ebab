import { describeWith, program, requireLoopDevices, requireThrowawayMachine } from "../tools/programs";
import { pull, pushImage, statusOf } from "../tools/registry-client";
import { RegistryMachine } from "../tools/registry-machine";

jest.setTimeout(120_000);

const { host, data } = RegistryMachine;
const hub = "registry-1.docker.io";
const address = `http://${host}:5000`;
const megabytes = (count: number, character: string) => Buffer.alloc(count * 2 ** 20, character);
const requirements = [
  requireThrowawayMachine,
  requireLoopDevices,
  ...["registry", "nginx", "curl", "jq", "python3", "mkfs.ext4"].map(program),
];

describeWith("evict.py", requirements, () => {
  let registries: RegistryMachine;

  const evict = () => registries.evict();
  const megabytesIn = async (store: string) =>
    Number(
      (await registries.must("du", "--summarize", "--block-size=1M", `${data}/${store}`)).split("\t")[0],
    );
  /** As if so many seconds had gone by since anything there was made or used. */
  const grow = async (store: string, seconds: number) =>
    registries.must(
      "bash",
      "-c",
      `find ${data}/${store} -exec touch --no-dereference --date "-${seconds} seconds" {} +`,
    );
  const has = async (repository: string) => {
    const accept = ["--header", "Accept: application/vnd.oci.image.manifest.v1+json"];
    const url = `${address}/v2/${repository}/manifests/main`;
    return (await statusOf(registries, "--head", ...accept, url)) === "200";
  };
  const push = (repository: string, content: Buffer) =>
    pushImage(registries, address, repository, "main", content);

  // 40 % of it for images, 45 % for layers.
  beforeEach(async () => {
    registries = await RegistryMachine.start({}, {}, 200);
  });

  afterEach(async () => {
    await registries.stop();
  });

  it("leaves what is within its share", async () => {
    await push("group/one", megabytes(40, "1"));

    expect(await evict()).toBe("");
    expect(await has("group/one")).toBe(true);
  });

  it("gives up the layers that were used longest ago, and goes on serving", async () => {
    const kept = await push("group/one", megabytes(30, "1"));
    await push("group/two", megabytes(30, "2"));
    await grow("layer-cache", 600);
    await pull(registries, `${host}:5000`, "group/one", "main");
    await push("group/three", megabytes(30, "3"));
    expect(await megabytesIn("layer-cache")).toBeGreaterThan(85);

    expect(await evict()).toBe("fleet: evicts group/two/_manifests/tags/main\n");
    expect(await megabytesIn("layer-cache")).toBeLessThan(65);
    expect(await has("group/two")).toBe(false);
    expect(await pull(registries, `${host}:5000`, "group/one", "main")).toEqual(kept);
    const again = await push("group/two", megabytes(30, "2"));
    expect(await pull(registries, `${host}:5000`, "group/two", "main")).toEqual(again);
  });

  it("is not a use of what it looks at", async () => {
    await push("group/one", megabytes(30, "1"));
    await push("group/two", megabytes(30, "2"));
    await grow("layer-cache", 600);
    await evict();
    await pull(registries, `${host}:5000`, "group/one", "main");
    await evict();
    await push("group/three", megabytes(30, "3"));

    expect(await evict()).toBe("fleet: evicts group/two/_manifests/tags/main\n");
  });

  it("keeps a layer that another ref has, too", async () => {
    await push("group/one", megabytes(30, "1"));
    await grow("layer-cache", 600);
    const shared = await push("group/two", megabytes(30, "1"));
    await push("group/three", megabytes(30, "3"));

    expect(await evict()).toBe("");
    await push("group/four", megabytes(40, "4"));
    await evict();
    expect([await has("group/one"), await has("group/three"), await has("group/four")]).toEqual([
      false,
      true,
      true,
    ]);
    expect(await has("group/two")).toBe(false);
    expect(shared.layer).toMatch(/^sha256:/);
  });

  it("gives up what nothing refers to any more, but not what is just being pushed", async () => {
    await push("group/one", megabytes(30, "1"));
    await push("group/one", megabytes(30, "2"));
    await evict();
    expect(await megabytesIn("layer-cache")).toBeGreaterThan(55);

    await grow("layer-cache", 2 * 3600);
    await evict();
    expect(await megabytesIn("layer-cache")).toBeLessThan(35);
    expect(await has("group/one")).toBe(true);
  });

  it("gives up layers that are too old, however often they are used", async () => {
    await push("group/one", megabytes(1, "1"));
    await grow("layer-cache", 13.9 * 86_400);
    expect(await evict()).toBe("");
    await grow("layer-cache", 14.1 * 86_400);
    await pull(registries, `${host}:5000`, "group/one", "main");

    expect(await evict()).toBe("fleet: evicts group/one/_manifests/tags/main\n");
  });

  it("gives up a ref of which a layer is missing, so that it is pushed again whole", async () => {
    const image = await push("group/one", megabytes(1, "1"));
    const digest = image.layer.replace("sha256:", "");
    await registries.must(
      "rm",
      `${data}/layer-cache/docker/registry/v2/blobs/sha256/${digest.slice(0, 2)}/${digest}/data`,
    );

    expect(await evict()).toBe("fleet: evicts group/one/_manifests/tags/main\n");
    const again = await push("group/one", megabytes(1, "1"));
    expect(await pull(registries, `${host}:5000`, "group/one", "main")).toEqual(again);
  });

  it("gives up the images that were used longest ago, which are then downloaded again", async () => {
    const first = registries.publishImage(`${hub}/library/first`, "latest", megabytes(35, "1"));
    const second = registries.publishImage(`${hub}/library/second`, "latest", megabytes(35, "2"));
    registries.publishImage(`${hub}/library/third`, "latest", megabytes(35, "3"));
    const pullImage = async (name: string) => {
      const image = await pull(registries, `${host}:6000`, `library/${name}`, "latest");
      // What was in flight is forgotten soon.
      await registries.must(
        "bash",
        "-c",
        `while find ${data}/in-flight -size +1M | grep --quiet .; do sleep 0.5; done`,
      );
      return image;
    };
    await pullImage("first");
    await pullImage("second");
    await grow("mirror", 600);
    await pullImage("first");
    await pullImage("third");
    registries.upstreamRequests();

    await evict();
    expect(await megabytesIn("mirror")).toBeLessThan(80);
    expect(await pullImage("first")).toEqual(first);
    expect(registries.upstreamRequests().filter((request) => request.includes("/blobs/"))).toEqual([]);
    expect(await pullImage("second")).toEqual(second);
    expect(registries.upstreamRequests()).toContain(`GET ${hub}/v2/library/second/blobs/${second.layer}`);
  });
});
