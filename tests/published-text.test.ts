import * as fc from "fast-check";
import { publishedText } from "../components/published-text";
import { readPublishedText } from "./helpers/published-text";

describe("publishedText", () => {
  it("leaves a text as it is up to the 4096 bytes of a standard parameter", () => {
    expect(publishedText("a".repeat(4096))).toBe("a".repeat(4096));
    expect(publishedText("é".repeat(2048))).toBe("é".repeat(2048));
  });

  it("compresses a longer one, always to the same bytes", () => {
    expect(publishedText("a".repeat(4097))).toBe("H4sIAAAAAAACA+3AAQ0AAADCoKz2L2GPDwYAAAD0HRkHJyEBEAAA");
    expect(publishedText("é".repeat(2049))).toMatch(/^H4sIAAAAAAAC/);
  });

  it("is read back as the same text", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "grapheme", maxLength: 30 }),
        fc.integer({ min: 1, max: 1000 }),
        (text, times) => {
          const long = text.repeat(times);
          expect(readPublishedText(publishedText(long))).toBe(long);
        },
      ),
      { numRuns: 50 },
    );
  });

  it("refuses what does not fit the 8192 bytes of an advanced parameter", () => {
    // Digits that do not repeat cannot be compressed much.
    const text = Array.from({ length: 4000 }, (_, index) => Math.sin(index).toFixed(12).slice(-8)).join("");
    expect(() => publishedText(text)).toThrow(
      /^A published text of 32000 bytes is \d{5} bytes when compressed; an SSM parameter holds 8192\. Make it shorter: use fewer runners, or shorter lists in them\.$/,
    );
  });
});
