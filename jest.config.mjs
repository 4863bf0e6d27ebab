const transform = {
  "^.+\\.ts$": ["@swc/jest", { jsc: { target: "es2022", parser: { syntax: "typescript" } } }],
};
const level = (displayName, testMatch, more = {}) => ({
  displayName,
  testMatch,
  transform,
  testEnvironment: "node",
  setupFiles: ["<rootDir>/tests/helpers/environment.ts"],
  testPathIgnorePatterns: ["/node_modules/"],
  ...more,
});

/** The levels of test: `unit` needs nothing but Node; each other level says what it needs when that is missing. */
export default {
  maxWorkers: "100%",
  // A computer with other work needs longer than Jest's five seconds to run the whole program.
  testTimeout: 30_000,
  projects: [
    level("unit", ["<rootDir>/tests/*.test.ts", "<rootDir>/tests/cli/**/*.test.ts"]),
    level("readers", ["<rootDir>/tests/readers/**/*.test.ts"]),
    level("engine", ["<rootDir>/tests/engine/**/*.test.ts"]),
    level("fleet", ["<rootDir>/tests/fleet/**/*.test.ts"]),
  ],
};
