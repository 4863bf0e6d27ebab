import { mirrorsOf } from "../../components/registry-addresses";
import { bastionUserData, registryMirrorUserData, workerUserData } from "../../components/user-data";
import { registryMirrorArgs } from "../tools/registry-machine";

/** The user data that the tests of this level hand to the programs that read it. */
export const examples = {
  bastion: bastionUserData({
    region: "eu-west-1",
    parameterPath: "/gitlab-runner-fleet/test/bastion",
    architecture: "amd64",
    swapSize: 1,
  }),
  registryMirror: registryMirrorUserData({ ...registryMirrorArgs, upstreams: ["docker.io", "ghcr.io"] }),
  worker: workerUserData({
    registries: { host: "registry-mirror.test", mirrors: mirrorsOf(["ghcr.io"]) },
  }),
  workerWithTls: workerUserData({
    registries: { host: "registry-mirror.test", mirrors: mirrorsOf([]), caCertificate: "certificate\n" },
  }),
  workerWithoutMirror: workerUserData({}),
};
