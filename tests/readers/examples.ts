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
  }),
  worker: workerUserData({
    registryMirror: {
      url: "http://registry-mirror.test:6000",
      layerCacheRegistry: "registry-mirror.test:5000",
    },
  }),
  workerWithoutMirror: workerUserData({}),
};
