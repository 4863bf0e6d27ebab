import { X509Certificate } from "crypto";
import { serverCertificate } from "../../components/certificates";
import { mirrorsOf } from "../../components/registry-addresses";
import { BuildKit } from "../tools/buildkit";
import { describeWith, program, requireLoopDevices, requireThrowawayMachine } from "../tools/programs";
import { RegistryMachine } from "../tools/registry-machine";
import { pull, pushImage, statusOf } from "../tools/registry-client";

jest.setTimeout(120_000);

const { host, data } = RegistryMachine;
const hub = "registry-1.docker.io";
const requirements = [
  requireThrowawayMachine,
  requireLoopDevices,
  ...["registry", "nginx", "curl", "jq", "openssl", "python3", "mkfs.ext4"].map(program),
];

describeWith("The registry mirror", requirements, () => {
  let registries: RegistryMachine;

  beforeEach(async () => {
    registries = await RegistryMachine.start({ upstreams: ["docker.io", "ghcr.io"] });
    registries.upstreamRequests();
  });

  afterEach(async () => {
    await registries.stop();
  });

  it("has Docker Hub's images, which are downloaded once, and then come from the disk", async () => {
    const image = registries.publishImage(`${hub}/library/busybox`, "latest", Buffer.from("content"));

    expect(await pull(registries, `${host}:6000`, "library/busybox", "latest")).toEqual(image);
    expect(await pull(registries, `${host}:6000`, "library/busybox", "latest")).toEqual(image);
    const asked = registries.upstreamRequests();
    expect(
      asked.filter((request) => request === `GET ${hub}/v2/library/busybox/blobs/${image.layer}`),
    ).toHaveLength(1);
  });

  it("has those of further registries, each on its port and apart from the others", async () => {
    const ofHub = registries.publishImage(`${hub}/group/tool`, "latest", Buffer.from("of Docker Hub"));
    const other = registries.publishImage("ghcr.io/group/tool", "latest", Buffer.from("of ghcr.io"));

    expect(await pull(registries, `${host}:6001`, "group/tool", "latest")).toEqual(other);
    expect(await pull(registries, `${host}:6000`, "group/tool", "latest")).toEqual(ofHub);
  });

  it("follows a tag that moves", async () => {
    registries.publishImage(`${hub}/library/busybox`, "latest", Buffer.from("old"));
    await pull(registries, `${host}:6000`, "library/busybox", "latest");
    const image = registries.publishImage(`${hub}/library/busybox`, "latest", Buffer.from("new"));

    await new Promise((resolve) => setTimeout(resolve, 6_000));
    expect(await pull(registries, `${host}:6000`, "library/busybox", "latest")).toEqual(image);
  });

  it.each([429, 500, 503])("goes on with what it has while its upstream answers %d", async (status) => {
    const image = registries.publishImage(`${hub}/library/busybox`, "latest", Buffer.from("content"));
    await pull(registries, `${host}:6000`, "library/busybox", "latest");
    registries.setUpstream({ status });

    await new Promise((resolve) => setTimeout(resolve, 6_000));
    expect(await pull(registries, `${host}:6000`, "library/busybox", "latest")).toEqual(image);
  });

  it("goes on with what it has while its registry does not run", async () => {
    const image = registries.publishImage(`${hub}/library/busybox`, "latest", Buffer.from("content"));
    await pull(registries, `${host}:6000`, "library/busybox", "latest");
    await registries.units.stop("registry-mirror@6000");

    // By then nginx has forgotten what was in flight.
    await new Promise((resolve) => setTimeout(resolve, 25_000));
    expect(await pull(registries, `${host}:6000`, "library/busybox", "latest")).toEqual(image);
  });

  it("costs its upstream one download when ten workers want a new image at once", async () => {
    const image = registries.publishImage(
      `${hub}/library/large`,
      "latest",
      Buffer.alloc(20_000_000, "large"),
    );
    registries.setUpstream({ delay: 40, rate: 200 });

    const pulls = Array.from({ length: 10 }, () =>
      pull(registries, `${host}:6000`, "library/large", "latest"),
    );
    expect(await Promise.all(pulls)).toEqual(Array.from({ length: 10 }, () => image));
    const downloads = registries
      .upstreamRequests()
      .filter((request) => request.startsWith("GET ") && !request.endsWith("/v2/"));
    expect(downloads).toEqual([
      `GET ${hub}/v2/library/large/manifests/latest`,
      `GET ${hub}/v2/library/large/blobs/${image.configuration}`,
      `GET ${hub}/v2/library/large/blobs/${image.layer}`,
    ]);
  });

  it("takes nothing", async () => {
    const uploads = `http://${host}:6000/v2/library/busybox/blobs/uploads/`;
    expect(await statusOf(registries, "--request", "POST", uploads)).toBe("405");
  });

  it("shows its metrics on the machine only", async () => {
    const status = (url: string) => statusOf(registries, url);
    expect([
      await status("http://127.0.0.1:26000/metrics"),
      await status("http://127.0.0.1:25000/metrics"),
    ]).toEqual(["200", "200"]);
    expect([await status(`http://${host}:26000/metrics`), await status(`http://${host}:16000/v2/`)]).toEqual([
      "000",
      "000",
    ]);
  });
});

