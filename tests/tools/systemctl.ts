import type { ThrowawayMachine } from "./throwaway-machine";

/** What stands in for systemd, which does not run on a throwaway machine: it writes down what it is told. */
export function replaceSystemctl(machine: ThrowawayMachine): void {
  machine.write("/var/log/systemctl", "");
  machine.write("/usr/local/sbin/systemctl", '#!/bin/bash\necho "$*" >>/var/log/systemctl\n', 0o755);
}

/** What systemctl was told since the last time. */
export function systemctlCalls(machine: ThrowawayMachine): string[] {
  const calls = machine.read("/var/log/systemctl").split("\n");
  machine.write("/var/log/systemctl", "");
  return calls.slice(0, -1);
}
