/**
 * What differs between two texts, line by line: `- ` only in the first, `+ ` only in the second, two lines of context around them,
 * and `…` where equal lines are left out.
 */
export function lineDiff(before: string, after: string): string[] {
  const lines = compare(before.split("\n"), after.split("\n"));
  const context = 2;
  const shown = lines.map((_, i) =>
    lines.slice(Math.max(0, i - context), i + context + 1).some(({ sign }) => sign !== " "),
  );
  return lines.flatMap(({ sign, line }, i) => {
    if (shown[i]) return [`${sign} ${line}`.trimEnd()];
    return shown[i - 1] === true && shown.includes(true, i) ? ["…"] : [];
  });
}

interface Line {
  sign: "-" | "+" | " ";
  line: string;
}

/** Keeps the longest common subsequence. */
function compare(before: string[], after: string[]): Line[] {
  // longest[i][j] is the length of that of before[i…] and after[j…].
  const longest = Array.from({ length: before.length + 1 }, () =>
    new Array<number>(after.length + 1).fill(0),
  );
  const at = (i: number, j: number) => longest[i]?.[j] ?? 0;
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      const length = before[i] === after[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
      longest[i]?.splice(j, 1, length);
    }
  }
  const lines: Line[] = [];
  let i = 0;
  let j = 0;
  while (i < before.length || j < after.length) {
    const [old = "", young = ""] = [before[i], after[j]];
    if (i < before.length && j < after.length && old === young) {
      lines.push({ sign: " ", line: old });
      i++;
      j++;
    } else if (j === after.length || (i < before.length && at(i + 1, j) >= at(i, j + 1))) {
      lines.push({ sign: "-", line: old });
      i++;
    } else {
      lines.push({ sign: "+", line: young });
      j++;
    }
  }
  return lines;
}
