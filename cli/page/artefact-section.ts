import type { Artefacts, UserData } from "../artefacts";
import { markup, type Markup } from "./markup";

/** Every generated document, folded, with a link to its file. */
export function artefactSection({ runnerConfig, userData, policies }: Artefacts): Markup {
  return markup`${runnerConfig !== undefined && document("config.toml", "of GitLab Runner", "config.toml", runnerConfig)}${userData.map(
    machine,
  )}${[...policies].map(([name, text]) => document(`${name}.json`, "policy", `policies/${name}.json`, text))}`;
}

function machine({ machine: name, cloudConfig, files }: UserData): Markup {
  const folder = `user-data/${name}`;
  const config = document(
    "cloud-config.yaml",
    "as cloud-init gets it",
    `${folder}/cloud-config.yaml`,
    cloudConfig,
  );
  return markup`<details><summary><span class="name">${name}</span><span class="soft">boots with ${files.length} files</span></summary>
${config}${files.map(({ path, permissions, content }) => document(path, permissions, `${folder}/files${path}`, content))}
</details>`;
}

const document = (name: string, kind: string, path: string, text: string): Markup =>
  markup`<details><summary><span class="name">${name}</span><span class="soft">${kind}</span><a href="${path}">open</a></summary><pre>${text}</pre></details>`;
