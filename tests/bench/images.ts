import { readFileSync, writeFileSync } from "fs";
import { join } from "path";
import { format, resolveConfig } from "prettier";
import { parseArgs } from "util";
import { projectFolder } from "../../cli/local/workspace";
import { chart } from "./images/chart";
import { missedAims, type Figures } from "./images/figures";
import { articleUnchanged, oneStageChanged } from "./images/layer-cache";
import { imagePulled } from "./images/mirror";
import { replaceBetweenMarks } from "./images/readme";
import { Site } from "./images/site";
import { markdown } from "./images/table";
import { twoStagesChanged } from "./images/two-stages";

// How much faster images are pulled through the fleet's mirror and built with its layer cache. `--runs N` measures each way N times (5 unless told); `--check` measures
// once what must hold, with a margin for that, and leaves the published figures alone.

async function measure(runs: number, everything: boolean): Promise<Figures> {
  const pulled = await imagePulled(runs);
  const site = await Site.start();
  try {
    return {
      runs,
      comparisons: [
        pulled,
        await articleUnchanged(site, runs),
        await oneStageChanged(site, runs),
        await twoStagesChanged(site, runs, everything),
      ],
    };
  } finally {
    await site.stop();
  }
}

async function publish(figures: Figures): Promise<void> {
  const file = (name: string) => join(projectFolder, name);
  const formatted = async (name: string, text: string) => {
    writeFileSync(file(name), await format(text, { ...(await resolveConfig(file(name))), filepath: name }));
  };
  await formatted("docs/images.json", JSON.stringify(figures));
  writeFileSync(file("docs/images.svg"), chart(figures));
  const readme = readFileSync(file("README.md"), "utf8");
  await formatted("README.md", replaceBetweenMarks(readme, "images", markdown(figures)));
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { runs: { type: "string", default: "5" }, check: { type: "boolean", default: false } },
  });
  const figures = await measure(values.check ? 1 : Number(values.runs), !values.check);
  if (!values.check) await publish(figures);
  console.log(`\n${markdown(figures)}`);
  const missed = figures.comparisons.flatMap((comparison) => missedAims(comparison, values.check ? 0.6 : 1));
  for (const sentence of missed) console.error(sentence);
  if (missed.length > 0) process.exitCode = 1;
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
