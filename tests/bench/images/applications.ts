import { mkdirSync, writeFileSync } from "fs";
import { dirname, join } from "path";
import type { Materials } from "./materials";

/** Full names of the images that applications begin from. */
export interface BaseImages {
  busybox: string;
  node: string;
}

/** A folder that is built: a Dockerfile and sources. */
export type Application = (materials: Materials, images: BaseImages) => Record<string, string>;

/** As in the article that the layer cache comes from, but for the distribution: nothing, then jq, 20 s of work, and the date. */
export const article: Application = (materials, { busybox }) => ({
  Dockerfile: `
FROM ${busybox}
RUN ${materials.articleInstall}
RUN sleep 20
RUN echo "$(date)" > /date
`,
});

const installPackages = (materials: Materials) => `
RUN echo 'deb [trusted=yes] ${materials.url}/debian ./' > /etc/apt/sources.list \\
  && apt-get update && apt-get install --yes --no-install-recommends python3 make g++
WORKDIR /app
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci`;

const compile = `
COPY tsconfig.json ./
COPY source source
RUN npm run build`;

const sources = Object.fromEntries(
  Array.from({ length: 40 }, (_, number) => [
    `source/module-${number}.ts`,
    `import { z } from "zod";
export const schema${number} = z.object({ id: z.number(), name: z.string(), tags: z.array(z.string()) });
export type Record${number} = z.infer<typeof schema${number}>;
export const parse${number} = (value: unknown): Record${number} => schema${number}.parse(value);
`,
  ]),
);

const typescript = {
  "tsconfig.json": JSON.stringify({
    compilerOptions: {
      module: "node16",
      target: "es2022",
      strict: true,
      types: ["node"],
      skipLibCheck: true,
    },
    include: ["source"],
  }),
  ...sources,
};

/** Everything in one stage: system packages, \`npm ci\`, the sources, a build. */
export const oneStage: Application = (materials, { node }) => ({
  Dockerfile: `
FROM ${node}${installPackages(materials)}${compile}
CMD ["node", "distribution/main.js"]
`,
  ...materials.npmFiles,
  ...typescript,
});

/** The same with a second stage that takes the result only. */
export const twoStages: Application = (materials, { node }) => ({
  Dockerfile: `
FROM ${node} AS build${installPackages(materials)}${compile}
FROM ${node}
WORKDIR /app
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci --omit=dev
COPY --from=build /app/distribution distribution
CMD ["node", "distribution/main.js"]
`,
  ...materials.npmFiles,
  ...typescript,
});

/** Writes an application with its one changing source file. */
export function writeApplication(folder: string, files: Record<string, string>, change: number): void {
  const all = { ...files, "source/main.ts": `console.log("change ${change}");\n` };
  for (const [name, content] of Object.entries(all)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
}
