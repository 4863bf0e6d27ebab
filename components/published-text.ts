import { gunzipSync, gzipSync, strFromU8, strToU8 } from "fflate";

/** What an SSM parameter of the standard tier holds, in bytes; Intelligent-Tiering moves longer ones to the advanced tier. */
const standardTierLimit = 4096;

/** What an SSM parameter of the advanced tier holds, in bytes. */
const advancedTierLimit = 8192;

/**
 * A text as the value of an SSM parameter: as it is up to 4096 bytes, else gzip and base64, which the bastion recognises
 * by its first letters, `H4sI`.
 *
 * The bytes depend on the text only (no time, and a compressor written in JavaScript), so that a `pulumi up` from another
 * machine changes nothing.
 * @throws Error when even the compressed text is longer than 8192 bytes.
 * @see https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html
 */
export function publishedText(text: string): string {
  const bytes = strToU8(text);
  if (bytes.length <= standardTierLimit) {
    return text;
  }
  const compressed = Buffer.from(gzipSync(bytes, { level: 9, mtime: 0 })).toString("base64");
  if (compressed.length > advancedTierLimit) {
    throw new Error(
      `A published text of ${bytes.length} bytes is ${compressed.length} bytes when compressed; an SSM parameter holds ${advancedTierLimit}. ` +
        "Make it shorter: use fewer runners, or shorter lists in them.",
    );
  }
  return compressed;
}

/** The text that a value of {@link publishedText} stands for. */
export const readPublishedText = (value: string): string =>
  value.startsWith("H4sI") ? strFromU8(gunzipSync(Buffer.from(value, "base64"))) : value;
