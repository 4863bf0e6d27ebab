import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { replaceFolder } from "../../cli/folder";
import { UserProblem } from "../../cli/problem";
import { withFolder } from "./helpers/plan";

const files = (entries: Record<string, string>) => new Map(Object.entries(entries));

describe("the folder of a plan", () => {
  it("is made with the folders above it", () => {
    withFolder((root) => {
      replaceFolder(join(root, "plan", "dev"), files({ "a/b/c.txt": "text" }));
      expect(readFileSync(join(root, "plan", "dev", "a", "b", "c.txt"), "utf8")).toBe("text");
      expect(readdirSync(join(root, "plan"))).toEqual(["dev"]);
    });
  });

  it("may be there and empty", () => {
    withFolder((root) => {
      replaceFolder(root, files({ "a.txt": "text" }));
      expect(readFileSync(join(root, "a.txt"), "utf8")).toBe("text");
    });
  });

  it("loses what an older plan wrote and the new one does not", () => {
    withFolder((root) => {
      const folder = join(root, "dev");
      replaceFolder(folder, files({ "old/file.txt": "old", "same.txt": "old" }));
      replaceFolder(folder, files({ "same.txt": "new" }));
      expect(readdirSync(folder).sort()).toEqual([".plan-files", "same.txt"]);
      expect(readFileSync(join(folder, "same.txt"), "utf8")).toBe("new");
    });
  });

  it("is left alone when no plan wrote it", () => {
    withFolder((root) => {
      writeFileSync(join(root, "thesis.txt"), "precious");
      expect(() => {
        replaceFolder(root, files({ "a.txt": "text" }));
      }).toThrow(
        new UserProblem(`${root} holds files that no plan wrote. Choose another folder with --out.`),
      );
      expect(readdirSync(root)).toEqual(["thesis.txt"]);
    });
  });

  it("is left alone when somebody put a file of theirs beside the plan's", () => {
    withFolder((root) => {
      const folder = join(root, "dev");
      replaceFolder(folder, files({ "notes/a.txt": "text" }));
      writeFileSync(join(folder, "notes", "mine.txt"), "precious");
      expect(() => {
        replaceFolder(folder, files({ "a.txt": "text" }));
      }).toThrow(
        new UserProblem(
          `${folder} holds notes/mine.txt, which no plan wrote. Move it, or choose another folder with --out.`,
        ),
      );
      expect(readFileSync(join(folder, "notes", "mine.txt"), "utf8")).toBe("precious");
    });
  });

  it("cannot be a file", () => {
    withFolder((root) => {
      const file = join(root, "dev");
      writeFileSync(file, "text");
      expect(() => {
        replaceFolder(file, files({}));
      }).toThrow(new UserProblem(`${file} is not a folder.`));
    });
  });

  it("stays as it was, without leftovers, when a file cannot be written", () => {
    withFolder((root) => {
      const folder = join(root, "dev");
      replaceFolder(folder, files({ "a.txt": "first" }));
      mkdirSync(join(root, "other"));
      expect(() => {
        replaceFolder(folder, files({ "a.txt": "second", "a.txt/impossible": "" }));
      }).toThrow(/a\.txt/);
      expect(readFileSync(join(folder, "a.txt"), "utf8")).toBe("first");
      expect(readdirSync(root).sort()).toEqual(["dev", "other"]);
      expect(existsSync(join(folder, "impossible"))).toBe(false);
    });
  });
});
