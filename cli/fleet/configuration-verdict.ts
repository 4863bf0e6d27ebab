import type { BastionReport, Reported } from "./reports";

/** Whether a bastion runs the published configuration. */
export type Verdict = "in force" | "rejected" | "not yet in force" | "unknown";

/** @param sha256 of the published text */
export function configurationVerdict(reported: Reported<BastionReport> | undefined, sha256: string): Verdict {
  if (reported === undefined) return "unknown";
  const { configuration, configurationSha256 } = reported.report;
  if (configurationSha256 === sha256) return "in force";
  return configuration?.startsWith("failed") ? "rejected" : "not yet in force";
}

/** Why the last look at what is published failed, if it did. */
export const configurationFailure = (reported: Reported<BastionReport> | undefined): string | undefined =>
  /^failed: (.*)/s.exec(reported?.report.configuration ?? "")?.[1];
