import type { ThrowawayMachine } from "./throwaway-machine";

const script = `#!/bin/bash
if [[ "$1" == is-active ]]; then
  kill -0 "$(cat "/run/\${2%.service}.pid")" 2>/dev/null && echo active && exit
  echo inactive
  exit 3
fi
echo "$*" >>/var/log/systemctl
`;

/**
 * What stands in for systemd, which does not run on a throwaway machine: it writes down what it is told, and knows whether a service
 * of `Units` runs.
 */
export function replaceSystemctl(machine: ThrowawayMachine): void {
  machine.write("/var/log/systemctl", "");
  machine.write("/usr/local/sbin/systemctl", script, 0o755);
}

/** What systemctl was told since the last time. */
export function systemctlCalls(machine: ThrowawayMachine): string[] {
  const calls = machine.read("/var/log/systemctl").split("\n");
  machine.write("/var/log/systemctl", "");
  return calls.slice(0, -1);
}
