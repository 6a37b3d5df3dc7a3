import * as assert from "node:assert";
import * as vscode from "vscode";

suite("The extension", () => {
  const extension = vscode.extensions.getExtension("inhouse.inhouse");

  test("activates in a moment: the server starts behind it", async () => {
    assert.ok(extension);
    const began = performance.now();
    const spent = process.cpuUsage();
    await extension.activate();
    const took = performance.now() - began;
    const { user, system } = process.cpuUsage(spent);
    console.log(`activation: ${took.toFixed(0)} ms, the whole process took ${((user + system) / 1000).toFixed(0)} ms of the processor`);
    assert.ok(took < 2000, `${took} ms`); // 100 ms on a machine that does nothing else.
  });

  test("has every command that it contributes", async () => {
    const all = new Set(await vscode.commands.getCommands(true));
    const contributed = (extension?.packageJSON as { contributes: { commands: { command: string }[] } }).contributes.commands;
    assert.deepStrictEqual(contributed.map(({ command }) => command).filter((command) => !all.has(command)), []);
  });

  test("another extension that asks one of its models gets a clear no", async () => {
    const [model] = await vscode.lm.selectChatModels({ vendor: "inhouse" });
    assert.ok(model);
    assert.strictEqual(model.name, "As the agent says");
    const asked = async (): Promise<void> => {
      const answer = await model.sendRequest([vscode.LanguageModelChatMessage.User("hi")]);
      for await (const part of answer.text) { assert.fail(part); }
    };
    await assert.rejects(asked, /only through its agents/);
  });

  test("registers each agent's own command once the server has it", async function () {
    this.timeout(60_000);
    const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
    assert.ok(folder);
    await vscode.workspace.fs.writeFile(vscode.Uri.joinPath(folder, ".agents", "late.ts"),
      Buffer.from('export default { id: "late", displayName: "Late", model: "m", toolNames: ["end_turn"] };\n'));
    for (let i = 0; i < 200 && !(await vscode.commands.getCommands(true)).includes("inhouse.run.late"); i++) {
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    assert.ok((await vscode.commands.getCommands(true)).includes("inhouse.run.late"));
  });

  test("names what is wrong with a definition at its line", async function () {
    this.timeout(60_000);
    const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
    assert.ok(folder);
    const file = vscode.Uri.joinPath(folder, ".agents", "wrong.ts");
    await vscode.workspace.fs.writeFile(file, Buffer.from('export default {\n  id: "wrong",\n  displayName: "Wrong",\n  model: 42,\n};\n'));
    await vscode.window.showTextDocument(file);
    for (let i = 0; i < 200 && !vscode.languages.getDiagnostics(file).some((each) => each.source === "inhouse"); i++) {
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    assert.ok(vscode.languages.getDiagnostics(file).some((each) => each.range.start.line === 3), JSON.stringify(vscode.languages.getDiagnostics(file)));
  });
});
