import { clientEnvironment, clientFiles, clientVolumes } from "../components/client-files";
import { mirrorsOf, type RegistryAddresses } from "../components/registry-addresses";

const plain: RegistryAddresses = { host: "mirror.internal", mirrors: mirrorsOf(["ghcr.io"]) };
const withTls: RegistryAddresses = { ...plain, caCertificate: "certificate\n" };

const contentOf = (registries: RegistryAddresses, path: string) =>
  clientFiles(registries).find((file) => file.path === path)?.content;

describe("The files that programs find the registries by", () => {
  it("tell Docker engines in jobs", () => {
    expect(contentOf(plain, "/etc/fleet/daemon.json")).toBe(`{
  "registry-mirrors": [
    "http://mirror.internal:6000"
  ],
  "insecure-registries": [
    "mirror.internal:6000",
    "mirror.internal:6001",
    "mirror.internal:5000"
  ]
}
`);
    expect(contentOf(withTls, "/etc/fleet/daemon.json")).toBe(`{
  "registry-mirrors": [
    "https://mirror.internal:6000"
  ]
}
`);
  });

  it("tell BuildKit, with a mirror for each registry", () => {
    expect(contentOf(plain, "/etc/fleet/buildkitd.toml")).toBe(`[registry."docker.io"]
mirrors = [ "mirror.internal:6000" ]

[registry."ghcr.io"]
mirrors = [ "mirror.internal:6001" ]

[registry."mirror.internal:6000"]
http = true

[registry."mirror.internal:6001"]
http = true

[registry."mirror.internal:5000"]
http = true
`);
    expect(contentOf(withTls, "/etc/fleet/buildkitd.toml")).toContain(`[registry."mirror.internal:5000"]
ca = [ "/etc/fleet/registries-ca.crt" ]
`);
  });

  it("tell Podman, Buildah and Skopeo", () => {
    expect(contentOf(plain, "/etc/fleet/registries.conf")).toBe(`[[registry]]
prefix = "docker.io"
location = "docker.io"

[[registry.mirror]]
location = "mirror.internal:6000"
insecure = true

[[registry]]
prefix = "ghcr.io"
location = "ghcr.io"

[[registry.mirror]]
location = "mirror.internal:6001"
insecure = true

[[registry]]
location = "mirror.internal:5000"
insecure = true
`);
    expect(contentOf(withTls, "/etc/fleet/registries.conf")).not.toContain("insecure");
  });

  it("hold the private authority's certificate where engines look for it, for each registry", () => {
    const files = clientFiles(withTls).filter(({ content }) => content === "certificate\n");
    expect(files.map(({ path }) => path)).toEqual([
      "/etc/fleet/registries-ca.crt",
      "/etc/docker/certs.d/mirror.internal:6000/ca.crt",
      "/etc/docker/certs.d/mirror.internal:6001/ca.crt",
      "/etc/docker/certs.d/mirror.internal:5000/ca.crt",
    ]);
  });

  it("are mounted where programs in jobs look for them", () => {
    const volumes = [
      "/etc/fleet/daemon.json:/etc/docker/daemon.json:ro",
      "/etc/fleet/buildkitd.toml:/etc/buildkit/buildkitd.toml:ro",
      "/etc/fleet/buildkitd.toml:/home/user/.config/buildkit/buildkitd.toml:ro",
      "/etc/fleet/buildkitd.toml:/root/.docker/buildx/buildkitd.default.toml:ro",
      "/etc/fleet/registries.conf:/etc/containers/registries.conf.d/fleet.conf:ro",
    ];
    expect(clientVolumes(plain)).toEqual(volumes);
    expect(clientVolumes(withTls)).toEqual([
      ...volumes,
      "/etc/fleet/registries-ca.crt:/etc/fleet/registries-ca.crt:ro",
      "/etc/docker/certs.d:/etc/docker/certs.d:ro",
    ]);
  });

  it("go with environment variables for what jobs say themselves", () => {
    expect(clientEnvironment(withTls)).toEqual({
      FLEET_REGISTRY_MIRROR: "https://mirror.internal:6000",
      FLEET_LAYER_CACHE: "mirror.internal:5000",
    });
  });
});
