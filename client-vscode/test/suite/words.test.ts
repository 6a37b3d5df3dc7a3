import * as assert from "node:assert";
import { agentItem } from "../../src/pick";
import type { AgentSummary } from "../../src/protocol";
import { said } from "../../src/settingsProblems";

suite("Words of others in lists and messages", () => {
  test("the name, model and description of an agent draw no icons", () => {
    const agent = { id: "a", displayName: "$(trash) Mine", description: "$(home) local", model: "$(verified) m", usable: true, problems: [{ severity: "error", message: "$(pass) fine" }] } as unknown as AgentSummary;
    const { label, description, detail } = agentItem(agent);
    assert.deepStrictEqual([label, description, detail], ["$(circle-slash) $ (trash) Mine", "$ (verified) m · no endpoint", "$ (home) local  $(warning) $ (pass) fine"]);
  });

  test("a problem of a setting names the setting once", () => {
    assert.strictEqual(said({ key: "maxSteps", message: "maxSteps: not a number" }), "Setting inhouse.maxSteps: not a number");
    assert.strictEqual(said({ key: "maxSteps", message: "not a number" }), "Setting inhouse.maxSteps: not a number");
  });
});
