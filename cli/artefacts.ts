import { gunzipSync } from "node:zlib";
import { parse } from "yaml";
import { alwaysOnMachines, type Machine } from "./machines";
import { permissionDocuments } from "./permissions";
import { hidden, listAt, ofType, textAt, type Plain, type PlannedResource } from "./resources";

/** Relative path to text. */
export type Files = Map<string, string>;

/** A file that cloud-init writes on a machine. */
export interface MachineFile {
  path: string;
  /** E.g. `0755`; cloud-init's default is `0644`. */
  permissions: string;
  owner: string;
  content: string;
}

/** What a machine boots with. */
export interface UserData {
  /** E.g. `bastion`, or `worker`. */
  machine: string;
  /** The document as cloud-init gets it, after decompression. */
  cloudConfig: string;
  files: MachineFile[];
}

/** What the program generated, read back out of the resources that carry it. */
export interface Artefacts {
  /** Text of `config.toml` with its tokens hidden; undefined when none is published. */
  runnerConfig: string | undefined;
  userData: UserData[];
  /** JSON documents by name: IAM policies, trust policies, bucket and endpoint policies. */
  policies: Map<string, string>;
}

const parameterType = "aws:ssm/parameter:Parameter";

/** @throws Error when a generated document cannot be read back, because then no machine could either. */
export function readArtefacts(resources: PlannedResource[]): Artefacts {
  const published = (suffix: string): string | undefined => {
    const parameter = ofType(resources, parameterType).find(({ inputs }) =>
      textAt(inputs, "name")?.endsWith(suffix),
    );
    const value = textAt(parameter?.inputs, "insecureValue") ?? textAt(parameter?.inputs, "value");
    return value === undefined ? undefined : publishedText(value);
  };
  const machines = alwaysOnMachines(resources).map(({ name, userData }) => ({
    machine: name,
    text: userDataText(userData),
  }));
  const documents = [...machines, { machine: "worker", text: published("/bastion/worker-user-data") }];

  return {
    // A token of the published text is fetched by the bastion: `@@runner-token/default@@`.
    runnerConfig: published("/bastion/config.toml")?.replaceAll(/@@[\w./-]+@@/g, hidden),
    userData: documents.flatMap(({ machine, text }) =>
      text === undefined ? [] : [{ machine, cloudConfig: text, files: machineFiles(machine, text) }],
    ),
    policies: new Map(permissionDocuments(resources).map(({ file, document }) => [file, pretty(document)])),
  };
}

/** The artefacts as files of the plan's folder. */
export function artefactFiles({ runnerConfig, userData, policies }: Artefacts): Files {
  const files: Files = new Map();
  if (runnerConfig !== undefined) files.set("config.toml", runnerConfig);
  for (const { machine, cloudConfig, files: machineFiles } of userData) {
    const folder = `user-data/${machine}`;
    files.set(`${folder}/cloud-config.yaml`, cloudConfig);
    if (machineFiles.length === 0) continue;
    files.set(
      `${folder}/modes.txt`,
      machineFiles.map((f) => `${f.permissions}  ${f.owner}  ${f.path}\n`).join(""),
    );
    for (const { path, content } of machineFiles) files.set(`${folder}/files${path}`, content);
  }
  for (const [name, document] of policies) files.set(`policies/${name}.json`, document);
  return files;
}

/** A text with a line break at its end, and JSON in an order that does not change. */
export const pretty = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;

function userDataText({ base64, plain }: Machine["userData"]): string | undefined {
  if (base64 === hidden) return hidden;
  return base64 === undefined ? plain : unpack(base64);
}

/** Plain text, or gzip and base64 of it. */
const publishedText = (value: string): string => (value.startsWith("H4sI") ? unpack(value) : value);

function unpack(base64: string): string {
  const bytes = Buffer.from(base64, "base64");
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
  return (isGzip ? gunzipSync(bytes) : bytes).toString("utf8");
}

function machineFiles(machine: string, cloudConfig: string): MachineFile[] {
  const document: unknown = cloudConfig.startsWith("#cloud-config") ? parse(cloudConfig) : undefined;
  return listAt(document as Plain, "write_files").map((file) => {
    const path = textAt(file, "path") ?? "";
    if (!/^(\/[\w@.-]*[\w@-][\w@.-]*)+$/.test(path))
      throw new Error(`${machine}: cloud-init cannot write to "${path}"`);
    return {
      path,
      permissions: textAt(file, "permissions") ?? "0644",
      owner: textAt(file, "owner") ?? "root:root",
      content: decode(textAt(file, "content") ?? "", textAt(file, "encoding")),
    };
  });
}

function decode(content: string, encoding: string | undefined): string {
  return encoding === undefined || encoding === "text/plain" ? content : unpack(content);
}
