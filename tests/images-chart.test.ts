import { readFileSync } from "fs";
import { join } from "path";
import { projectFolder } from "../cli/local/workspace";
import { chart } from "./bench/images/chart";
import { median, missedAims, timesFaster, type Comparison, type Figures } from "./bench/images/figures";
import { replaceBetweenMarks } from "./bench/images/readme";
import { markdown, seconds, times } from "./bench/images/table";

const comparison: Comparison = {
  title: "Builds & pulls",
  ways: [
    { name: "without", seconds: 21, costs: "nothing" },
    { name: "with <cache>", seconds: 0.25, costs: "an instance" },
  ],
  aims: [],
};
const figures: Figures = { runs: 5, comparisons: [comparison] };
const withAim = (way: string, than: string, timesFaster: number): Comparison => ({
  ...comparison,
  aims: [{ way, than, timesFaster }],
});

describe("The figures of images", () => {
  it("take the middle of what was measured, in whatever order", () => {
    expect(median([9, 1, 10])).toBe(9);
    expect(median([7])).toBe(7);
    expect(median([4, 1, 3, 2])).toBe(2);
  });

  it("have no median of nothing", () => {
    expect(() => median([])).toThrow("There is no median of nothing");
  });

  it("tell how many times faster one way is than the other", () => {
    expect(timesFaster(comparison, "with <cache>", "without")).toBe(84);
    expect(timesFaster(comparison, "without", "with <cache>")).toBeCloseTo(1 / 84, 10);
  });

  it("know no way that was not measured", () => {
    expect(() => timesFaster(comparison, "with", "without")).toThrow(
      "Nothing was measured that is called with",
    );
  });

  it("miss no aim that is just reached", () => {
    expect(missedAims(withAim("with <cache>", "without", 84))).toEqual([]);
  });

  it("may be missed by a margin where they were measured once", () => {
    const short = withAim("with <cache>", "without", 100);
    expect(missedAims(short)).toHaveLength(1);
    expect(missedAims(short, 0.8)).toEqual([]);
  });

  it("say by how much an aim is missed", () => {
    expect(missedAims(withAim("with <cache>", "without", 85))).toEqual([
      'Builds & pulls: "with <cache>" is 84.00 times as fast as "without"; 85.00 is the aim',
    ]);
  });
});

describe("What is published of images", () => {
  const published = (name: string) => readFileSync(join(projectFolder, "docs", name), "utf8");

  it("is a chart of the very figures that were measured", () => {
    expect(published("images.svg")).toBe(chart(JSON.parse(published("images.json")) as Figures));
  });

  it("is a table of them in README.md, apart from the width of its columns", () => {
    const bare = (text: string) =>
      text
        .replaceAll(/ *\| */g, "|")
        .replaceAll(/-{3,}/g, "---")
        .trim();
    const readme = readFileSync(join(projectFolder, "README.md"), "utf8");
    const [, table = ""] = /<!-- images -->([^]*)<!-- \/images -->/.exec(readme) ?? [];
    expect(bare(table)).toBe(bare(markdown(JSON.parse(published("images.json")) as Figures)));
  });
});

describe("The table of images", () => {
  it("compares each way with the first", () => {
    expect(markdown(figures)).toBe(
      [
        "Median of 5.",
        "",
        "| Builds & pulls | time | faster | costs |",
        "| --- | ---: | ---: | --- |",
        "| without | 21.0 s | 1.0x | nothing |",
        "| with <cache> | 0.25 s | 84x | an instance |",
      ].join("\n"),
    );
  });

  it("has two digits of what is small", () => {
    expect([seconds(9.994), seconds(10), times(9.94), times(10)]).toEqual([
      "9.99 s",
      "10.0 s",
      "9.9x",
      "10x",
    ]);
  });

  it("takes its place between the marks of a page and nothing else", () => {
    const page = "before\n<!-- images -->\nold\n<!-- /images -->\n<!-- errors -->\nkept\n<!-- /errors -->\n";
    const expected =
      "before\n<!-- images -->\n\n$& new\n\n<!-- /images -->\n<!-- errors -->\nkept\n<!-- /errors -->\n";
    expect(replaceBetweenMarks(page, "images", "$& new")).toBe(expected);
    expect(replaceBetweenMarks(expected, "images", "$& new")).toBe(expected);
  });

  it("leaves a page without marks as it is", () => {
    expect(replaceBetweenMarks("no place", "images", "new")).toBe("no place");
  });
});

describe("The chart of images", () => {
  const picture = chart(figures);
  const bars = [...picture.matchAll(/<rect class="(\w+)" x="(\d+)" y="(\d+)" width="(\d+)"/g)].map(
    ([, kind, x, y, width]) => ({ kind, x: Number(x), y: Number(y), width: Number(width) }),
  );

  it("has a bar for each way, as long as its time and in its scale", () => {
    expect(bars).toEqual([
      { kind: "reference", x: 330, y: 44, width: 400 },
      { kind: "bar", x: 330, y: 70, width: 5 },
    ]);
  });

  it("shows what is too short for a bar nevertheless", () => {
    const ways: Comparison["ways"] = [
      { name: "long", seconds: 100, costs: "" },
      { name: "short", seconds: 0.01, costs: "" },
    ];
    expect(chart({ runs: 1, comparisons: [{ ...comparison, ways }] })).toContain('y="70" width="1"');
  });

  it("names each way, its value with its unit, and how many times faster it is", () => {
    const texts = [...picture.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text);
    expect(texts).toEqual([
      "Builds &amp; pulls",
      "without",
      "21.0 s",
      "with &lt;cache&gt;",
      "0.25 s (84x)",
      "Seconds, shorter is better; median of 5. Each group has its own scale.",
    ]);
  });

  it("puts one comparison under the other", () => {
    const two = chart({ runs: 5, comparisons: [comparison, comparison] });
    expect(two).toContain('viewBox="0 0 860 224"');
    expect([...two.matchAll(/translate\(0 (\d+)\)/g)].map(([, top]) => top)).toEqual(["0", "96"]);
  });
});
