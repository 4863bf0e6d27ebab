import { criticalPath } from "./bench/critical-path";

const operation = (name: string, start: number, end: number, after: string[] = []) => ({
  name,
  start,
  end,
  after,
});
const names = (operations: { name: string }[]) => operations.map(({ name }) => name);

describe("the critical path", () => {
  it("ends with what ends last, and goes back over what each link waited for longest", () => {
    const path = criticalPath([
      operation("vpc", 0, 12),
      operation("bucket", 0, 1),
      operation("group", 12, 13, ["vpc"]),
      operation("instance", 13, 23, ["group", "bucket"]),
      operation("expiry", 1, 20, ["bucket"]),
    ]);
    expect(names(path)).toEqual(["vpc", "group", "instance"]);
  });

  it("is the longest operation alone when nothing depends on anything", () => {
    expect(names(criticalPath([operation("short", 0, 1), operation("long", 0, 5)]))).toEqual(["long"]);
  });

  it("is empty when there was nothing to do", () => {
    expect(criticalPath([])).toEqual([]);
  });
});
