import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "fs";
import { tmpdir } from "os";
import { join } from "path";
import { projectFolder } from "../../cli/local/workspace";

/** The program as it will be, or could have been: a copy in a folder of its own, with changes. */
export class ProgramCopy {
  readonly folder = mkdtempSync(join(tmpdir(), "fleet-program-"));

  /** @param more files and folders besides the program itself */
  constructor(more: string[] = []) {
    for (const part of [
      ...more,
      "index.ts",
      "components",
      "sweep",
      "userdata",
      "package.json",
      "tsconfig.json",
      "Pulumi.yaml",
    ]) {
      cpSync(join(projectFolder, part), join(this.folder, part), { recursive: true });
    }
    symlinkSync(join(projectFolder, "node_modules"), join(this.folder, "node_modules"));
  }

  /**
   * Changes a file.
   * @throws Error when the file does not hold the text.
   */
  replace(file: string, text: string, replacement: string): void {
    const path = join(this.folder, file);
    const before = readFileSync(path, "utf8");
    if (!before.includes(text)) throw new Error(`${file} does not hold ${text}`);
    writeFileSync(path, before.replace(text, replacement));
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}
