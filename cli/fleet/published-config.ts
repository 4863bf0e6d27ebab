import { createHash } from "node:crypto";
import {
  GetParameterCommand,
  paginateGetParameterHistory,
  type Parameter,
  type ParameterHistory,
  type SSMClient,
} from "@aws-sdk/client-ssm";
import { readPublishedText } from "../../components/published-text";

/** A version of the published `config.toml`; placeholders stand for its secrets. */
export interface PublishedConfig {
  version: number;
  published: Date;
  text: string;
  /** Of the text, as bastions report it. */
  sha256: string;
}

/** What is published now. */
export async function publishedConfig(ssm: SSMClient, Name: string): Promise<PublishedConfig> {
  const { Parameter } = await ssm.send(new GetParameterCommand({ Name }));
  return configOf(Parameter ?? {});
}

/** The version that has this text, the newest of them; undefined when SSM no longer has it. */
export async function versionInForce(
  client: SSMClient,
  Name: string,
  sha256: string,
): Promise<PublishedConfig | undefined> {
  let found: PublishedConfig | undefined;
  for await (const { Parameters = [] } of paginateGetParameterHistory({ client }, { Name })) {
    found =
      Parameters.map(configOf)
        .filter((version) => version.sha256 === sha256)
        .at(-1) ?? found;
  }
  return found;
}

function configOf({
  Value = "",
  Version = 0,
  LastModifiedDate,
}: Parameter | ParameterHistory): PublishedConfig {
  const text = readPublishedText(Value);
  return {
    version: Version,
    published: LastModifiedDate ?? new Date(0),
    text,
    sha256: createHash("sha256").update(text).digest("hex"),
  };
}
