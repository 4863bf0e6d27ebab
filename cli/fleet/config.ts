import type { Aws } from "./aws";
import { configurationFailure, configurationVerdict } from "./configuration-verdict";
import type { DeployedFleet } from "./deployed-fleet";
import { lineDiff } from "./line-diff";
import { findMachines } from "./machines";
import { publishedConfig, versionInForce, type PublishedConfig } from "./published-config";
import { bastionReportSchema, lastReport, type BastionReport, type Reported } from "./reports";

/** What is published, and what a fleet runs of it. */
export interface FleetConfig {
  published: PublishedConfig;
  bastions: {
    id: string;
    reported: Reported<BastionReport> | undefined;
    /** The version in force where it is not the published one, as long as SSM remembers it. */
    former: PublishedConfig | undefined;
  }[];
}

/** Asks AWS, and changes nothing. */
export async function fleetConfig(aws: Aws, fleet: DeployedFleet): Promise<FleetConfig> {
  const { runnerConfigParameterName: name, logGroups } = fleet;
  const [published, { bastions }] = await Promise.all([
    publishedConfig(aws.ssm, name),
    findMachines(aws, fleet),
  ]);
  return {
    published,
    bastions: await Promise.all(
      bastions.map(async ({ id }) => {
        const reported = await lastReport(aws.logs, logGroups.bastion, id, bastionReportSchema);
        const inForce = reported?.report.configurationSha256 ?? published.sha256;
        const former =
          inForce === published.sha256 ? undefined : await versionInForce(aws.ssm, name, inForce);
        return { id, reported, former };
      }),
    ),
  };
}

/** For people: the published text, whether it is in force, and if not, what is going to change. */
export function configText({ published, bastions }: FleetConfig): string {
  const { version, text } = published;
  const time = published.published.toISOString().replace(/\.\d+/, "");
  const lines = bastions.flatMap(({ id, reported, former }) => {
    const verdict = configurationVerdict(reported, published.sha256);
    const failure = configurationFailure(reported);
    return [
      `# ${id}: ${verdict}${failure === undefined ? "" : `: ${failure}`}`,
      ...(former
        ? [
            `# ${id} runs version ${former.version}; what version ${version} changes:`,
            ...lineDiff(former.text, text).map((line) => `#   ${line}`.trimEnd()),
          ]
        : []),
    ];
  });
  return [`# version ${version}, published ${time}`, ...lines, "", text].join("\n");
}
