import { z } from "zod";
import type { TomlTable, TomlValue } from "./runner-config";

const tomlValue: z.ZodType<TomlValue> = z.lazy(() =>
  z.union([z.string(), z.number(), z.boolean(), z.array(tomlValue), z.record(z.string(), tomlValue)], {
    error: "must be a text, a number, true, false, a list or a table of these",
  }),
);

/** Further keys of a section of `config.toml`, in GitLab's spelling. */
export const extra: z.ZodType<TomlTable> = z.record(z.string(), tomlValue);
