import { requireEngine } from "../tools/engine";
import { program, requireLoopDevices, requireThrowawayMachine } from "../tools/programs";

const programs =
  "moto_server gitlab-runner docker-machine registry nginx sshd dnsmasq apt-ftparchive gpg gcc".split(" ");

/** What a fleet of a test's own needs. */
export const fleetRequirements = [
  requireThrowawayMachine,
  requireLoopDevices,
  requireEngine,
  ...programs.map(program),
];

/** A runner whose jobs find their images here. */
export const anyRunner = {
  docker: { extra: { helper_image: "fleet/gitlab-runner-helper:1" } },
};