describeWith("The registry mirror with a Docker Hub account", requirements, () => {
  it("logs in with whatever characters the password has, and nowhere else", async () => {
    const password = `dckr_pat: "'$\\ #*{true`;
    const registries = await RegistryMachine.start(
      { upstreams: ["docker.io", "ghcr.io"] },
      { "docker-hub-username": "someone", "docker-hub-password": password },
      undefined,
      { login: `someone:${password}` },
    );
    try {
      const image = registries.publishImage(`${hub}/group/private`, "latest", Buffer.from("content"));
      registries.publishImage("ghcr.io/group/private", "latest", Buffer.from("content"));
      expect(await pull(registries, `${host}:6000`, "group/private", "latest")).toEqual(image);
      await expect(pull(registries, `${host}:6001`, "group/private", "latest")).rejects.toThrow("error: 404");
    } finally {
      await registries.stop();
    }
  });
});

describeWith("The layer cache", requirements, () => {
  let registries: RegistryMachine;

  afterEach(async () => {
    await registries.stop();
  });

  it("takes layers, has them for others, and lets them be deleted", async () => {
    registries = await RegistryMachine.start();
    const image = await pushImage(
      registries,
      `http://${host}:5000`,
      "group/project",
      "main",
      Buffer.from("layer"),
    );

    expect(await pull(registries, `${host}:5000`, "group/project", "main")).toEqual(image);
    const manifest = `http://${host}:5000/v2/group/project/manifests/${image.manifest}`;
    await registries.must("curl", "--silent", "--show-error", "--fail", "--request", "DELETE", manifest);
    await expect(pull(registries, `${host}:5000`, "group/project", "main")).rejects.toThrow("404");
    expect(registries.machine.exists(`${data}/layer-cache/docker`)).toBe(true);
  });

  it("lets only who has the password write below protected/, and anyone read", async () => {
    registries = await RegistryMachine.start({ protectedRefs: true }, { "layer-cache-password": "planted" });
    const address = `http://${host}:5000`;
    const push = (repository: string, login = "") =>
      pushImage(
        registries,
        login ? address.replace("//", `//${login}@`) : address,
        repository,
        "main",
        Buffer.from("layer"),
      );

    await expect(push("protected/group/project")).rejects.toThrow("401");
    await expect(push("protected/group/project", "fleet:wrong")).rejects.toThrow("401");
    const image = await push("protected/group/project", "fleet:planted");
    expect(await pull(registries, `${host}:5000`, "protected/group/project", "main")).toEqual(image);
    await push("group/project");
    const manifest = `${address}/v2/protected/group/project/manifests/${image.manifest}`;
    expect(await statusOf(registries, "--request", "DELETE", manifest)).toBe("401");
  });

  it("keeps its password from everyone but the front", async () => {
    registries = await RegistryMachine.start({ protectedRefs: true }, { "layer-cache-password": "planted" });
    const { stdout } = await registries.machine.run([
      "grep",
      "--recursive",
      "--files-with-matches",
      "planted",
      "/run/fleet",
      "/etc/fleet",
      data,
    ]);
    expect(stdout).toBe("");
    expect(await registries.must("stat", "--format", "%U %a", "/run/fleet/layer-cache-passwords")).toBe(
      "fleet-registry 400\n",
    );
  });
});

