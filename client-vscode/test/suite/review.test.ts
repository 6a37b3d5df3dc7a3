import * as assert from "node:assert";
import { nearest } from "../../src/review";
import { segments } from "../../src/settingsProblems";

const hunk = (id: string, line: number, old: string, text: string): Parameters<typeof nearest>[0][number] =>
  ({ id, agent: "a", uri: "file:///a", kind: "change", fits: true, old, new: text, range: { start: { line, character: 0 }, end: { line: line + 1, character: 0 } } });

suite("The hunk at the cursor", () => {
  const hunks = [hunk("late", 20, "x\n", "y\n"), hunk("early", 2, "a\n", "a\nb\nc\n")];

  test("is the one on that line of the file", () => {
    assert.deepStrictEqual([2, 20].map((line) => nearest(hunks, line, false)?.id), ["early", "late"]);
  });

  test("is found in the proposed text, where what stands above it has grown", () => {
    assert.deepStrictEqual([4, 22].map((line) => nearest(hunks, line, true)?.id), ["early", "late"]);
  });

  test("is the closest one where the cursor is in none", () => {
    assert.deepStrictEqual([0, 8, 15].map((line) => nearest(hunks, line, false)?.id), ["early", "early", "late"]);
  });

  test("is none where nothing fits", () => {
    assert.strictEqual(nearest([{ ...hunk("stale", 1, "a\n", "b\n"), range: null }], 1, false), undefined);
  });
});

suite("The path of a setting", () => {
  test("is names and indexes", () => {
    assert.deepStrictEqual(segments("routes[1].endpoint"), ["routes", 1, "endpoint"]);
    assert.deepStrictEqual(segments("endpoints.team.baseUrl"), ["endpoints", "team", "baseUrl"]);
  });
});
