import { mirrorsOf } from "../../components/registry-addresses";
import { bastionUserData, registryMirrorUserData, workerUserData } from "../../components/user-data";

/** The user data that the tests of this level hand to the programs that read it. */
export const examples = {
  bastion: bastionUserData({
    region: "eu-west-1",
    parameterPath: "/gitlab-runner-fleet/test/bastion",
    architecture: "amd64",
    swapSize: 1,
  }),
  registryMirror: registryMirrorUserData({
    region: "eu-west-1",
    parameterPath: "/gitlab-runner-fleet/test/registry-mirror",
    architecture: "amd64",
    volumeId: "vol-0123456789abcdef0",
    upstreams: ["docker.io", "ghcr.io"],
    mirrorShare: 40,
    layerCacheShare: 45,
    layerCacheMaxAge: 14,
    tls: false,
    protectedRefs: false,
  }),
  worker: workerUserData({
    registries: { host: "registry-mirror.test", mirrors: mirrorsOf(["ghcr.io"]) },
  }),
  workerWithTls: workerUserData({
    registries: { host: "registry-mirror.test", mirrors: mirrorsOf([]), caCertificate: "certificate\n" },
  }),
  workerWithoutMirror: workerUserData({}),
};
