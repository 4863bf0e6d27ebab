import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { Files } from "./artefacts";
import { UserProblem } from "./problem";

/** Lists what a plan wrote: how an older plan is told from somebody's folder. */
const listName = ".plan-files";

/**
 * Puts the files into a folder in place of all that was there. They are written beside it first, so that a failure leaves the
 * folder as it was.
 * @throws UserProblem when the folder holds anything that no plan wrote.
 */
export function replaceFolder(folder: string, files: Files): void {
  const target = resolve(folder);
  refuseForeignFolder(target, folder);
  mkdirSync(dirname(target), { recursive: true });
  const temporary = mkdtempSync(join(dirname(target), `.${basename(target)}-`));
  try {
    const fresh = join(temporary, "new");
    const list = [...files.keys()].sort().map((path) => `${path}\n`);
    for (const [path, text] of [...files, [listName, list.join("")] as const]) {
      mkdirSync(dirname(join(fresh, path)), { recursive: true });
      writeFileSync(join(fresh, path), text);
    }
    if (existsSync(target)) renameSync(target, join(temporary, "old"));
    renameSync(fresh, target);
  } finally {
    rmSync(temporary, { recursive: true });
  }
}

function refuseForeignFolder(target: string, shown: string): void {
  const found = lstatSync(target, { throwIfNoEntry: false });
  if (!found) return;
  if (!found.isDirectory()) throw new UserProblem(`${shown} is not a folder.`);
  const present = filesBelow(target);
  if (present.length === 0 && readdirSync(target).length === 0) return;
  const list = join(target, listName);
  if (!existsSync(list)) {
    throw new UserProblem(`${shown} holds files that no plan wrote. Choose another folder with --out.`);
  }
  const ours = new Set([listName, ...readFileSync(list, "utf8").split("\n")]);
  const foreign = present.find((path) => !ours.has(path));
  if (foreign !== undefined) {
    throw new UserProblem(
      `${shown} holds ${foreign}, which no plan wrote. Move it, or choose another folder with --out.`,
    );
  }
}

const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(
    (path) => !lstatSync(join(folder, path)).isDirectory(),
  );
