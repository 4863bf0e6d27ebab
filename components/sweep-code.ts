import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { transformSync } from "@swc/core";

const folder = join(__dirname, "..", "sweep");

/**
 * The function's code as Lambda runs it: each file of `sweep/` as JavaScript. Its modules are CommonJS, for which the runtime finds AWS's
 * SDK that it comes with.
 */
export function sweepCode(): pulumi.asset.AssetArchive {
  const files = readdirSync(folder)
    .filter((file) => file.endsWith(".ts"))
    .sort()
    .map((file) => {
      const { code } = transformSync(readFileSync(join(folder, file), "utf8"), {
        configFile: false,
        swcrc: false,
        jsc: { target: "es2022", parser: { syntax: "typescript" } },
        module: { type: "commonjs" },
      });
      return [file.replace(/ts$/, "js"), new pulumi.asset.StringAsset(code)] as const;
    });
  return new pulumi.asset.AssetArchive(Object.fromEntries(files));
}
