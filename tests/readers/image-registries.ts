import { parse } from "smol-toml";
import { configToml } from "../../components/config-toml";
import { mirrorsOf } from "../../components/registry-addresses";
import { goodConfig, understood } from "../helpers/stack-file";
import { makeProgramImage, type ImageContent } from "../tools/program-image";
import { requireProgram } from "../tools/programs";
import { RegistryMachine } from "../tools/registry-machine";
import { startService } from "../tools/service";
import { examples } from "./examples";

/** Names of servers, in a network that has only these. */
const addresses = {
  "registry-mirror.test": "10.77.0.1",
  "registry-1.docker.io": "10.77.0.2",
  "registry.gitlab.test": "10.77.0.3",
  docker: "10.77.0.4",
};

/** Certificates for all names in `$1`, by an authority that the machine trusts. */
const makeCertificates = `
set -euo pipefail
mkdir /etc/test-certificates
cd /etc/test-certificates
new=(-x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2)
openssl req "\${new[@]}" -keyout ca-key.pem -out ca.pem -subj "/CN=Test authority"
openssl req "\${new[@]}" -CA ca.pem -CAkey ca-key.pem -keyout key.pem -out cert.pem -subj "/CN=Test" \
  -addext "subjectAltName=$1" -addext basicConstraints=critical,CA:FALSE
cat ca.pem >>/etc/ssl/certs/ca-certificates.crt
`;

/**
 * A throwaway machine that is the registry mirror and a worker at once, in a network with Docker Hub, and with name service for
 * containers.
 */
export async function startWorker(
  ...settings: Parameters<typeof RegistryMachine.start>
): Promise<RegistryMachine> {
  const registries = await RegistryMachine.start(...settings);
  const { machine, must } = registries;
  machine.writeFilesOf(examples.worker);
  const network = [
    `ip address add ${addresses["registry.gitlab.test"]}/32 dev lo`,
    `ip address add ${addresses.docker}/32 dev lo`,
    "rm --force /etc/resolv.conf && echo nameserver 10.77.0.1 >/etc/resolv.conf",
    "rm --recursive --force /etc/docker /etc/buildkit /root/.docker",
  ];
  await must("bash", "-c", network.join(" &&\n"));
  const names = Object.keys(addresses).map((name) => `DNS:${name}`);
  await must("bash", "-c", makeCertificates, "bash", names.join(","));
  const answers = Object.entries(addresses).map(([name, address]) => `--address=/${name}/${address}`);
  await startService(
    machine,
    [requireProgram("dnsmasq"), "--keep-in-foreground", "--no-resolv", "--no-hosts", ...answers],
    "getent hosts docker",
  );
  return registries;
}

/** Starts the registry of a GitLab, with a certificate that everybody trusts. */
export async function serveGitLab({ machine }: RegistryMachine): Promise<void> {
  const certificates = "/etc/test-certificates";
  const configuration = {
    version: 0.1,
    storage: { filesystem: { rootdirectory: "/var/lib/gitlab-registry" } },
    http: {
      addr: `${addresses["registry.gitlab.test"]}:443`,
      tls: { certificate: `${certificates}/cert.pem`, key: `${certificates}/key.pem` },
    },
  };
  machine.write("/etc/gitlab-registry.yml", JSON.stringify(configuration));
  await startService(
    machine,
    [requireProgram("registry"), "serve", "/etc/gitlab-registry.yml"],
    "curl --fail https://registry.gitlab.test/v2/",
    { OTEL_TRACES_EXPORTER: "none" },
  );
}

/** Publishes an image of programs on Docker Hub. */
export async function publishPrograms(
  registries: RegistryMachine,
  repository: string,
  tag: string,
  content: ImageContent,
): Promise<void> {
  const image = await makeProgramImage(registries.machine, content);
  registries.publish(`registry-1.docker.io/${repository}`, tag, image);
}

/** Mounts the fleet's files where config.toml says that every container of a job has them. */
export async function mountIntoJob({ must }: RegistryMachine): Promise<void> {
  const text = configToml(understood(goodConfig).config, {
    fleetId: "0a1b2c3d",
    machineOptions: [[]],
    cacheBucketName: "bucket",
    registries: { host: "registry-mirror.test", mirrors: mirrorsOf(["ghcr.io"]) },
  });
  const { runners } = parse(text) as unknown as { runners: [{ docker: { volumes: string[] } }] };
  const mounts = runners[0].docker.volumes
    .map((volume) => volume.split(":"))
    .filter(([source = ""]) => source.startsWith("/etc/fleet/"))
    .map(
      ([source = "", target = ""]) => `install -D /dev/null ${target} && mount --bind ${source} ${target}`,
    );
  await must("bash", "-c", mounts.join(" &&\n"));
}
