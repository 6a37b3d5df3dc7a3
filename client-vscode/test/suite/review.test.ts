import * as assert from "node:assert";
import * as vscode from "vscode";
import { asCode, asMarkdown } from "../../src/problem";
import { nearest, nextFrom } from "../../src/review";
import { segments } from "../../src/settingsProblems";
import { ofServer, sessionIdOf, withName } from "../../src/transcript";

const hunk = (id: string, line: number, old: string, text: string): Parameters<typeof nearest>[0][number] =>
  ({ id, runId: "run-1", agent: "a", uri: "file:///a", kind: "change", fits: true, old, new: text, range: { start: { line, character: 0 }, end: { line: line + 1, character: 0 } } });

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

suite("The change before and after the cursor", () => {
  const of = (file: string, ...lines: number[]): Parameters<typeof nearest>[0][number][] =>
    lines.map((line) => ({ ...hunk(`${file}${line}`, line, "x\n", "y\n"), uri: `file:///${file}` }));
  const hunks = [...of("a", 2, 20), ...of("b", 5)];
  const from = (file: string, line: number, by: 1 | -1): string | undefined => nextFrom(hunks, { uri: `file:///${file}`, line, proposed: false, stale: [] }, by)?.id;

  test("is in the same file as long as there is one, then in the next file, and then it begins again", () => {
    assert.deepStrictEqual([from("a", 0, 1), from("a", 2, 1), from("a", 20, 1), from("b", 5, 1)], ["a2", "a20", "b5", "a2"]);
    assert.deepStrictEqual([from("b", 9, -1), from("b", 5, -1), from("a", 20, -1), from("a", 2, -1)], ["b5", "a20", "a2", "b5"]);
  });
});

suite("The path of a setting", () => {
  test("is names and indexes", () => {
    assert.deepStrictEqual(segments("routes[1].endpoint"), ["routes", 1, "endpoint"]);
    assert.deepStrictEqual(segments("endpoints.team.baseUrl"), ["endpoints", "team", "baseUrl"]);
  });
});

suite("Words that are shown as they are", () => {
  test("have no link and no mark", () => {
    assert.strictEqual(asMarkdown("https://my-site.org/a_b www.evil.org me@evil.org"), "https\\://my\\-site\\.org/a\\_b www\\.evil\\.org me\\@evil\\.org");
  });
});

suite("Code that wraps", () => {
  test("is each of its lines whole, whatever marks it has", () => {
    assert.strictEqual(asCode("say `a` ``b\n  in\n\n`x`"), "```say `a` ``b```  \n`  in`  \n  \n`` `x` ``");
  });
});

suite("The name of a tab", () => {
  const uri = vscode.Uri.parse("inhouse-session:/s-1.md");

  test("is cut between two signs, and never leaves an address that nobody can open", () => {
    for (const title of ["😀".repeat(40), `x${"😀".repeat(40)}`, "half \ud83d", "# a/b\\c?d=1#f & 50% <b>", "..", "\u2028\n", "\u202eevil"]) {
      const named = withName(uri, "fixer", title);
      assert.strictEqual(sessionIdOf(vscode.Uri.parse(named.toString())), "s-1", title);
      assert.strictEqual(ofServer(named).toString(), uri.toString());
    }
    assert.ok(withName(uri, "fixer", "😀".repeat(40)).path.endsWith("😀….md"));
    assert.strictEqual(withName(uri, "fixer", "\u202eevil").path, "/s-1/fixer: evil.md");
  });
});
