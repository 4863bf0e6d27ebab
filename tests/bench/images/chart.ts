import { timesFaster, type Comparison, type Figures } from "./figures";
import { seconds, times } from "./table";

const width = 860;
const labels = 330;
const values = 130;
const barHeight = 18;
const rowHeight = 26;
const titleHeight = 44;

/** Readable on light and on dark pages. */
const style = `
  text { font: 13px system-ui, sans-serif; fill: #6e7781; }
  .title { font-weight: 600; font-size: 14px; }
  .bar { fill: #2f81f7; }
  .reference { fill: #8c959f; }`;

const escaped = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** The figures as a picture with a bar for each way; each comparison has its own scale. */
export function chart({ runs, comparisons }: Figures): string {
  let top = 0;
  const groups = comparisons.map((comparison) => {
    const group = `<g transform="translate(0 ${top})">\n${groupOf(comparison)}\n</g>`;
    top += titleHeight + comparison.ways.length * rowHeight;
    return group;
  });
  const height = top + 32;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    "<title>Time with and without the fleet's registry mirror and layer cache, in seconds</title>",
    `<style>${style}\n</style>`,
    ...groups,
    `<text x="12" y="${height - 10}">Seconds, shorter is better; median of ${runs}. Each group has its own scale.</text>`,
    "</svg>\n",
  ].join("\n");
}

function groupOf(comparison: Comparison): string {
  const [reference, ...others] = comparison.ways;
  const longest = Math.max(...comparison.ways.map((way) => way.seconds));
  const rows = [reference, ...others].map((way, index) => {
    const y = titleHeight + index * rowHeight;
    const length = Math.max(1, Math.round(((width - labels - values) * way.seconds) / longest));
    const factor = way === reference ? "" : ` (${times(timesFaster(comparison, way.name, reference.name))})`;
    return [
      `<text x="${labels - 8}" y="${y + 13}" text-anchor="end">${escaped(way.name)}</text>`,
      `<rect class="${way === reference ? "reference" : "bar"}" x="${labels}" y="${y}" width="${length}" height="${barHeight}" rx="2"/>`,
      `<text x="${labels + length + 8}" y="${y + 13}">${seconds(way.seconds)}${factor}</text>`,
    ].join("\n");
  });
  return [`<text class="title" x="12" y="30">${escaped(comparison.title)}</text>`, ...rows].join("\n");
}