describeWith("Registries with TLS", requirements, () => {
  let registries: RegistryMachine;
  let authority: string;

  beforeEach(async () => {
    const seeds = {
      authority: Buffer.alloc(32, 1).toString("base64"),
      server: Buffer.alloc(32, 2).toString("base64"),
    };
    const made = await serverCertificate(host, seeds);
    authority = made.caCertificate;
    registries = await RegistryMachine.start(
      { tls: true },
      { certificate: made.certificate, "private-key": made.privateKey },
    );
    registries.machine.write("/etc/fleet/registries-ca.crt", authority);
  });

  afterEach(async () => {
    await registries.stop();
  });

  it("are trusted by who has the authority's certificate, and by no other", async () => {
    const ask = async (...options: string[]) =>
      (await registries.machine.run(["curl", "--silent", ...options, `https://${host}:5000/v2/`])).status;
    expect(await ask("--cacert", "/etc/fleet/registries-ca.crt")).toBe(0);
    // curl's number for a certificate that is not trusted.
    expect(await ask()).toBe(60);
    expect(new X509Certificate(authority).ca).toBe(true);
  });

  it("serve and take, and redirect to HTTPS what goes on elsewhere", async () => {
    const image = registries.publishImage(`${hub}/library/busybox`, "latest", Buffer.from("content"));
    const options = ["--cacert", "/etc/fleet/registries-ca.crt"];
    expect(
      await pull(registries, `${host}:6000`, "library/busybox", "latest", { scheme: "https", options }),
    ).toEqual(image);
    const pushed = await pushImage(
      registries,
      `https://${host}:5000`,
      "group/project",
      "main",
      Buffer.from("layer"),
      options,
    );
    expect(
      await pull(registries, `${host}:5000`, "group/project", "main", { scheme: "https", options }),
    ).toEqual(pushed);
  });

  it("are trusted by machines whose clock is years off", async () => {
    registries.machine.write("/tmp/certificate.pem", registries.machine.read("/run/fleet/certificate.pem"));
    for (const year of [2021, 2079]) {
      const time = (Date.UTC(year, 0, 1) / 1000).toString();
      const verify = ["openssl", "verify", "-attime", time, "-CAfile", "/etc/fleet/registries-ca.crt"];
      expect(await registries.must(...verify, "-verify_hostname", host, "/tmp/certificate.pem")).toContain(
        "OK",
      );
    }
  });

  describeWith("behind BuildKit", [program("buildkitd"), program("buildctl")], () => {
    it("give it base images and share its layers, with nothing set in the job", async () => {
      registries.publishImage(`${hub}/library/base`, "latest", Buffer.from("content"));
      const addresses = { host, mirrors: mirrorsOf([]), caCertificate: authority };
      const buildkit = await BuildKit.start(registries, addresses);
      const context = { Dockerfile: "FROM base\nCOPY file /copied\n", file: "content" };
      expect(await buildkit.build(context, `${host}:5000/group/project:main`)).toMatchObject({ status: 0 });
      await buildkit.forget();
      registries.setUpstream({ status: 503 });
      const { status, log } = await buildkit.build(context, `${host}:5000/group/project:main`);
      expect(log).toMatch(/\[2\/2\] COPY file \/copied\n#\d+ sha256:/);
      expect(status).toBe(0);
      await buildkit.stop();
    });
  });

  it("speak nothing else", async () => {
    expect(await statusOf(registries, `http://${host}:6000/v2/`)).toBe("400");
  });

  it("keep their private key from everyone but root", async () => {
    expect(await registries.must("stat", "--format", "%U %a", "/run/fleet/private-key.pem")).toBe(
      "root 600\n",
    );
  });
});
