import { gunzipSync } from "zlib";

/** The text that stands in a published SSM parameter, as the bastion reads it. */
export function readPublishedText(value: string): string {
  return value.startsWith("H4sI") ? gunzipSync(Buffer.from(value, "base64")).toString() : value;
}
